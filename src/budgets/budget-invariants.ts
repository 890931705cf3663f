/** What holds of budgets. That what is spent is what the calls cost is not looked at, for it takes a look at every call. */
import { foundBy, registerInvariant } from '../events/invariants.ts'
import { Prisma } from '../generated/sqlite/client.ts'

registerInvariant({
  name: 'RESERVATION_WITHOUT_CALL',
  description: 'Money is held of a budget only for calls that run.',
  find: foundBy(
    'ProviderUsage',
    ({
      each,
    }) => Prisma.sql`SELECT "usageId" AS "subjectId", "budgetId", "microUsd", "of"."status" FROM ${each(Prisma.sql`"BudgetReservation" AS "held"`, 'ProviderUsage', Prisma.sql`"of"."id" = "held"."usageId"`)}
      WHERE "of"."status" <> 'RUNNING'`,
  ),
})

registerInvariant({
  name: 'BUDGET_RESERVED_MISCOUNTED',
  description: 'What is reserved of a budget in a period is the sum of what calls hold of it.',
  find: foundBy(
    'Budget',
    () => Prisma.sql`SELECT "budgetId" AS "subjectId", "periodStartMs", SUM("reservedMicroUsd") AS "reservedMicroUsd", SUM("heldMicroUsd") AS "heldMicroUsd" FROM (
        SELECT "budgetId", "periodStartMs", "reservedMicroUsd", 0 AS "heldMicroUsd" FROM "BudgetSpent" WHERE "reservedMicroUsd" <> 0
        UNION ALL SELECT "budgetId", "periodStartMs", 0, "microUsd" FROM "BudgetReservation") AS "both"
      GROUP BY "budgetId", "periodStartMs" HAVING SUM("reservedMicroUsd") <> SUM("heldMicroUsd")`,
  ),
})

registerInvariant({
  name: 'BUDGET_SPENT_NEGATIVE',
  description: 'Nothing is spent of a budget that is less than nothing.',
  find: foundBy('Budget', () => Prisma.sql`SELECT "budgetId" AS "subjectId", "periodStartMs", "spentMicroUsd" FROM "BudgetSpent" WHERE "spentMicroUsd" < 0`),
})
