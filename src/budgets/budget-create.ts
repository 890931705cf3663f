import { requireKnown } from '../core/actor.ts'
import { IdTaken } from '../core/errors.ts'
import { newId } from '../core/ids.ts'
import { registerConstraint } from '../db/constraints.ts'
import { truth } from '../db/statement-values.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { userLock } from '../identity/user-lock.ts'
import type { Secrets } from '../secrets.ts'
import { usageCost } from '../usage/usage-cost.ts'
import { BUDGET_VALUES, type BudgetValues, budgetChanged, DEFAULT_THRESHOLDS, MAX_BUDGETS, toBudgetValues, usageOf } from './budget.ts'
import { type AskedScope, scopeFor } from './budget-access.ts'
import { BudgetLimitReached } from './budget-errors.ts'
import { type BudgetPeriod, periodAt } from './budget-period.ts'
import { budgetsHold, budgetsMove } from './budgets-hold.ts'
import { costAlertsRaise } from './cost-alerts-raise.ts'

registerConstraint({ model: 'Budget', fields: ['id'] }, () => new IdTaken('Budget'))

export interface Webhook {
  url: string
  secret: string
}

export interface BudgetCreation extends AskedScope {
  id?: string | undefined
  name: string
  period: BudgetPeriod
  amountMicroUsd: number
  alertThresholds?: number[] | undefined
  webhook?: Webhook | undefined
  enabled?: boolean | undefined
}

/**
 * Writes a budget down. What its calls have cost in this period is spent of it from the beginning; calls under way hold nothing of it,
 * and are charged when they end. Answers its id.
 */
export async function budgetCreate(work: Work, secrets: Secrets, creation: BudgetCreation): Promise<string> {
  const { userId: ownerId } = requireKnown(work.actor)
  const { id = newId(), name, period, amountMicroUsd, alertThresholds = DEFAULT_THRESHOLDS, webhook, enabled = true } = creation
  // First of all: no call ends from here to the commit, so that what has been spent is counted once, here or by whoever ends it.
  await callsHold(work)
  const scope = await scopeFor(work, creation)
  await userLock(work, ownerId)
  const [there] = await work.rows<{ count: number }>(Prisma.sql`SELECT COUNT(*) AS "count" FROM "Budget" WHERE "ownerId" = ${ownerId}`)
  if (there!.count >= MAX_BUDGETS) throw new BudgetLimitReached()
  const sealed = webhook ? secrets.seal('webhook-secret', webhook.secret, id) : null
  const [row] = await work.rows<Record<string, unknown>>(Prisma.sql`
    INSERT INTO "Budget" ("id", "ownerId", "name", "scope", "userId", "taskType", "conversationId", "period", "amountMicroUsd", "alertThresholds", "webhookUrl", "webhookSecretSealed", "enabled", "createdAtMs", "updatedAtMs")
    SELECT ${id}, ${ownerId}, ${name}, ${work.sql.asEnum('BudgetScope', scope.scope)}, ${scope.userId}, ${scope.taskType}, ${scope.conversationId}, ${work.sql.asEnum('BudgetPeriodKind', period)},
      CAST(${amountMicroUsd} AS BIGINT), ${work.sql.json(sorted(alertThresholds))}, ${webhook?.url ?? null}, ${bytes(work, sealed)}, ${truth(enabled)}, "now"."ms", "now"."ms"
    FROM (SELECT ${work.sql.nowMs} AS "ms") AS "now" RETURNING ${BUDGET_VALUES}`)
  const budget = toBudgetValues(row!)
  budgetChanged(work, 'CREATED', budget)
  await spentSoFar(work, budget)
  return id
}

export const sorted = (thresholds: readonly number[]): number[] => [...new Set(thresholds)].sort((a, b) => a - b)
export const bytes = ({ dialect }: Pick<Work, 'dialect'>, value: Uint8Array | null): Prisma.Sql =>
  dialect === 'postgresql' ? Prisma.sql`CAST(${value} AS BYTEA)` : Prisma.sql`${value}`

const callsHold = async (work: Work): Promise<void> => {
  // On SQLite there is one writer.
  if (work.dialect === 'postgresql') await work.execute(Prisma.sql`LOCK TABLE "ProviderUsage" IN SHARE MODE`)
}

async function spentSoFar(work: Work, budget: BudgetValues): Promise<void> {
  const { startMs } = periodAt(budget.period, budget.createdAtMs)
  const spentMicroUsd = await usageCost(work, usageOf(budget), startMs, budget.scope === 'CONVERSATION')
  const key = { budgetId: budget.id, periodStartMs: startMs }
  await budgetsHold(work, [key])
  await budgetsMove(work, [{ ...key, spentBy: spentMicroUsd, reservedBy: 0 }])
  await costAlertsRaise(work, [{ budget, periodStartMs: startMs, beforeMicroUsd: -1, spentMicroUsd }])
}
