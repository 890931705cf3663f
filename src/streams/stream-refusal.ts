import { type DomainError, NotFound } from '../core/errors.ts'
import type { Work } from '../events/work.ts'
import { isFinal } from './stream.ts'
import type { Producer } from './stream-access.ts'
import { ProducerStale, StreamNotOpen, StreamSeqMismatch } from './stream-errors.ts'

/** Says why a guarded statement on an open stream met no row. Reads once; by now things may stand otherwise. */
export async function streamRefusal(work: Work, { id, attempt }: Producer, afterSeq?: number): Promise<DomainError> {
  const stream = await work.db.stream.findUnique({ where: { id }, select: { status: true, lastSeq: true, attempt: true } })
  if (!stream) return new NotFound('Stream', ['input', 'id'])
  if (isFinal(stream.status)) return new StreamNotOpen(stream.status)
  if (attempt !== undefined && stream.attempt !== attempt) return new ProducerStale()
  if (afterSeq === undefined || stream.lastSeq === afterSeq) return new StreamNotOpen(stream.status)
  return new StreamSeqMismatch(stream.lastSeq, afterSeq)
}
