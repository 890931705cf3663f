/**
 * Merges the chunks of closed streams into few rows, and takes away those of streams that have expired.
 *
 * In small steps, each a transaction of its own with a pause after it. Whoever reads does so by one statement, which sees a step whole
 * or not at all. A stream is locked meanwhile and passed over by other servers; where one dies in the middle of a long stream
 * the next begins anew and leaves what is merged as it is.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { server } from '../core/actor.ts'
import type { Store } from '../events/store.ts'
import { transact } from '../events/transact.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { type ChunkRow, grouped, MERGED_BYTES, mergedRow } from './merged-chunks.ts'

const STREAMS_AT_ONCE = 50
const CHUNKS_AT_ONCE = 2000
const BYTES_AT_ONCE = 2_000_000
const PAUSE_MS = 20

export interface Compaction {
  /** So long after its end a stream is compacted. */
  afterMinutes: number
  /** Aborted, it stops after the step that is under way. */
  signal?: AbortSignal | undefined
}

/** Where a long stream goes on. */
interface Place {
  id: string
  afterSeq: number
}

interface Closed {
  id: string
  lastSeq: number
  expiredAtMs: number | null
}

/** Answers how many streams were done with. Any number of servers may do it at once. */
export async function streamsCompact(store: Store, { afterMinutes, signal }: Compaction): Promise<number> {
  let total = 0
  let place: Place | null = null
  for (;;) {
    const from: Place | null = place
    const { result }: { result: Step } = await transact(store, server, (work) => step(work, afterMinutes, from))
    total += result.done
    place = result.place
    if ((!result.more && !place) || signal?.aborted) return total
    await sleep(PAUSE_MS)
  }
}

interface Step {
  done: number
  more: boolean
  place: Place | null
}

async function step(work: Work, afterMinutes: number, place: Place | null): Promise<Step> {
  const old = Prisma.sql`"completedAtMs" < (SELECT ${work.sql.nowMs} - CAST(${afterMinutes * 60_000} AS BIGINT))`
  const which = place ? Prisma.sql`"id" = ${place.id}` : Prisma.sql`"completedAtMs" IS NOT NULL AND "createdAtMs" > 0 AND ${old}`
  const streams = await work.rows<Closed>(Prisma.sql`SELECT "id", "lastSeq", "expiredAtMs" FROM "Stream"
    WHERE ${which} AND "compactedAtMs" IS NULL ORDER BY "completedAtMs" LIMIT ${STREAMS_AT_ONCE} ${work.sql.forUpdateSkipLocked}`)
  const done: string[] = []
  let left = CHUNKS_AT_ONCE
  let goOn: Place | null = null
  for (const stream of streams) {
    if (left <= 0) break
    const afterSeq = place?.id === stream.id ? place.afterSeq : -1
    const did = stream.expiredAtMs === null ? await merge(work, stream, afterSeq, left) : await clear(work, stream, left)
    left -= Math.max(1, did.chunks)
    if (did.afterSeq === null) done.push(stream.id)
    else goOn = { id: stream.id, afterSeq: did.afterSeq }
    if (goOn) break
  }
  if (done.length)
    await work.execute(Prisma.sql`UPDATE "Stream" SET "compactedAtMs" = ${work.sql.nowMs} WHERE "id" IN (${Prisma.join(done)}) AND "compactedAtMs" IS NULL`)
  // After a place the oldest are looked for again; without one, only if there may be any left.
  return { done: done.length, more: place !== null || done.length < streams.length || streams.length === STREAMS_AT_ONCE, place: goOn }
}

interface Did {
  chunks: number
  /** Null: nothing is left to do. */
  afterSeq: number | null
}

type Row = ChunkRow & { contentType: string | null }

async function merge(work: Work, { id, lastSeq }: Closed, afterSeq: number, limit: number): Promise<Did> {
  const rows = await work.rows<Row>(Prisma.sql`SELECT "seq", "kind", "content", "contentType", "createdAtMs", "throughSeq", NULL AS "merged" FROM (
      SELECT "seq", "kind", "content", "contentType", "createdAtMs", "throughSeq", SUM(LENGTH("content")) OVER (ORDER BY "seq") - LENGTH("content") AS "before"
      FROM "StreamChunk" WHERE "streamId" = ${id} AND "seq" > ${afterSeq} ORDER BY "seq" LIMIT ${limit}
    ) AS "page" WHERE "before" < ${BYTES_AT_ONCE} ORDER BY "seq"`)
  const last = rows.at(-1)
  const through = last ? (last.throughSeq ?? last.seq) : lastSeq
  const complete = !last || through >= lastSeq
  const groups = grouped(rows, (row) => row.throughSeq === null && (row as Row).contentType === null && row.content.byteLength < MERGED_BYTES)
  // The last group may grow by what comes next: it is left to the next step, which begins with it.
  const growing = !complete && groups.length > 1 && !groups.at(-1)!.full ? groups.pop()! : null
  const parts = groups.filter((group) => group.rows.length > 1)
  if (parts.length) {
    const gone = parts.flatMap((group) => group.rows.slice(1).map(({ seq }) => seq))
    const made = parts.map(mergedRow)
    const removed = await work.execute(
      Prisma.sql`DELETE FROM "StreamChunk" WHERE "streamId" = ${id} AND "throughSeq" IS NULL AND "seq" IN (SELECT "seq" FROM ${work.sql.table('gone', { seq: { kind: 'integer', values: gone } })})`,
    )
    const merged = work.sql.table('made', {
      first: { kind: 'integer', values: made.map(({ seq }) => seq) },
      through: { kind: 'integer', values: made.map(({ throughSeq }) => throughSeq) },
      bytes: { kind: 'bytes', values: made.map(({ content }) => content) },
      parts: { kind: 'text', values: made.map((row) => JSON.stringify(row.merged)) },
    })
    const changed =
      await work.execute(Prisma.sql`UPDATE "StreamChunk" SET "content" = "made"."bytes", "throughSeq" = "made"."through", "merged" = ${work.sql.asJson(Prisma.sql`"made"."parts"`)}
      FROM ${merged} WHERE "streamId" = ${id} AND "seq" = "made"."first" AND "throughSeq" IS NULL`)
    // Nobody else writes a closed stream's rows while it is locked. Should it be otherwise, nothing has happened.
    if (removed !== gone.length || changed !== made.length) throw new Error(`The chunks of stream ${id} changed while they were merged.`)
  }
  return { chunks: rows.length, afterSeq: complete ? null : growing ? growing.rows[0]!.seq - 1 : through }
}

/** From the beginning, so that whoever comes in the middle of it sees at once that they are missing. */
async function clear(work: Work, { id }: Closed, limit: number): Promise<Did> {
  const first = Prisma.sql`SELECT "seq" FROM "StreamChunk" WHERE "streamId" = ${id} ORDER BY "seq" LIMIT ${limit}`
  const chunks = await work.execute(Prisma.sql`DELETE FROM "StreamChunk" WHERE "streamId" = ${id} AND "seq" IN (${first})`)
  return { chunks, afterSeq: chunks < limit ? null : -1 }
}
