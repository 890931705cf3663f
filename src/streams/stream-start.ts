import { newId } from '../core/ids.ts'
import type { Work } from '../events/work.ts'
import { taskCreate } from '../tasks/task-create.ts'
import type { TaskTypes } from '../tasks/task-type.ts'
import type { TextGenerateParams } from '../tasks/types/text-generate.ts'

export interface StreamStart {
  id?: string | undefined
  /** What the stream shall belong to; left out: the task that writes it. */
  taskId?: string | undefined
  idempotencyKey?: string | undefined
  generation: TextGenerateParams
}

/** Starts a generation: a `text.generate` task, and with it the stream that its first attempt will write. */
export async function streamStart(work: Work, types: TaskTypes, start: StreamStart): Promise<{ streamId: string; taskId: string }> {
  const streamId = start.id ?? newId()
  const about = { id: streamId, model: start.generation.model, idempotencyKey: start.idempotencyKey, ...(start.taskId && { taskId: start.taskId }) }
  const task = await taskCreate(work, types, { type: 'text.generate', params: start.generation, stream: about })
  return { streamId, taskId: task.id }
}
