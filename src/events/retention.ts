/** The log is kept for a while, not for ever. What is cut is remembered, so that an old cursor expires instead of skipping. */
import { server } from '../core/actor.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { logReadersCatchUp, logReadThrough } from './log-readers.ts'
import { IDEMPOTENCY_HOURS } from './once.ts'
import type { Store } from './store.ts'
import { transact } from './transact.ts'
import type { Work } from './work.ts'

const BATCH = 5000

/**
 * Removes events and idempotency keys older than their time, in small steps. Any number of servers may do it at once.
 * Answers how many events went.
 */
export async function eventsExpire(store: Store, retentionDays: number): Promise<number> {
  await logReadersCatchUp(store)
  let total = 0
  for (;;) {
    const { result: removed } = await transact(store, server, (work) => oldestExpire(work, retentionDays))
    if (removed === null) break
    total += removed
  }
  await transact(store, server, (work) =>
    work.execute(Prisma.sql`DELETE FROM "IdempotencyKey" WHERE "createdAtMs" < ${work.sql.nowMs} - CAST(${IDEMPOTENCY_HOURS * 2 * 3_600_000} AS BIGINT)`),
  )
  return total
}

/** One step; null where there is nothing left to do. Times grow with positions, so that the old ones are those in front. */
async function oldestExpire({ rows, execute, sql }: Work, retentionDays: number): Promise<number | null> {
  const [old] = await rows<{ through: number | null }>(Prisma.sql`
    SELECT MAX("position") AS "through" FROM
      (SELECT "position", "occurredAtMs" FROM "Event" WHERE "position" > (SELECT "expiredThrough" FROM "LogHead" WHERE "id" = 1) AND "position" <= ${await logReadThrough({ rows })}
        ORDER BY "position" LIMIT ${BATCH}) AS "first"
    WHERE "occurredAtMs" < ${sql.nowMs} - CAST(${retentionDays * 86_400_000} AS BIGINT)`)
  const through = old?.through ?? null
  if (through === null) return null
  const removed = await execute(Prisma.sql`DELETE FROM "Event" WHERE "position" <= ${through}`)
  // Last, for on this row every commit with events waits. The cut and its mark become visible together.
  await execute(Prisma.sql`UPDATE "LogHead" SET "expiredThrough" = ${through} WHERE "id" = 1 AND "expiredThrough" < ${through}`)
  return removed
}
