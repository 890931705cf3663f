import { requireKnown } from '../core/actor.ts'
import { newId } from '../core/ids.ts'
import type { Work } from '../events/work.ts'
import { taskCreate } from '../tasks/task-create.ts'
import type { TaskTypes } from '../tasks/task-type.ts'
import type { TextGenerateParams } from '../tasks/types/text-generate.ts'
import type { StreamValues } from './stream.ts'
import { streamOpen } from './stream-open.ts'

export interface StreamStart {
  id?: string | undefined
  /** What the stream shall belong to; left out: the task that writes it. */
  taskId?: string | undefined
  idempotencyKey?: string | undefined
  generation: TextGenerateParams
}

/** Starts a generation: a `text.generate` task, and at once the stream that its first attempt will write. */
export async function streamStart(work: Work, types: TaskTypes, start: StreamStart): Promise<{ stream: StreamValues; taskId: string }> {
  const { userId } = requireKnown(work.actor)
  const task = await taskCreate(work, types, { id: newId(), type: 'text.generate', params: start.generation })
  const stream = await streamOpen(work, {
    id: start.id,
    taskId: start.taskId ?? task.id,
    model: start.generation.model ?? null,
    idempotencyKey: start.idempotencyKey ?? null,
    producer: { taskId: task.id, attempt: 1, ownerId: userId },
  })
  return { stream, taskId: task.id }
}
