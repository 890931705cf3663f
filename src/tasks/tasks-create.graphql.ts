/** Making a task. */
import { z } from 'zod'
import { idempotencyKey } from '../core/input.ts'
import { mutation } from '../graphql/mutation.ts'
import { taskCreateUnique } from './task-create.ts'
import { taskCreationFields, taskCreationRules, toCreation } from './task-creation.graphql.ts'
import { type Made, taskField } from './task-payload.graphql.ts'

mutation('taskCreate', {
  description: 'Writes a task down, and queues it unless `runImmediately` is false. Its params are checked by its type.',
  rights: 'TASKS_WRITE',
  inputDescription: 'What shall be done, and how.',
  input: (t) => ({
    ...taskCreationFields(t),
    idempotencyKey: t.string({ description: 'The same key with the same input gives the same task, for a day at least; at most 200 characters.' }),
  }),
  validate: z.object({ ...taskCreationRules, idempotencyKey }),
  payload: (t) => ({
    ...taskField(t),
    isDuplicate: t.boolean({
      description: 'Whether `task` was there already, and stands for what was asked for (`unique`).',
      resolve: (payload) => (payload.made as Made | null)?.isDuplicate === true,
    }),
  }),
  run: async ({ idempotencyKey: key, ...input }, ctx) => {
    const creation = { ...toCreation(input), idempotencyKey: key }
    // Without a key it goes with whatever else is being made at the moment.
    if (key === undefined && creation.id === undefined) {
      const { result, position } = await ctx.app.creator.create(ctx.actor, creation)
      return { result: { taskId: result.task.id, isDuplicate: result.isDuplicate }, position }
    }
    // An id of the client's making is a key too: the same call again finds its task.
    return ctx.once({ mutation: 'taskCreate', key, id: input.id, input: { ...input, idempotencyKey: key } }, async (work) => {
      const { task, isDuplicate } = await taskCreateUnique(work, ctx.app.taskTypes, creation)
      return { taskId: task.id, isDuplicate }
    })
  },
})
