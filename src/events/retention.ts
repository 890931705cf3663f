/** The log is kept for a while, not for ever. What is cut is remembered, so that an old cursor expires instead of skipping. */

import { IDEMPOTENCY_HOURS } from './once.ts'
import type { Store } from './store.ts'

const BATCH = 5000

/** Removes events and idempotency keys older than their time, in small steps. Answers how many events went. */
export async function eventsExpire(store: Store, retentionDays: number): Promise<number> {
  const { client, sql } = store.database
  const removed = async (): Promise<number> =>
    client.$transaction(async (db) => {
      const through = await db.$queryRaw<{ through: bigint | number | null }[]>`
        SELECT MAX("position") AS "through" FROM (SELECT "position" FROM "Event" WHERE "occurredAtMs" < ${sql.nowMs} - ${retentionDays * 86_400_000} ORDER BY "position" LIMIT ${BATCH}) AS old`
      if (through[0]?.through === null || through[0]?.through === undefined) return 0
      // First the mark, then the cut: whoever reads in between is told that its cursor expired.
      await db.$executeRaw`UPDATE "LogHead" SET "expiredThrough" = ${through[0].through} WHERE "id" = 1 AND "expiredThrough" < ${through[0].through}`
      return db.$executeRaw`DELETE FROM "Event" WHERE "position" <= ${through[0].through}`
    })
  let total = 0
  for (let count = await removed(); count > 0; count = await removed()) total += count
  await client.$executeRaw`DELETE FROM "IdempotencyKey" WHERE "createdAtMs" < ${sql.nowMs} - ${IDEMPOTENCY_HOURS * 2 * 3_600_000}`
  return total
}
