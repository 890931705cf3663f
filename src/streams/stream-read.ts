/** Reading streams and their chunks, past Prisma: this is what followers do for every batch. */
import type { Database } from '../db/database.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { type ChunkRow, chunksOf, MERGED_BYTES } from './merged-chunks.ts'
import type { Chunk, StreamStatus } from './stream.ts'
import { StreamExpired } from './stream-errors.ts'

export interface StreamState {
  id: string
  ownerId: string
  status: StreamStatus
  lastSeq: number
  /** When what it said was removed by age. */
  expiredAtMs: number | null
}

export const readStreamStates = (database: Pick<Database, 'rows'>, ids: readonly string[]): Promise<StreamState[]> =>
  ids.length
    ? database.rows<StreamState>(Prisma.sql`SELECT "id", "ownerId", "status", "lastSeq", "expiredAtMs" FROM "Stream" WHERE "id" IN (${Prisma.join([...ids])})`)
    : Promise.resolve([])

/** Why a stream ended as it did, and the task whose attempt wrote it: a further attempt goes on in a stream of its own. */
export async function readStreamEnd(database: Database, id: string): Promise<{ error: string | null; taskId: string | null }> {
  const [row] = await database.rows<{ error: string | null; taskId: string | null }>(
    Prisma.sql`SELECT "error", "producerTaskId" AS "taskId" FROM "Stream" WHERE "id" = ${id}`,
  )
  return row ?? { error: null, taskId: null }
}

/** A page of chunks holds at most so much; what is left comes with the next page. A single chunk may be larger. */
const PAGE_BYTES = 1_000_000
/** The longest text that is joined for one field, and for all the fields that are read together. */
const TEXT_BYTES = 8_000_000
const TEXTS_BYTES = 32_000_000

const COLUMNS = Prisma.raw('"streamId", "seq", "kind", "content", "createdAtMs", "throughSeq", "merged"')

/** The rows that hold the chunks after a seq: the first one may begin before it. */
const rowsAfter = (
  streamId: string,
  afterSeq: number,
  through: Prisma.Sql,
  limit: number,
  more = Prisma.empty,
) => Prisma.sql`SELECT ${COLUMNS}${more} FROM "StreamChunk"
    WHERE "streamId" = ${streamId} AND "seq" >= COALESCE((SELECT MAX("seq") FROM "StreamChunk" WHERE "streamId" = ${streamId} AND "seq" <= ${afterSeq}), 0)
      AND COALESCE("throughSeq", "seq") > ${afterSeq} ${through} ORDER BY "seq" LIMIT ${limit}`

const BEFORE = Prisma.sql`, SUM(LENGTH("content")) OVER (ORDER BY "seq") - LENGTH("content") AS "before"`

/** Of these rows no more than hold so many bytes, and what is cut off of the first one. */
const pageAfter = (streamId: string, afterSeq: number, through: Prisma.Sql, limit: number, bytes: number) =>
  Prisma.sql`SELECT ${COLUMNS} FROM (${rowsAfter(streamId, afterSeq, through, limit, BEFORE)}) AS "page" WHERE "before" < ${bytes + MERGED_BYTES}`

/** Chunks with `afterSeq < seq <= throughSeq`, in order: at most `limit`, and not more than a page holds. */
export async function readChunks(database: Database, streamId: string, afterSeq: number, throughSeq: number, limit: number): Promise<Chunk[]> {
  const through = Prisma.sql`AND "seq" <= ${throughSeq}`
  const most = { limit: Math.min(limit, throughSeq - afterSeq), bytes: PAGE_BYTES }
  const packed = database.dialect === 'sqlite' && (await readPacked(database, rowsAfter(streamId, afterSeq, through, limit)))
  const rows = packed || (await database.rows<ChunkRow>(Prisma.sql`${pageAfter(streamId, afterSeq, through, limit, PAGE_BYTES)} ORDER BY "seq"`))
  return chunksOf(rows, afterSeq, most)
}

type PackedRow = [seq: number, kind: ChunkRow['kind'], bytes: number, createdAtMs: number, throughSeq: number | null, merged: string | null]

/**
 * All rows of a SELECT as one, which SQLite makes and JavaScript takes apart in a third of the time that it takes to hand over each by itself.
 * The contents lie end to end, as hexadecimal digits: a text cannot hold every byte. Null where they are more than a page.
 */
async function readPacked(database: Database, rows: Prisma.Sql): Promise<ChunkRow[] | null> {
  const [size] = await database.rows<{ bytes: number | null }>(Prisma.sql`SELECT SUM(LENGTH("content")) AS "bytes" FROM (${rows})`)
  const bytes = size?.bytes ?? null
  if (bytes === null) return []
  if (bytes > PAGE_BYTES) return null
  const [packed] = await database.rows<{ rows: string; contents: string }>(
    Prisma.sql`SELECT json_group_array(json_array("seq", "kind", LENGTH("content"), "createdAtMs", "throughSeq", "merged")) AS "rows", group_concat(HEX("content"), '') AS "contents" FROM (${rows})`,
  )
  const contents = Buffer.from(packed!.contents, 'hex')
  let from = 0
  return (JSON.parse(packed!.rows) as PackedRow[]).map(([seq, kind, bytes, createdAtMs, throughSeq, merged]) => {
    from += bytes
    return { seq, kind, content: contents.subarray(from - bytes, from), createdAtMs, throughSeq, merged }
  })
}

/** The first chunks after a seq of several streams, by id, read at once; of each at most `limit`, and not more than a page holds. */
export async function readFirstChunks(database: Database, ids: readonly string[], afterSeq: number, limit: number): Promise<Map<string, Chunk[]>> {
  const bytes = Math.max(1, Math.floor(PAGE_BYTES / ids.length))
  const each = ids.map((id) => pageAfter(id, afterSeq, Prisma.empty, limit, bytes))
  const rows = await database.rows<ChunkRow & { streamId: string }>(Prisma.sql`${Prisma.join(each, ' UNION ALL ')} ORDER BY "streamId", "seq"`)
  const byStream = new Map<string, ChunkRow[]>(ids.map((id) => [id, []]))
  for (const row of rows) byStream.get(row.streamId)!.push(row)
  return new Map([...byStream].map(([id, list]) => [id, chunksOf(list, afterSeq, { limit, bytes })]))
}

/**
 * The whole text of several streams, by id: their TEXT chunks, joined. Of one whose text was removed by age it is an error. A text
 * that is too long to be joined is missing; all of them are where they are too much together.
 */
export async function readTexts(database: Database, all: readonly string[]): Promise<Map<string, string | StreamExpired>> {
  const sizes = await database.rows<{ streamId: string; expired: number; bytes: number }>(
    Prisma.sql`SELECT s."id" AS "streamId", CASE WHEN s."expiredAtMs" IS NULL THEN 0 ELSE 1 END AS "expired", CAST(COALESCE(SUM(LENGTH(c."content")), 0) AS BIGINT) AS "bytes"
      FROM "Stream" s LEFT JOIN "StreamChunk" c ON c."streamId" = s."id" AND c."kind" = 'TEXT' WHERE s."id" IN (${Prisma.join([...all])}) GROUP BY s."id", s."expiredAtMs"`,
  )
  const expired = new Map(sizes.filter((size) => size.expired).map(({ streamId }) => [streamId, new StreamExpired()]))
  const there = sizes.filter(({ streamId, bytes }) => !expired.has(streamId) && bytes <= TEXT_BYTES)
  const together = there.reduce((sum, { bytes }) => sum + bytes, 0)
  if (!there.length || together > TEXTS_BYTES) return expired
  const ids = there.map(({ streamId }) => streamId)
  const rows = await database.rows<{ streamId: string; content: Uint8Array }>(
    Prisma.sql`SELECT "streamId", "content" FROM "StreamChunk" WHERE "streamId" IN (${Prisma.join(ids)}) AND "kind" = 'TEXT' ORDER BY "streamId", "seq"`,
  )
  const parts = new Map<string, Uint8Array[]>(ids.map((id) => [id, []]))
  for (const row of rows) parts.get(row.streamId)!.push(row.content)
  const texts = new Map<string, string | StreamExpired>(expired)
  for (const { streamId, bytes } of there) {
    const text = Buffer.concat(parts.get(streamId)!)
    // Removed between the two statements.
    texts.set(streamId, text.byteLength < bytes ? new StreamExpired() : text.toString('utf8'))
  }
  return texts
}

/** The TEXT chunks, joined. */
export const textOf = (chunks: readonly Chunk[]): string => {
  let text = ''
  for (const chunk of chunks) if (chunk.kind === 'TEXT') text += chunk.content
  return text
}
