import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { type NewChunk, OUTSIDE_LEASE_MS, STREAM_VALUES, type StreamValues, streamChanged, streamTopic, toStreamValues } from './stream.ts'
import { chunksWritten } from './stream-figures.ts'

export interface Append {
  streamId: string
  /** The attempt that writes it; left out: a producer elsewhere. */
  attempt?: number
  /** What the producer believes to be the last seq. */
  afterSeq: number
  chunks: readonly NewChunk[]
}

/** Most chunks that one statement inserts: both databases limit its parameters. */
export const APPEND_LIMIT = 1000

/**
 * Appends to several open streams at once, each only if its last seq is still the one its producer knows: of two producers
 * of one stream, one goes on and the other is refused. So is an attempt that lost its stream to a later one, and one whose
 * stream waits for the next attempt. Answers the streams that accepted, by id.
 */
export async function streamsAppend(work: Work, appends: readonly Append[]): Promise<Map<string, StreamValues>> {
  const { nowMs } = work.sql
  // In the order of their ids, so that two groups never wait for each other in a circle.
  const inOrder = [...appends].sort((a, b) => (a.streamId < b.streamId ? -1 : 1))
  const heads = work.sql.table('head', {
    streamId: { kind: 'text', values: inOrder.map((append) => append.streamId) },
    byAttempt: { kind: 'integer', values: inOrder.map((append) => append.attempt ?? null) },
    afterSeq: { kind: 'integer', values: inOrder.map((append) => append.afterSeq) },
    throughSeq: { kind: 'integer', values: inOrder.map((append) => append.afterSeq + append.chunks.length) },
  })
  const rows = await work.rows<Record<string, unknown>>(Prisma.sql`
    UPDATE "Stream" SET "lastSeq" = "head"."throughSeq", "status" = 'STREAMING', "startedAtMs" = COALESCE("startedAtMs", ${nowMs}),
      "leaseExpiresAtMs" = CASE WHEN "producer" = 'OUTSIDE' THEN ${nowMs} + CAST(${OUTSIDE_LEASE_MS} AS INTEGER) END
    FROM ${heads}
    WHERE "id" = "head"."streamId" AND "lastSeq" = "head"."afterSeq" AND "status" IN ('PENDING', 'STREAMING')
      AND ("attempt" = "byAttempt" OR ("producer" = 'OUTSIDE' AND "byAttempt" IS NULL))
    RETURNING ${STREAM_VALUES}`)
  const accepted = new Map(rows.map((row) => [row.id as string, toStreamValues(row)]))
  const chunks = inOrder
    .filter((append) => accepted.has(append.streamId))
    .flatMap(({ streamId, afterSeq, chunks: list }) => list.map((chunk, i) => ({ streamId, seq: afterSeq + 1 + i, ...chunk })))
  if (chunks.length) {
    const added = work.sql.table('added', {
      streamId: { kind: 'text', values: chunks.map((chunk) => chunk.streamId) },
      seq: { kind: 'integer', values: chunks.map((chunk) => chunk.seq) },
      kind: { kind: 'text', values: chunks.map((chunk) => chunk.kind) },
      content: { kind: 'bytes', values: chunks.map((chunk) => Buffer.from(chunk.content)) },
    })
    await work.execute(Prisma.sql`INSERT INTO "StreamChunk" ("streamId", "seq", "kind", "content", "createdAtMs")
      SELECT "streamId", "seq", ${work.sql.asEnum('ChunkKind', Prisma.sql`"kind"`)}, "content", ${nowMs} FROM ${added}`)
  }
  for (const { streamId, afterSeq, chunks: list } of inOrder) {
    const after = accepted.get(streamId)
    if (!after) continue
    chunksWritten(list)
    if (afterSeq === -1) streamChanged(work, 'STARTED', after, { status: 'PENDING', lastSeq: -1 })
    else work.signals.add(streamTopic(streamId))
  }
  return accepted
}
