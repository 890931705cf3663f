/** Making, changing and ending tasks. */
import { z } from 'zod'
import { idOf, newIdOf } from '../core/ids.ts'
import {
  given,
  id,
  idempotencyKey,
  jsonObject,
  name,
  optionalDate,
  optionalId,
  optionalName,
  optionalNumber,
  optionalText,
  optionalWhole,
  text,
} from '../core/input.ts'
import type { Context } from '../graphql/context.ts'
import { mutation } from '../graphql/mutation.ts'
import { TaskRef } from './task.graphql.ts'
import { MAX_ATTEMPTS, MAX_PARAMS_BYTES } from './task.ts'
import { taskCancel } from './task-cancel.ts'
import { taskCreate } from './task-create.ts'
import { taskDelete } from './task-delete.ts'
import { taskEnded } from './task-ended.ts'
import { taskRetry } from './task-retry.ts'
import { taskRun } from './task-run.ts'
import { taskUpdate } from './task-update.ts'

type Made = { taskId: string }

/** The payload's task, read after the change. */
// biome-ignore lint/suspicious/noExplicitAny: the field builder's type depends on each payload
const taskField = (t: any) => ({
  task: t.prismaField({
    type: TaskRef,
    nullable: true,
    description: 'The task as it is now; null where nothing was changed.',
    resolve: (query: object, payload: { made: Made | null }, _args: unknown, ctx: Context) =>
      payload.made ? ctx.db.task.findUnique({ ...query, where: { id: payload.made.taskId } }) : null,
  }),
})

const runtime = {
  priority: optionalWhole(-1000, 1000),
  runAt: optionalDate,
  maxAttempts: optionalWhole(1, MAX_ATTEMPTS),
}

const timeoutSeconds = z.int().min(1, 'Must be at least 1').max(604_800, 'Must be at most 604800')

mutation('taskCreate', {
  description: 'Writes a task down, and queues it unless `runImmediately` is false. Its params are checked by its type.',
  rights: 'TASKS_WRITE',
  inputDescription: 'What shall be done, and how.',
  input: (t) => ({
    id: t.id({ description: 'An id of your own making, `Task:<UUIDv7>`, so that sending this again is harmless.' }),
    type: t.string({ required: true, description: 'One of `taskTypes`.' }),
    params: t.field({ type: 'JSON', description: 'What the type is given; see its `paramsSchema`. At most 200 kB.' }),
    description: t.string({ description: 'What it is about, for people; at most 10,000 characters.' }),
    domain: t.string({ description: 'Area of work, to group and filter by; at most 200 characters.' }),
    driftScore: t.float({ description: 'How far the work has strayed from its intent, 0 to 1.' }),
    priority: t.int({ description: 'Higher runs first; -1000 to 1000, 0 by default.' }),
    runAt: t.field({ type: 'DateTime', description: 'Not before this.' }),
    maxAttempts: t.int({ description: `How many attempts in all, 1 to ${MAX_ATTEMPTS}; 3 by default.` }),
    timeoutSeconds: t.int({ description: 'Seconds an attempt may take, up to a week; as long as it needs by default.' }),
    sessionKey: t.string({ description: 'What binds tasks of one session of an agent together; at most 200 characters.' }),
    idempotencyKey: t.string({ description: 'The same key with the same input gives the same task, for a day at least; at most 200 characters.' }),
    runImmediately: t.boolean({ defaultValue: true, description: 'Whether it is queued at once; otherwise it stays CREATED until `taskRun`.' }),
  }),
  validate: z.object({
    id: optionalId,
    type: text(1, 200),
    params: jsonObject(MAX_PARAMS_BYTES),
    description: optionalText(10_000),
    domain: optionalName(200),
    driftScore: optionalNumber(0, 1),
    ...runtime,
    timeoutSeconds: given(timeoutSeconds),
    sessionKey: optionalName(200),
    idempotencyKey,
    runImmediately: given(z.boolean()),
  }),
  payload: taskField,
  run: async (input, ctx) => {
    const creation = { ...input, id: input.id === undefined ? undefined : newIdOf('Task', input.id) }
    // An id of the client's making is a key too: the same call again finds its task.
    return ctx.once({ mutation: 'taskCreate', key: input.idempotencyKey, id: input.id, input }, async (work) => ({
      taskId: (await taskCreate(work, ctx.app.taskTypes, creation)).id,
    }))
  },
})

const clearable = <T extends z.ZodType>(schema: T) => schema.nullable().optional()

mutation('taskUpdate', {
  description: 'Changes what a task says of itself; while it waits (CREATED, QUEUED) also how it will be run. What is left out stays; null clears.',
  rights: 'TASKS_WRITE',
  inputDescription: 'What shall be otherwise.',
  input: (t) => ({
    id: t.id({ required: true, description: 'The task’s id.' }),
    description: t.string({ description: 'What it is about; at most 10,000 characters.' }),
    domain: t.string({ description: 'Area of work; at most 200 characters.' }),
    driftScore: t.float({ description: 'How far it has strayed, 0 to 1.' }),
    sessionKey: t.string({ description: 'The session of an agent; at most 200 characters.' }),
    summary: t.string({ description: 'What came of it, in words; at most 10,000 characters.' }),
    priority: t.int({ description: 'While it waits: -1000 to 1000.' }),
    params: t.field({ type: 'JSON', description: 'While it waits: what its type is given.' }),
    runAt: t.field({ type: 'DateTime', description: 'While it waits: not before this.' }),
    maxAttempts: t.int({ description: `While it waits: 1 to ${MAX_ATTEMPTS}.` }),
    timeoutSeconds: t.int({ description: 'While it waits: seconds an attempt may take; null: as long as it needs.' }),
    idempotencyKey: t.string({ description: 'The same key with the same input changes it once.' }),
  }),
  validate: z.object({
    id,
    description: clearable(text(0, 10_000)),
    domain: clearable(name(200)),
    driftScore: clearable(z.number().min(0, 'Must be at least 0').max(1, 'Must be at most 1')),
    sessionKey: clearable(name(200)),
    summary: clearable(text(0, 10_000)),
    params: jsonObject(MAX_PARAMS_BYTES).transform((value) => value ?? undefined),
    ...runtime,
    timeoutSeconds: clearable(timeoutSeconds),
    idempotencyKey,
  }),
  payload: taskField,
  run: (input, ctx) => {
    const { id: globalId, idempotencyKey: key, ...update } = input
    return onTask(ctx, 'taskUpdate', { id: globalId, key, input }, (work, taskId) => taskUpdate(work, ctx.app.taskTypes, taskId, update))
  },
})

const oneTask = z.object({ id, idempotencyKey })

/** A mutation that moves one task. */
function move(
  mutationName: string,
  description: string,
  run: (work: Parameters<typeof taskRun>[0], taskId: string) => Promise<unknown>,
  after?: (ctx: Context, taskId: string) => Promise<void>,
) {
  mutation(mutationName, {
    description,
    rights: 'TASKS_WRITE',
    inputDescription: 'Which task.',
    input: (t) => ({
      id: t.id({ required: true, description: 'The task’s id.' }),
      idempotencyKey: t.string({ description: 'The same key with the same input moves it once; at most 200 characters.' }),
    }),
    validate: oneTask,
    payload: taskField,
    run: async (input, ctx) => {
      const committed = await onTask(ctx, mutationName, { id: input.id, key: input.idempotencyKey, input }, run)
      await after?.(ctx, committed.result.taskId)
      return committed
    },
  })
}

function onTask(
  ctx: Context,
  mutationName: string,
  { id: globalId, key, input }: { id: string; key: string | undefined; input: unknown },
  run: (work: Parameters<typeof taskRun>[0], taskId: string) => Promise<unknown>,
) {
  // An id of another type is as good as none: what is not there is not found.
  const taskId = idOf('Task', globalId, ['input', 'id']) ?? ''
  return ctx.once({ mutation: mutationName, key, input }, async (work) => {
    await run(work, taskId)
    return { taskId }
  })
}

move('taskRun', 'Queues a task that was only written down (CREATED).', taskRun)
move('taskRetry', 'Queues a task anew that FAILED or was CANCELLED, with at least one more attempt.', taskRetry)
move(
  'taskCancel',
  'Ends a task. One that waits is CANCELLED at once; one that runs is asked to stop, and the answer waits up to two seconds for that. What it wrote so far is kept.',
  taskCancel,
  (ctx, taskId) => taskEnded(ctx.app.store, taskId),
)

mutation('taskDelete', {
  description: 'Removes a task that does not run, with its streams. The log of what happened to it stays.',
  rights: 'TASKS_WRITE',
  inputDescription: 'Which task.',
  input: (t) => ({
    id: t.id({ required: true, description: 'The task’s id.' }),
    idempotencyKey: t.string({ description: 'The same key with the same input answers the same; at most 200 characters.' }),
  }),
  validate: oneTask,
  payload: (t) => ({
    deletedId: t.id({
      nullable: true,
      description: 'The id of what was removed; null where nothing was.',
      resolve: (payload) => (payload.made ? `Task:${(payload.made as unknown as Made).taskId}` : null),
    }),
  }),
  run: (input, ctx) => onTask(ctx, 'taskDelete', { id: input.id, key: input.idempotencyKey, input }, taskDelete),
})
