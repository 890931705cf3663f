/** Moving, putting away and removing a task. */
import { z } from 'zod'
import { toGlobalId } from '../core/ids.ts'
import { id, idempotencyKey } from '../core/input.ts'
import type { Work } from '../events/work.ts'
import type { Context } from '../graphql/context.ts'
import { type InputBuilder, mutation } from '../graphql/mutation.ts'
import { discardedClear } from '../streams/streams-discard.ts'
import { taskArchive } from './task-archive.ts'
import { taskCancel } from './task-cancel.ts'
import { taskDelete } from './task-delete.ts'
import { taskEnded } from './task-ended.ts'
import { type Made, onTask, taskField } from './task-payload.graphql.ts'
import { taskRetry } from './task-retry.ts'
import { taskRun } from './task-run.ts'

const oneFields = (t: InputBuilder) => ({
  id: t.id({ required: true, description: 'The task’s id.' }),
  idempotencyKey: t.string({ description: 'The same key with the same input does it once, and answers the same; at most 200 characters.' }),
})

const oneRules = z.object({ id, idempotencyKey })

/** A mutation that moves one task. */
function move(
  mutationName: string,
  description: string,
  run: (work: Work, taskId: string) => Promise<unknown>,
  after?: (ctx: Context, taskId: string) => Promise<void>,
) {
  mutation(mutationName, {
    description,
    rights: 'TASKS_WRITE',
    inputDescription: 'Which task.',
    input: oneFields,
    validate: oneRules,
    payload: taskField,
    run: async (input, ctx) => {
      const committed = await onTask(ctx, mutationName, { id: input.id, key: input.idempotencyKey, input }, run)
      await after?.(ctx, committed.result.taskId)
      return committed
    },
  })
}

move('taskRun', 'Queues a task that was only written down (CREATED).', taskRun)
move(
  'taskRetry',
  'Queues a task anew that FAILED or was CANCELLED, with at least one more attempt. A part of a task that itself FAILED or was CANCELLED is retried after that, or together with it by `taskRetryMany`.',
  taskRetry,
)
move(
  'taskCancel',
  'Ends a task. One that waits is CANCELLED at once; one that runs is asked to stop, and the answer waits up to two seconds for that. What it wrote so far is kept.',
  taskCancel,
  (ctx, taskId) => taskEnded(ctx.app.store, taskId),
)
move(
  'taskArchive',
  'Puts a task away that has ended: it has `archivedAt` from then on, by which lists can leave it out. Retried, it is taken out again.',
  taskArchive,
)
move('taskUnarchive', 'Takes a task out again that was put away.', (work, taskId) => taskArchive(work, taskId, false))

mutation('taskDelete', {
  description: 'Removes a task that does not run, with its streams. The log of what happened to it stays.',
  rights: 'TASKS_WRITE',
  inputDescription: 'Which task.',
  input: oneFields,
  validate: oneRules,
  payload: (t) => ({
    deletedId: t.id({
      nullable: true,
      description: 'The id of what was removed; null where nothing was.',
      resolve: (payload) => (payload.made ? toGlobalId('Task', (payload.made as unknown as Made).taskId) : null),
    }),
  }),
  run: async (input, ctx) => {
    const committed = await onTask(ctx, 'taskDelete', { id: input.id, key: input.idempotencyKey, input }, taskDelete)
    await discardedClear(ctx.app.store)
    return committed
  },
})
