import type { Work } from '../events/work.ts'
import type { NewChunk } from './stream.ts'
import { type Producer, writtenBy } from './stream-access.ts'
import { StreamSeqMismatch } from './stream-errors.ts'
import { streamRefusal } from './stream-refusal.ts'
import { streamsAppend } from './streams-append.ts'
import { streamsEnd } from './streams-end.ts'

/** A producer elsewhere ends its stream, well or not. The last chunks come along and are committed with the final status. */
export async function streamFinish(
  work: Work,
  producer: Producer,
  finish: { status: 'COMPLETED' | 'FAILED'; error?: string; afterSeq?: number | undefined; chunks: NewChunk[] },
): Promise<void> {
  if (finish.chunks.length) {
    const afterSeq = finish.afterSeq ?? -1
    const { id: streamId, ...by } = producer
    const accepted = await streamsAppend(work, [{ streamId, ...by, afterSeq, chunks: finish.chunks }])
    if (!accepted.has(streamId)) throw await streamRefusal(work, producer, afterSeq)
  }
  const [ended] = await streamsEnd(work, writtenBy(producer), finish)
  if (!ended) throw await streamRefusal(work, producer)
  if (!finish.chunks.length && finish.afterSeq !== undefined && ended.lastSeq !== finish.afterSeq) throw new StreamSeqMismatch(ended.lastSeq, finish.afterSeq)
}
