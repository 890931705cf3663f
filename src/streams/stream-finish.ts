import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { NewChunk } from './stream.ts'
import { StreamSeqMismatch } from './stream-errors.ts'
import { streamRefusal } from './stream-refusal.ts'
import { streamsAppend } from './streams-append.ts'
import { streamsEnd } from './streams-end.ts'

/** A producer elsewhere ends its stream, well or not. The last chunks come along and are committed with the final status. */
export async function streamFinish(
  work: Work,
  id: string,
  finish: { status: 'COMPLETED' | 'FAILED'; error?: string; afterSeq?: number | undefined; chunks: NewChunk[] },
): Promise<void> {
  if (finish.chunks.length) {
    const afterSeq = finish.afterSeq ?? -1
    const accepted = await streamsAppend(work, [{ streamId: id, afterSeq, chunks: finish.chunks }])
    if (!accepted.has(id)) throw await streamRefusal(work, id, afterSeq)
  }
  const [ended] = await streamsEnd(work, Prisma.sql`"id" = ${id} AND "producer" = 'OUTSIDE'`, finish)
  if (!ended) throw await streamRefusal(work, id)
  if (!finish.chunks.length && finish.afterSeq !== undefined && ended.lastSeq !== finish.afterSeq) throw new StreamSeqMismatch(ended.lastSeq, finish.afterSeq)
}
