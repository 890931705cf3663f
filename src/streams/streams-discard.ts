/**
 * Removes streams whose tasks are being removed, however long they are.
 *
 * A stream goes with its task's row, and its chunks with it. What is too long for one transaction is cut off from everything instead,
 * marked by a time at which nothing was made, and taken away piece by piece afterwards: by whoever removed it, or, should they die,
 * by the housekeeping of any server. For everybody else it is gone at once: the log says so.
 */
import { setImmediate as turn } from 'node:timers/promises'
import { server } from '../core/actor.ts'
import type { Store } from '../events/store.ts'
import { transact } from '../events/transact.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { STREAM_VALUES, streamChanged, toStreamValues } from './stream.ts'

/** So many chunks are removed by one transaction. */
const CHUNKS_AT_ONCE = 5000
const DISCARDED = Prisma.raw(`"taskId" IS NULL AND "createdAtMs" = 0`)

/** Must be followed by the removal of the tasks that the streams belong to, and, once that is committed, by `discardedClear`. */
export async function streamsDiscard(work: Work, condition: Prisma.Sql): Promise<void> {
  const rows = await work.rows<Record<string, unknown>>(Prisma.sql`SELECT ${STREAM_VALUES} FROM "Stream" WHERE ${condition} ORDER BY "lastSeq", "id"`)
  const streams = rows.map(toStreamValues)
  let chunks = 0
  const long = streams.filter(({ lastSeq }) => {
    chunks += lastSeq + 1
    return chunks > CHUNKS_AT_ONCE
  })
  if (long.length)
    await work.execute(Prisma.sql`UPDATE "Stream" SET "taskId" = NULL, "producerTaskId" = NULL, "producer" = ${work.sql.asEnum('StreamProducer', 'TASK')}, "createdAtMs" = 0,
      "status" = CASE WHEN "completedAtMs" IS NULL THEN ${work.sql.asEnum('StreamStatus', 'CANCELLED')} ELSE "status" END,
      "completedAtMs" = COALESCE("completedAtMs", ${work.sql.nowMs}), "leaseExpiresAtMs" = NULL
      WHERE "id" IN (${Prisma.join(long.map(({ id }) => id))})`)
  for (const stream of streams) streamChanged(work, 'DELETED', stream)
}

/** Takes away what is left of discarded streams, in small steps. Any number of servers may do it at once. */
export async function discardedClear(store: Store): Promise<void> {
  const some = Prisma.sql`SELECT "id", "lastSeq" FROM "Stream" WHERE ${DISCARDED} LIMIT 1`
  while ((await store.database.rows(some)).length) {
    const { result: moved } = await transact(store, server, step)
    // Another server has the only one that is left.
    if (!moved) return
    await turn()
  }
}

/** From the end, so that what is still there has no hole. */
async function step(work: Work): Promise<boolean> {
  const [stream] = await work.rows<{ id: string; lastSeq: number }>(
    Prisma.sql`SELECT "id", "lastSeq" FROM "Stream" WHERE ${DISCARDED} LIMIT 1 ${work.sql.forUpdateSkipLocked}`,
  )
  if (!stream) return false
  // The row of a merged stream that holds the first chunk to go is taken whole.
  const [first] = await work.rows<{ seq: number | null }>(
    Prisma.sql`SELECT MAX("seq") AS "seq" FROM "StreamChunk" WHERE "streamId" = ${stream.id} AND "seq" <= ${Math.max(0, stream.lastSeq - CHUNKS_AT_ONCE + 1)}`,
  )
  const lastSeq = (first?.seq ?? 0) - 1
  await work.execute(Prisma.sql`DELETE FROM "StreamChunk" WHERE "streamId" = ${stream.id} AND "seq" > ${lastSeq}`)
  if (lastSeq < 0) await work.execute(Prisma.sql`DELETE FROM "Stream" WHERE "id" = ${stream.id} AND ${DISCARDED}`)
  else await work.execute(Prisma.sql`UPDATE "Stream" SET "lastSeq" = ${lastSeq} WHERE "id" = ${stream.id}`)
  return true
}
