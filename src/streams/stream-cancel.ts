import { ownedBy } from '../core/actor.ts'
import { NotFound } from '../core/errors.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { taskCancel } from '../tasks/task-cancel.ts'
import { isFinal } from './stream.ts'
import { streamRefusal } from './stream-refusal.ts'
import { streamsEnd } from './streams-end.ts'

/**
 * Ends a stream by request, from any server. One that a task writes is ended by cancelling the task, which commits what was
 * written so far; one that is written elsewhere ends here and now, and its producer is refused from then on.
 */
export async function streamCancel(work: Work, id: string): Promise<{ taskId: string | null }> {
  const stream = await work.db.stream.findUnique({ where: { id, ...ownedBy(work.actor) }, select: { status: true, producerTaskId: true } })
  if (!stream) throw new NotFound('Stream', ['input', 'id'])
  const [ended] = await streamsEnd(work, Prisma.sql`"id" = ${id} AND "producer" = 'OUTSIDE'`, { status: 'CANCELLED' })
  if (ended) return { taskId: null }
  if (isFinal(stream.status) || !stream.producerTaskId) throw await streamRefusal(work, { id })
  await taskCancel(work, stream.producerTaskId)
  return { taskId: stream.producerTaskId }
}
