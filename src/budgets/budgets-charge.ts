import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { type BudgetedCall, type BudgetValues, budgetsMatching, holdsFor } from './budget.ts'
import { periodAt } from './budget-period.ts'
import { budgetsHold, budgetsMove, inOrder, keyOf, type PeriodKey, type Step } from './budgets-hold.ts'
import { type Charged, costAlertsRaise } from './cost-alerts-raise.ts'

export interface EndedCall extends BudgetedCall {
  usageId: string
  startedAtMs: number
  /** Null: nobody knows. */
  costMicroUsd: number | null
}

/**
 * Gives back what ended calls held, and charges what they cost to every budget that holds for them, enabled or not, in the period that
 * each began in. Whoever calls this has ended them in the same transaction, each once.
 */
export async function budgetsCharge(work: Work, calls: readonly EndedCall[]): Promise<void> {
  if (!calls.length) return
  const steps = new Map<string, Step>()
  const step = ({ budgetId, periodStartMs }: PeriodKey): Step => {
    const key = keyOf({ budgetId, periodStartMs })
    const known = steps.get(key) ?? { budgetId, periodStartMs, spentBy: 0, reservedBy: 0 }
    steps.set(key, known)
    return known
  }
  // Before what is held of them: whoever deletes a budget holds it first too.
  const budgets = await budgetsMatching(work, calls)
  const returned = await work.rows<PeriodKey & { microUsd: number }>(Prisma.sql`
    DELETE FROM "BudgetReservation" WHERE "usageId" IN (${Prisma.join(calls.map(({ usageId }) => usageId))}) RETURNING "budgetId", "periodStartMs", "microUsd"`)
  for (const each of returned) step(each).reservedBy -= each.microUsd
  for (const budget of budgets) for (const call of calls) charge(budget, call, step)
  const ordered = inOrder([...steps.values()]).filter(({ spentBy, reservedBy }) => spentBy || reservedBy)
  // A budget that is gone has no row any more, and none is made for it.
  const there = new Set(budgets.map(({ id }) => id))
  const standings = await budgetsHold(
    work,
    ordered.filter(({ budgetId }) => there.has(budgetId)),
  )
  await budgetsMove(work, ordered)
  const charged = budgets.flatMap((budget): Charged[] =>
    ordered
      .filter(({ budgetId, spentBy }) => budgetId === budget.id && spentBy)
      .map((each) => {
        const before = standings.get(keyOf(each))!.spentMicroUsd
        return { budget, periodStartMs: each.periodStartMs, beforeMicroUsd: before, spentMicroUsd: before + each.spentBy }
      }),
  )
  await costAlertsRaise(work, charged)
}

function charge(budget: BudgetValues, call: EndedCall, step: (key: PeriodKey) => Step): void {
  if (!call.costMicroUsd || !holdsFor(budget, call)) return
  const { startMs, endMs } = periodAt(budget.period, call.startedAtMs)
  // What was over before the budget was made is no period of it.
  if (endMs !== null && endMs <= budget.createdAtMs) return
  step({ budgetId: budget.id, periodStartMs: startMs }).spentBy += call.costMicroUsd
}
