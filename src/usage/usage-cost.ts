import { DAY_MS } from '../core/clock.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { costOfDays } from './usage-sums-read.ts'

/**
 * What ended calls cost that began on a day or later; as the transaction sees it. `ofFew`: the condition is on a column that the sums do
 * not have, and an index leads to the few calls that fulfil it.
 */
export async function usageCost(work: Pick<Work, 'rows'>, condition: Prisma.Sql, fromMs: number, ofFew: boolean): Promise<number> {
  if (!ofFew) return costOfDays(work, condition, fromMs / DAY_MS)
  const [sum] = await work.rows<{ cost: number }>(
    Prisma.sql`SELECT CAST(COALESCE(SUM("costMicroUsd"), 0) AS BIGINT) AS "cost" FROM "ProviderUsage" WHERE ${condition} AND "startedAtMs" >= ${fromMs} AND "status" <> 'RUNNING'`,
  )
  return sum!.cost
}
