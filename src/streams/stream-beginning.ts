import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { ChunkKind } from './stream.ts'

/** The chunks of a stream from the first one on, in order, as far as together they hold no more bytes; as this transaction sees them. */
export async function streamBeginning(work: Work, streamId: string, bytes: number): Promise<{ kind: ChunkKind; content: string }[]> {
  const rows = await work.rows<{ kind: ChunkKind; content: Uint8Array }>(Prisma.sql`
    SELECT "kind", "content" FROM (
      SELECT "seq", "kind", "content", SUM(LENGTH("content")) OVER (ORDER BY "seq") AS "through" FROM "StreamChunk" WHERE "streamId" = ${streamId}
    ) AS "part" WHERE "through" <= ${bytes} ORDER BY "seq"`)
  return rows.map(({ kind, content }) => ({ kind, content: Buffer.from(content).toString('utf8') }))
}
