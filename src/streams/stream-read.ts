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

/** Chunks with `afterSeq < seq <= throughSeq`, in order, at most `limit`. */
export async function readChunks(database: Database, streamId: string, afterSeq: number, throughSeq: number, limit: number): Promise<Chunk[]> {
  const rows = await database.rows<{ seq: number; kind: ChunkKind; content: Uint8Array; createdAtMs: number }>(
    Prisma.sql`SELECT "seq", "kind", "content", "createdAtMs" FROM "StreamChunk" WHERE "streamId" = ${streamId} AND "seq" > ${afterSeq} AND "seq" <= ${throughSeq} ORDER BY "seq" LIMIT ${limit}`,
  )
  return rows.map((row) => ({ ...row, content: utf8(row.content) }))
}

/** The first chunks after a seq of several streams, by id, read at once. */
export async function readFirstChunks(database: Database, ids: readonly string[], afterSeq: number, limit: number): Promise<Map<string, Chunk[]>> {
  const each = ids.map(
    (id) =>
      Prisma.sql`SELECT * FROM (SELECT "streamId", "seq", "kind", "content", "createdAtMs" FROM "StreamChunk" WHERE "streamId" = ${id} AND "seq" > ${afterSeq} ORDER BY "seq" LIMIT ${limit}) AS "part"`,
  )
  const rows = await database.rows<{ streamId: string; seq: number; kind: ChunkKind; content: Uint8Array; createdAtMs: number }>(
    Prisma.sql`${Prisma.join(each, ' UNION ALL ')} ORDER BY "streamId", "seq"`,
  )
  const chunks = new Map<string, Chunk[]>(ids.map((id) => [id, []]))
  for (const { streamId, ...row } of rows) chunks.get(streamId)!.push({ ...row, content: utf8(row.content) })
  return chunks
}

/** The whole text of several streams, by id: their TEXT chunks, joined. */
export async function readTexts(database: Database, ids: readonly string[]): Promise<Map<string, string>> {
  const texts = new Map(ids.map((id) => [id, '']))
  if (!ids.length) return texts
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
