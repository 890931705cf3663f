/** The log is kept for a while, not for ever. What is cut is remembered, so that an old cursor expires instead of skipping. */
import { server } from '../core/actor.ts'
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
  let total = 0
  for (;;) {
    const { result: removed } = await transact(store, server, (work) => oldestExpire(work, retentionDays))
    if (removed === null) break
    total += removed
  }
  await transact(
    store,
    server,
    (work) => work.db.$executeRaw`DELETE FROM "IdempotencyKey" WHERE "createdAtMs" < ${work.sql.nowMs} - CAST(${IDEMPOTENCY_HOURS * 2 * 3_600_000} AS BIGINT)`,
  )
  return total
}

/** One step; null where there is nothing left to do. */
async function oldestExpire({ db, sql }: Work, retentionDays: number): Promise<number | null> {
  const [old] = await db.$queryRaw<{ through: bigint | number | null }[]>`
    SELECT MAX("position") AS "through" FROM
      (SELECT "position" FROM "Event" WHERE "occurredAtMs" < ${sql.nowMs} - CAST(${retentionDays * 86_400_000} AS BIGINT) ORDER BY "occurredAtMs" LIMIT ${BATCH}) AS "old"`
  const through = old?.through ?? null
  if (through === null) return null
  const removed = await db.$executeRaw`DELETE FROM "Event" WHERE "position" <= ${through}`
  // Last, for on this row every commit with events waits. The cut and its mark become visible together.
  await db.$executeRaw`UPDATE "LogHead" SET "expiredThrough" = ${through} WHERE "id" = 1 AND "expiredThrough" < ${through}`
  return removed
}
