/** How budgets stand in their present period. */
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { BudgetPeriod, Span } from './budget-period.ts'
import { periodAt } from './budget-period.ts'

export interface Standing extends Span {
  spentMicroUsd: number
  reservedMicroUsd: number
}

/** Of the database's present moment; a period in which nothing happened yet has no row. */
export async function budgetStandings(
  { rows, sql }: Pick<Work, 'rows' | 'sql'>,
  budgets: readonly { id: string; period: BudgetPeriod }[],
): Promise<Map<string, Standing>> {
  const [now] = await rows<{ ms: number }>(Prisma.sql`SELECT ${sql.nowMs} AS "ms"`)
  const spans = budgets.map((budget) => ({ ...budget, ...periodAt(budget.period, now!.ms) }))
  const given = sql.table('given', {
    of: { kind: 'text', values: spans.map(({ id }) => id) },
    startMs: { kind: 'bigint', values: spans.map(({ startMs }) => startMs) },
  })
  const found = await rows<{ budgetId: string; spentMicroUsd: number; reservedMicroUsd: number }>(
    Prisma.sql`SELECT "budgetId", "spentMicroUsd", "reservedMicroUsd" FROM ${given} JOIN "BudgetSpent" ON "budgetId" = "given"."of" AND "periodStartMs" = "given"."startMs"`,
  )
  const byId = new Map(found.map((row) => [row.budgetId, row]))
  return new Map(
    spans.map(({ id, startMs, endMs }) => [
      id,
      { startMs, endMs, spentMicroUsd: byId.get(id)?.spentMicroUsd ?? 0, reservedMicroUsd: byId.get(id)?.reservedMicroUsd ?? 0 },
    ]),
  )
}
