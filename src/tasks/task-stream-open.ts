import type { Work } from '../events/work.ts'
import type { StreamValues } from '../streams/stream.ts'
import { streamOpen } from '../streams/stream-open.ts'
import { firstBelongsTo, streamTakeUp } from '../streams/stream-take-up.ts'
import type { Lease, TaskValues } from './task.ts'
import { taskHeld } from './task-held.ts'
import { taskChanged } from './task-move.ts'

/** Only the holder of the lease may open a stream for a task. One that waits for an attempt, without a chunk yet, is taken up. */
export async function taskStreamOpen(work: Work, lease: Lease, about: { model?: string | undefined; provider?: string | undefined }): Promise<StreamValues> {
  // A rescue that comes now waits, and then finds the stream.
  const task = await taskHeld(work, lease)
  const stream = (await streamTakeUp(work, { ...about, taskId: task.id, attempt: task.attempt })) ?? (await openAnew(work, task, about))
  taskChanged(work, 'STREAM_OPENED', { before: null, after: task }, { streamId: `Stream:${stream.id}` })
  return stream
}

/** A later attempt's stream belongs to what the first one's did. */
async function openAnew(
  work: Work,
  task: Pick<TaskValues, 'id' | 'attempt' | 'ownerId'>,
  about: { model?: string | undefined; provider?: string | undefined },
): Promise<StreamValues> {
  const taskId = (await firstBelongsTo(work, task.id)) ?? task.id
  return streamOpen(work, { taskId, ...about, producer: { taskId: task.id, attempt: task.attempt, ownerId: task.ownerId } })
}
