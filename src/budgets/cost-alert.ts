/** A budget passed a threshold: told once in each of its periods. */
import { Prisma } from '../generated/sqlite/client.ts'

export interface CostAlertValues {
  id: string
  ownerId: string
  budgetId: string
  periodStartMs: number
  /** Per cent. */
  threshold: number
  spentMicroUsd: number
  amountMicroUsd: number
  createdAtMs: number
}

export const COST_ALERT_VALUES = Prisma.raw(
  ['id', 'ownerId', 'budgetId', 'periodStartMs', 'threshold', 'spentMicroUsd', 'amountMicroUsd', 'createdAtMs']
    .map((column) => `"CostAlert"."${column}"`)
    .join(', '),
)
