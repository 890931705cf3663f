import { BUDGET_VALUES, type BudgetValues, toBudgetValues } from '../budgets/budget.ts'
import { budgetsReserve, type Wanted } from '../budgets/budgets-reserve.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'

/**
 * Holds more money for a call under way, in those budgets that it began under and that are still enabled. Null: there is none any more,
 * or the call was ended elsewhere; then nothing limits it here.
 */
export async function usageReserve(work: Work, wanted: Wanted): Promise<number | null> {
  const [running] = await work.rows(Prisma.sql`SELECT "id" FROM "ProviderUsage" WHERE "id" = ${wanted.usageId} AND "status" = 'RUNNING' ${work.sql.forUpdate}`)
  if (!running) return null
  const budgets = await reservedIn(work, wanted.usageId)
  return budgets.length ? budgetsReserve(work, budgets, wanted) : null
}

async function reservedIn(work: Work, usageId: string): Promise<BudgetValues[]> {
  const rows = await work.rows<Record<string, unknown>>(Prisma.sql`
    SELECT ${BUDGET_VALUES} FROM "BudgetReservation" JOIN "Budget" ON "Budget"."id" = "BudgetReservation"."budgetId"
    WHERE "BudgetReservation"."usageId" = ${usageId} ORDER BY "Budget"."id" ${work.sql.forKeyShareOf('Budget')}`)
  return rows.map(toBudgetValues).filter(({ enabled }) => enabled)
}
