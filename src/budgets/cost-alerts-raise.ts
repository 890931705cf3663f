import { newId } from '../core/ids.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { BudgetValues } from './budget.ts'
import { COST_ALERT_VALUES, type CostAlertValues } from './cost-alert.ts'
import { webhookOrder } from './webhook-order.ts'

export interface Charged {
  budget: BudgetValues
  periodStartMs: number
  beforeMicroUsd: number
  spentMicroUsd: number
}

/** Tells of the thresholds that were passed: each once a period, whoever passes it, and however often the amount is changed. */
export async function costAlertsRaise(work: Work, charged: readonly Charged[]): Promise<void> {
  for (const { budget, periodStartMs, beforeMicroUsd, spentMicroUsd } of charged) {
    if (!budget.enabled) continue
    for (const threshold of budget.alertThresholds) {
      const at = (budget.amountMicroUsd * threshold) / 100
      if (spentMicroUsd < at || beforeMicroUsd >= at) continue
      const [alert] = await work.rows<CostAlertValues>(Prisma.sql`
        INSERT INTO "CostAlert" ("id", "ownerId", "budgetId", "periodStartMs", "threshold", "spentMicroUsd", "amountMicroUsd", "createdAtMs")
        VALUES (${newId()}, ${budget.ownerId}, ${budget.id}, CAST(${periodStartMs} AS BIGINT), CAST(${threshold} AS INTEGER), CAST(${spentMicroUsd} AS BIGINT), CAST(${budget.amountMicroUsd} AS BIGINT), ${work.sql.nowMs})
        ON CONFLICT ("budgetId", "periodStartMs", "threshold") DO NOTHING RETURNING ${COST_ALERT_VALUES}`)
      if (!alert) continue
      const { id, ownerId, ...data } = alert
      work.events.push({ kind: 'COST_ALERT_RAISED', subjectType: 'CostAlert', subjectId: id, ownerId, data: { ...data } })
      if (budget.webhookUrl !== null) await webhookOrder(work, ownerId, id)
    }
  }
}
