import { type DomainError, NotFound } from '../core/errors.ts'
import type { Work } from '../events/work.ts'
import { isFinal } from './stream.ts'
import { StreamNotOpen, StreamSeqMismatch } from './stream-errors.ts'

/** Says why a guarded statement on an open stream met no row. Reads once; by now things may stand otherwise. */
export async function streamRefusal(work: Work, streamId: string, afterSeq?: number): Promise<DomainError> {
  const stream = await work.db.stream.findUnique({ where: { id: streamId }, select: { status: true, lastSeq: true } })
  if (!stream) return new NotFound('Stream', ['input', 'id'])
  if (isFinal(stream.status) || afterSeq === undefined || stream.lastSeq === afterSeq) return new StreamNotOpen(stream.status)
  return new StreamSeqMismatch(stream.lastSeq, afterSeq)
}
