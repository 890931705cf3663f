import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { budgetChanged } from './budget.ts'
import { budgetHold } from './budget-update.ts'

/** Removes a budget with what it knew of its periods, and its alerts. Calls that it held money for go on without it. */
export async function budgetDelete(work: Work, id: string): Promise<void> {
  const budget = await budgetHold(work, id)
  // Nobody reserves of it any more: whoever is about to has waited for the row, or is waited for.
  await work.execute(Prisma.sql`DELETE FROM "BudgetReservation" WHERE "budgetId" = ${id}`)
  await work.execute(Prisma.sql`DELETE FROM "Budget" WHERE "id" = ${id}`)
  budgetChanged(work, 'DELETED', budget)
}
