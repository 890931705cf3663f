import { setTimeout as sleep } from 'node:timers/promises'
import { server } from '../core/actor.ts'
import type { Store } from '../events/store.ts'
import { transact } from '../events/transact.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { STREAM_VALUES, streamChanged, toStreamValues } from './stream.ts'

export interface Expiry {
  /** Left out: never. */
  retentionDays?: number | undefined
  /** Aborted, it stops after the step that is under way. */
  signal?: AbortSignal | undefined
}

const STREAMS_AT_ONCE = 100
const PAUSE_MS = 20

/**
 * What streams said is removed so long after their end: they are marked here, and from then on say so; their chunks are taken away by
 * `streamsCompact`, step by step. Any number of servers may do it at once. Answers how many expired.
 */
export async function streamsExpire(store: Store, { retentionDays, signal }: Expiry): Promise<number> {
  let total = 0
  while (retentionDays !== undefined && !signal?.aborted) {
    const { result: count } = await transact(store, server, (work) => oldestExpire(work, retentionDays))
    total += count
    if (count < STREAMS_AT_ONCE) break
    await sleep(PAUSE_MS)
  }
  return total
}

async function oldestExpire(work: Work, days: number): Promise<number> {
  const due = Prisma.sql`"expiredAtMs" IS NULL AND "lastSeq" >= 0 AND "completedAtMs" IS NOT NULL AND "createdAtMs" > 0
    AND "completedAtMs" < (SELECT ${work.sql.nowMs} - CAST(${days * 86_400_000} AS BIGINT))`
  const rows = await work.rows<Record<string, unknown>>(Prisma.sql`UPDATE "Stream" SET "expiredAtMs" = ${work.sql.nowMs}, "compactedAtMs" = NULL
    WHERE "id" IN (SELECT "id" FROM "Stream" WHERE ${due} ORDER BY "completedAtMs" LIMIT ${STREAMS_AT_ONCE} ${work.sql.forUpdateSkipLocked}) AND "expiredAtMs" IS NULL
    RETURNING ${STREAM_VALUES}`)
  for (const row of rows) streamChanged(work, 'EXPIRED', toStreamValues(row))
  return rows.length
}
