/**
 * Adds ended calls to the sums of their days. The rows that are added and the sums that have them change in one transaction, so that both
 * together say the same at every moment, however many servers do this and wherever one of them dies.
 */
import { setImmediate as breath } from 'node:timers/promises'
import { server } from '../core/actor.ts'
import type { Store } from '../events/store.ts'
import { transact } from '../events/transact.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { hourSumsOf, SUM_COLUMNS, SUM_KEYS, sumsOf, UNSUMMED } from './usage-sum.ts'

/** On SQLite the process does nothing else meanwhile. */
const ROWS_AT_ONCE = 1000

/** Hours are kept for five weeks. */
export const HOURS_KEPT = 35 * 24
const HOUR_KEYS = ['hour', ...SUM_KEYS.slice(1)]

const list = (columns: readonly string[], write = (column: string) => `"${column}"`) => Prisma.raw(columns.map(write).join(', '))

/** Until all that has ended is added, or another server has the rest in hand. */
export async function usageFold(store: Store, signal?: AbortSignal): Promise<void> {
  while (!signal?.aborted) {
    const { result: added } = await transact(store, server, fold)
    if (added < ROWS_AT_ONCE) return
    await breath()
  }
}

async function fold(work: Work): Promise<number> {
  const rows = await work.rows<{ id: string }>(
    Prisma.sql`SELECT "id" FROM "ProviderUsage" WHERE ${UNSUMMED} ORDER BY "day" LIMIT ${Prisma.raw(String(ROWS_AT_ONCE))} ${work.sql.forUpdateSkipLocked}`,
  )
  if (!rows.length) return 0
  const given = work.sql.table('given', { of: { kind: 'text', values: rows.map(({ id }) => id) } })
  const these = Prisma.sql`"id" IN (SELECT "of" FROM ${given})`
  // In the order of their keys, so that two servers that add to the same sums never wait in a circle.
  await work.execute(Prisma.sql`
    INSERT INTO "UsageSum" (${list([...SUM_KEYS, ...SUM_COLUMNS])}) SELECT * FROM (${sumsOf(these)}) AS "more" WHERE 1 = 1 ORDER BY ${list(SUM_KEYS)}
    ON CONFLICT (${list(SUM_KEYS)}) DO UPDATE SET ${list(SUM_COLUMNS, (column) => `"${column}" = "UsageSum"."${column}" + excluded."${column}"`)}`)
  await work.execute(Prisma.sql`
    INSERT INTO "UsageHour" (${list([...HOUR_KEYS, ...SUM_COLUMNS])}) SELECT * FROM (${hourSumsOf(these)}) AS "more" WHERE 1 = 1 ORDER BY ${list(HOUR_KEYS)}
    ON CONFLICT (${list(HOUR_KEYS)}) DO UPDATE SET ${list(SUM_COLUMNS, (column) => `"${column}" = "UsageHour"."${column}" + excluded."${column}"`)}`)
  await work.execute(Prisma.sql`DELETE FROM "UsageHour" WHERE "hour" < ${work.sql.nowMs} / 3600000 - ${Prisma.raw(String(HOURS_KEPT))}`)
  await work.execute(Prisma.sql`UPDATE "ProviderUsage" SET "isSummed" = TRUE WHERE ${these}`)
  return rows.length
}
