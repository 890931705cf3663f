/** Embedding is done by tasks, so that it goes on after a crash, and shows, like all other work. */
import { z } from 'zod'
import { newId } from '../core/ids.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { inPlaceOf } from '../identity/in-place-of.ts'
import { taskCreate } from '../tasks/task-create.ts'
import { type TaskType, TaskTypes } from '../tasks/task-type.ts'
import { whenTasksEnd } from '../tasks/when-tasks-end.ts'
import type { VectorSetValues } from './vector-set.ts'

export const vectorsBuildParams = z.strictObject({
  setId: z
    .uuid({ version: 'v7', message: 'Is not the id of a set of vectors' })
    .describe('Which set of vectors. Sets are made by the mutations of what they are of.'),
})

export type VectorsBuildParams = z.infer<typeof vectorsBuildParams>

/** All of the type but its function, which is the server's. */
export const VECTORS_BUILD = {
  name: 'vectors.build',
  description: 'Embeds what is pending of a set of vectors, batch by batch. It goes on where it was after whatever happened.',
  params: vectorsBuildParams,
  maxAttempts: 20,
  retryPolicy: { initialSeconds: 2, factor: 2, maxSeconds: 600 },
  needsDatabase: true,
} as const satisfies Omit<TaskType<VectorsBuildParams>, 'run'>

const types = new TaskTypes()
types.register({ ...VECTORS_BUILD, run: () => Promise.reject(new Error('Here it is only made.')) })

/** Makes the task of a set, in the place of its owner, unless there is one: of several who ask, one does. Answers its id. */
export async function vectorsOrder(work: Work, { id, ownerId, model }: Pick<VectorSetValues, 'id' | 'ownerId' | 'model'>): Promise<string | null> {
  const taskId = newId()
  const isFirst = await work.execute(
    Prisma.sql`UPDATE "VectorSet" SET "taskId" = ${taskId}, "error" = NULL WHERE "id" = ${id} AND "taskId" IS NULL AND "status" <> 'RETIRED'`,
  )
  if (!isFirst) return null
  await taskCreate(await inPlaceOf(work, ownerId), types, {
    id: taskId,
    type: VECTORS_BUILD.name,
    params: { setId: id },
    description: `Makes vectors with ${model}.`,
  })
  return taskId
}

/** However a task ends, the next one may be made. */
whenTasksEnd('vectors', async (work, ended) => {
  for (const { id, type, status, error } of ended)
    if (type === VECTORS_BUILD.name) {
      const why = status === 'COMPLETED' ? null : (error ?? 'The task was cancelled.')
      await work.execute(Prisma.sql`UPDATE "VectorSet" SET "taskId" = NULL, "error" = CAST(${why} AS TEXT) WHERE "taskId" = ${id}`)
    }
})
