/**
 * A budget says how much may be spent in a period by the calls that it holds for.
 *
 * What is spent of it is what these calls cost, from the beginning of the period on, also before the budget was made and while it was not
 * enabled: so it is always the sum of the calls that it shows. What is reserved is held for calls under way.
 */

import { fromJson } from '../db/statement-values.ts'
import { changedFrom } from '../events/changed.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { BudgetPeriod } from './budget-period.ts'

export const BUDGET_SCOPES = ['EVERYTHING', 'USER', 'TASK_TYPE', 'CONVERSATION'] as const
export type BudgetScope = (typeof BUDGET_SCOPES)[number]

export const MAX_BUDGETS = 1000
export const MAX_NAME = 200
/** A thousand million dollars. */
export const MAX_MICRO_USD = 1e15
export const MAX_THRESHOLDS = 20
export const MAX_THRESHOLD = 1000
export const DEFAULT_THRESHOLDS = [50, 80, 100]

/** What an event about a budget carries. */
export interface BudgetValues {
  id: string
  ownerId: string
  name: string
  scope: BudgetScope
  userId: string | null
  taskType: string | null
  conversationId: string | null
  period: BudgetPeriod
  amountMicroUsd: number
  alertThresholds: number[]
  webhookUrl: string | null
  enabled: boolean
  createdAtMs: number
  updatedAtMs: number
}

export const BUDGET_COLUMNS = [
  'id',
  'ownerId',
  'name',
  'scope',
  'userId',
  'taskType',
  'conversationId',
  'period',
  'amountMicroUsd',
  'alertThresholds',
  'webhookUrl',
  'enabled',
  'createdAtMs',
  'updatedAtMs',
] as const satisfies (keyof BudgetValues)[]

export const BUDGET_VALUES = Prisma.raw(BUDGET_COLUMNS.map((column) => `"Budget"."${column}"`).join(', '))

export const toBudgetValues = (row: Record<string, unknown>): BudgetValues => ({
  ...(Object.fromEntries(BUDGET_COLUMNS.map((column) => [column, row[column]])) as unknown as BudgetValues),
  enabled: Boolean(row.enabled),
  alertThresholds: fromJson(row.alertThresholds),
})

/** What of a call decides which budgets hold for it. */
export interface BudgetedCall {
  ownerId: string
  taskType: string | null
  conversationId: string | null
}

export type Scoped = Pick<BudgetValues, 'scope' | 'userId' | 'taskType' | 'conversationId'>

export function holdsFor(budget: Scoped, call: BudgetedCall): boolean {
  if (budget.scope === 'EVERYTHING') return true
  if (budget.scope === 'USER') return budget.userId === call.ownerId
  if (budget.scope === 'CONVERSATION') return budget.conversationId === call.conversationId
  return budget.taskType === call.taskType && (budget.userId === null || budget.userId === call.ownerId)
}

/** The same as a condition on the rows of ProviderUsage. */
export function usageOf({ scope, userId, taskType, conversationId }: Scoped): Prisma.Sql {
  if (scope === 'EVERYTHING') return Prisma.sql`1 = 1`
  if (scope === 'USER') return Prisma.sql`"ownerId" = ${userId}`
  if (scope === 'CONVERSATION') return Prisma.sql`"conversationId" = ${conversationId}`
  return userId === null ? Prisma.sql`"taskType" = ${taskType}` : Prisma.sql`"taskType" = ${taskType} AND "ownerId" = ${userId}`
}

/** Every budget, enabled or not, that holds for one of the calls. They are there to the end of the transaction. */
export async function budgetsMatching(work: Work, calls: readonly BudgetedCall[]): Promise<BudgetValues[]> {
  if (!calls.length) return []
  const among = (values: readonly (string | null)[]) => {
    const given = [...new Set(values)].filter((value) => value !== null)
    return Prisma.sql`IN (${given.length ? Prisma.join(given) : Prisma.sql`NULL`})`
  }
  const rows = await work.rows<Record<string, unknown>>(Prisma.sql`
    SELECT ${BUDGET_VALUES} FROM "Budget" WHERE "scope" = 'EVERYTHING'
      OR "userId" ${among(calls.map(({ ownerId }) => ownerId))}
      OR "taskType" ${among(calls.map(({ taskType }) => taskType))}
      OR "conversationId" ${among(calls.map(({ conversationId }) => conversationId))}
    ORDER BY "id" ${work.sql.forKeyShareOf('Budget')}`)
  return rows.map(toBudgetValues).filter((budget) => calls.some((call) => holdsFor(budget, call)))
}

export type BudgetChange = 'CREATED' | 'UPDATED' | 'DELETED'

export function budgetChanged(work: Work, kind: BudgetChange, after: BudgetValues, before?: BudgetValues): void {
  const { id, ownerId, ...values } = after
  work.events.push({
    kind: `BUDGET_${kind}`,
    subjectType: 'Budget',
    subjectId: id,
    ownerId,
    data: { ...values, ...changedFrom(BUDGET_COLUMNS, before, after) },
  })
}
