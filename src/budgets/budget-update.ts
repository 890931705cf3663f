import { NotFound } from '../core/errors.ts'
import { truth } from '../db/statement-values.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { Secrets } from '../secrets.ts'
import { BUDGET_VALUES, type BudgetValues, budgetChanged, toBudgetValues } from './budget.ts'
import { budgetMine } from './budget-access.ts'
import { bytes, sorted, type Webhook } from './budget-create.ts'
import { periodAt } from './budget-period.ts'
import { budgetsHold } from './budgets-hold.ts'
import { costAlertsRaise } from './cost-alerts-raise.ts'

/** Undefined leaves a value as it is; null clears it. What it holds for, and how long, stays. */
export interface BudgetUpdate {
  name?: string | undefined
  amountMicroUsd?: number | undefined
  alertThresholds?: number[] | undefined
  webhook?: Webhook | null | undefined
  enabled?: boolean | undefined
}

/** Changes what a budget says. Calls under way go on as far as what is held for them; a lower amount meets them with their next block. */
export async function budgetUpdate(work: Work, secrets: Secrets, id: string, update: BudgetUpdate): Promise<void> {
  const before = await budgetHold(work, id)
  if (Object.values(update).every((value) => value === undefined)) return
  const { name = before.name, amountMicroUsd = before.amountMicroUsd, alertThresholds = before.alertThresholds, enabled = before.enabled, webhook } = update
  const hook =
    webhook === undefined
      ? Prisma.empty
      : Prisma.sql`"webhookUrl" = CAST(${webhook?.url ?? null} AS TEXT), "webhookSecretSealed" = ${bytes(work, webhook ? secrets.seal('webhook-secret', webhook.secret, id) : null)},`
  const [row] = await work.rows<Record<string, unknown>>(Prisma.sql`
    UPDATE "Budget" SET ${hook} "name" = ${name}, "amountMicroUsd" = CAST(${amountMicroUsd} AS BIGINT), "alertThresholds" = ${work.sql.json(sorted(alertThresholds))},
      "enabled" = ${truth(enabled)}, "updatedAtMs" = ${work.sql.nowMs} WHERE "id" = ${id} RETURNING ${BUDGET_VALUES}`)
  const after = toBudgetValues(row!)
  budgetChanged(work, 'UPDATED', after, before)
  await passedNow(work, after)
}

/** With another amount or other thresholds, what is spent may be beyond one already. */
async function passedNow(work: Work, budget: BudgetValues): Promise<void> {
  const key = { budgetId: budget.id, periodStartMs: periodAt(budget.period, budget.updatedAtMs).startMs }
  const [standing] = (await budgetsHold(work, [key])).values()
  await costAlertsRaise(work, [{ budget, periodStartMs: key.periodStartMs, beforeMicroUsd: -1, spentMicroUsd: standing!.spentMicroUsd }])
}

export async function budgetHold(work: Work, id: string): Promise<BudgetValues> {
  const [row] = await work.rows<Record<string, unknown>>(Prisma.sql`SELECT ${BUDGET_VALUES} FROM "Budget" WHERE ${budgetMine(work, id)} ${work.sql.forUpdate}`)
  if (!row) throw new NotFound('Budget', ['input', 'id'])
  return toBudgetValues(row)
}
