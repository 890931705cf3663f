/** Reading streams and their chunks, past Prisma: this is what followers do for every batch. */
import type { Database } from '../db/database.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { Chunk, ChunkKind, StreamStatus } from './stream.ts'

export interface StreamState {
  id: string
  ownerId: string
  status: StreamStatus
  lastSeq: number
}

export const readStreamStates = (database: Database, ids: readonly string[]): Promise<StreamState[]> =>
  ids.length
    ? database.rows<StreamState>(Prisma.sql`SELECT "id", "ownerId", "status", "lastSeq" FROM "Stream" WHERE "id" IN (${Prisma.join([...ids])})`)
    : Promise.resolve([])

/** A page of chunks holds at most so much; what is left comes with the next page. A single chunk may be larger. */
const PAGE_BYTES = 1_000_000
/** The longest text that is joined for one field, and for all the fields that are read together. */
const TEXT_BYTES = 8_000_000
const TEXTS_BYTES = 32_000_000

/** The columns of a chunk, and how many bytes lie before it in the page. */
const sized = Prisma.sql`"streamId", "seq", "kind", "content", "createdAtMs", SUM(LENGTH("content")) OVER (ORDER BY "seq") - LENGTH("content") AS "before"`

/** Chunks with `afterSeq < seq <= throughSeq`, in order: at most `limit`, and not more than a page holds. */
export async function readChunks(database: Database, streamId: string, afterSeq: number, throughSeq: number, limit: number): Promise<Chunk[]> {
  const rows = await database.rows<{ seq: number; kind: ChunkKind; content: Uint8Array; createdAtMs: number }>(
    Prisma.sql`SELECT "seq", "kind", "content", "createdAtMs" FROM (
      SELECT ${sized} FROM "StreamChunk" WHERE "streamId" = ${streamId} AND "seq" > ${afterSeq} AND "seq" <= ${throughSeq} ORDER BY "seq" LIMIT ${limit}
    ) AS "page" WHERE "before" < ${PAGE_BYTES} ORDER BY "seq"`,
  )
  return rows.map((row) => ({ ...row, content: utf8(row.content) }))
}

/** The first chunks after a seq of several streams, by id, read at once; of each at most `limit`, and not more than a page holds. */
export async function readFirstChunks(database: Database, ids: readonly string[], afterSeq: number, limit: number): Promise<Map<string, Chunk[]>> {
  const each = ids.map(
    (id) =>
      Prisma.sql`SELECT "streamId", "seq", "kind", "content", "createdAtMs" FROM (
        SELECT ${sized} FROM "StreamChunk" WHERE "streamId" = ${id} AND "seq" > ${afterSeq} ORDER BY "seq" LIMIT ${limit}
      ) AS "part" WHERE "before" < ${Math.max(1, Math.floor(PAGE_BYTES / ids.length))}`,
  )
  const rows = await database.rows<{ streamId: string; seq: number; kind: ChunkKind; content: Uint8Array; createdAtMs: number }>(
    Prisma.sql`${Prisma.join(each, ' UNION ALL ')} ORDER BY "streamId", "seq"`,
  )
  const chunks = new Map<string, Chunk[]>(ids.map((id) => [id, []]))
  for (const { streamId, ...row } of rows) chunks.get(streamId)!.push({ ...row, content: utf8(row.content) })
  return chunks
}

/**
 * The whole text of several streams, by id: their TEXT chunks, joined. A text that is too long to be joined is missing; all
 * of them are where they are too much together.
 */
export async function readTexts(database: Database, all: readonly string[]): Promise<Map<string, string>> {
  const sizes = await database.rows<{ streamId: string; bytes: number }>(
    Prisma.sql`SELECT "streamId", CAST(SUM(LENGTH("content")) AS BIGINT) AS "bytes" FROM "StreamChunk" WHERE "streamId" IN (${Prisma.join([...all])}) AND "kind" = 'TEXT' GROUP BY "streamId"`,
  )
  const tooLong = new Set(sizes.filter(({ bytes }) => bytes > TEXT_BYTES).map(({ streamId }) => streamId))
  const ids = all.filter((id) => !tooLong.has(id))
  const together = sizes.reduce((sum, { streamId, bytes }) => (tooLong.has(streamId) ? sum : sum + bytes), 0)
  if (!ids.length || together > TEXTS_BYTES) return new Map()
  const texts = new Map(ids.map((id) => [id, '']))
  const rows = await database.rows<{ streamId: string; content: Uint8Array }>(
    Prisma.sql`SELECT "streamId", "content" FROM "StreamChunk" WHERE "streamId" IN (${Prisma.join([...ids])}) AND "kind" = 'TEXT' ORDER BY "streamId", "seq"`,
  )
  const parts = new Map<string, string[]>()
  for (const row of rows) {
    const list = parts.get(row.streamId)
    if (list) list.push(utf8(row.content))
    else parts.set(row.streamId, [utf8(row.content)])
  }
  for (const [id, list] of parts) texts.set(id, list.join(''))
  return texts
}

const utf8 = (content: Uint8Array): string => Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString('utf8')

/** The TEXT chunks, joined. */
export const textOf = (chunks: readonly Chunk[]): string => {
  let text = ''
  for (const chunk of chunks) if (chunk.kind === 'TEXT') text += chunk.content
  return text
}
