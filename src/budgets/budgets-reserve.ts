import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { BudgetValues } from './budget.ts'
import { BudgetExceeded } from './budget-errors.ts'
import { periodAt } from './budget-period.ts'
import { budgetsHold, budgetsMove, keyOf } from './budgets-hold.ts'

export interface Wanted {
  usageId: string
  /** A charge is always to the period that the call began in. */
  startedAtMs: number
  /** With less than this it cannot go on. */
  atLeast: number
  atMost: number
}

/**
 * Holds money for a call in all of these budgets at once, the same in each: as much as is wanted, or what is left of the tightest one.
 * Whoever comes at the same time waits for the rows, and finds what is left then. Answers how much it is.
 */
export async function budgetsReserve(work: Work, budgets: readonly BudgetValues[], { usageId, startedAtMs, atLeast, atMost }: Wanted): Promise<number> {
  const held = budgets.map((budget) => ({ budget, budgetId: budget.id, periodStartMs: periodAt(budget.period, startedAtMs).startMs }))
  const standings = await budgetsHold(work, held)
  let microUsd = atMost
  for (const each of held) {
    const { spentMicroUsd, reservedMicroUsd } = standings.get(keyOf(each))!
    const left = each.budget.amountMicroUsd - spentMicroUsd - reservedMicroUsd
    if (left < atLeast) throw new BudgetExceeded(each.budgetId, spentMicroUsd + reservedMicroUsd, each.budget.name)
    microUsd = Math.min(microUsd, left)
  }
  if (microUsd <= 0) return 0
  const steps = held.map((each) => ({ ...each, spentBy: 0, reservedBy: microUsd }))
  // An amount that was lowered in this very moment.
  if ((await budgetsMove(work, steps, { within: true })) < held.length)
    throw new BudgetExceeded(held[0]!.budgetId, held[0]!.budget.amountMicroUsd, held[0]!.budget.name)
  const given = work.sql.table('given', {
    ofBudget: { kind: 'text', values: held.map(({ budgetId }) => budgetId) },
    startMs: { kind: 'bigint', values: held.map(({ periodStartMs }) => periodStartMs) },
  })
  await work.execute(Prisma.sql`
    INSERT INTO "BudgetReservation" ("usageId", "budgetId", "periodStartMs", "microUsd")
    SELECT CAST(${usageId} AS TEXT), "ofBudget", "startMs", CAST(${microUsd} AS BIGINT) FROM ${given} WHERE 1 = 1
    ON CONFLICT ("usageId", "budgetId") DO UPDATE SET "microUsd" = "BudgetReservation"."microUsd" + excluded."microUsd"`)
  return microUsd
}
