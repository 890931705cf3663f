/** What programs elsewhere say of the tasks they work on. */
import { z } from 'zod'
import { toDate } from '../core/clock.ts'
import { idOf } from '../core/ids.ts'
import { given, idempotencyKey, optionalWhole, text } from '../core/input.ts'
import type { Work } from '../events/work.ts'
import { builder } from '../graphql/builder.ts'
import type { Context } from '../graphql/context.ts'
import { mutation } from '../graphql/mutation.ts'
import { TaskRef } from './task.graphql.ts'
import type { Lease } from './task.ts'
import { taskComplete } from './task-complete.ts'
import { taskFail } from './task-fail.ts'
import { taskGiveBack } from './task-give-back.ts'
import { type Heartbeat, taskHeartbeat } from './task-heartbeat.ts'
import { taskLease } from './task-lease.ts'
import { taskWait } from './task-wait.ts'
import { leaseFields, leaseRules, outcomeFields, outcomeRules, reportFields, reportRules } from './work-inputs.graphql.ts'

export const TaskStopReason = builder.enumType('TaskStopReason', {
  description: 'Why a worker shall stop.',
  values: {
    CANCELLED: { description: 'Somebody cancelled the task: `taskRelease` ends it.' },
    TIMED_OUT: { description: 'The attempt has taken as long as it may: `taskFail` or `taskRelease` end it.' },
  } as const,
})

const leaseOf = (input: { id: string; leaseToken: string }): Lease => ({ id: idOf('Task', input.id, ['input', 'id']) ?? '', leaseToken: input.leaseToken })

mutation('taskHeartbeat', {
  description: 'Says that you live and how far you are. The lease begins anew, and the answer says whether you shall stop.',
  rights: 'TASKS_WORK',
  inputDescription: 'Which task, and what is new.',
  input: (t) => ({ ...leaseFields(t), ...reportFields(t) }),
  validate: z.object({ ...leaseRules, ...reportRules }),
  run: ({ id, leaseToken, ...report }, ctx) => ctx.transact(async (work) => taskHeartbeat(work, await taskLease(work, leaseOf({ id, leaseToken })), report)),
  payload: (t) => ({
    task: taskField(t, (made) => (made as Heartbeat).task.id),
    cancelRequested: t.boolean({
      nullable: true,
      description: 'Whether you shall stop; `reason` says why. Null where the heartbeat was refused: then too.',
      resolve: (payload) => payload.made && payload.made.stop !== null,
    }),
    reason: t.field({
      type: TaskStopReason,
      nullable: true,
      description: 'Why you shall stop; null: go on.',
      resolve: (payload) => payload.made?.stop ?? null,
    }),
    leaseExpiresAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When the task is given to another, unless a further heartbeat came before.',
      resolve: (payload) => payload.made && toDate(payload.made.leaseExpiresAtMs),
    }),
  }),
})

const KEY = 'The same key with the same input does it once, and answers the same when it is sent again because the answer was lost; at most 200 characters.'

mutation('taskComplete', {
  description: 'Ends a task well. Only whoever holds its lease may; its streams are completed with it.',
  rights: 'TASKS_WORK',
  inputDescription: 'Which task, and what came of it.',
  input: (t) => ({ ...leaseFields(t), ...outcomeFields(t), idempotencyKey: t.string({ description: KEY }) }),
  validate: z.object({ ...leaseRules, ...outcomeRules, idempotencyKey }),
  run: (input, ctx) => {
    const { id, leaseToken, idempotencyKey: _key, ...outcome } = input
    return onLease(ctx, 'taskComplete', input, (work, lease) => taskComplete(work, lease, outcome))
  },
  payload: (t) => ({ task: taskField(t) }),
})

mutation('taskFail', {
  description: 'Ends an attempt badly. While attempts are left, and unless `retry` is false, the task is queued again after a pause; else it is FAILED.',
  rights: 'TASKS_WORK',
  inputDescription: 'Which task, and why.',
  input: (t) => ({
    ...leaseFields(t),
    error: t.string({ required: true, description: 'Why, for people; 1 to 4,000 characters.' }),
    retry: t.boolean({ defaultValue: true, description: 'Whether another attempt may go better.' }),
    retryAfterSeconds: t.int({ description: 'The earliest that makes sense, in seconds from now, up to a day; at least as long as the retry policy says.' }),
    idempotencyKey: t.string({ description: KEY }),
  }),
  validate: z.object({ ...leaseRules, error: text(1, 4000), retry: given(z.boolean()), retryAfterSeconds: optionalWhole(0, 86_400), idempotencyKey }),
  run: (input, ctx) =>
    onLease(ctx, 'taskFail', input, (work, lease) =>
      taskFail(work, lease, {
        error: input.error,
        retry: input.retry ?? true,
        retryAfterMs: input.retryAfterSeconds === undefined ? undefined : input.retryAfterSeconds * 1000,
      }),
    ),
  payload: (t) => ({ task: taskField(t) }),
})

/** Gives a task back by its lease alone. */
function giveBack(name: string, description: string, run: (work: Work, lease: Lease) => Promise<unknown>) {
  mutation(name, {
    description,
    rights: 'TASKS_WORK',
    inputDescription: 'Which task.',
    input: (t) => ({ ...leaseFields(t), idempotencyKey: t.string({ description: KEY }) }),
    validate: z.object({ ...leaseRules, idempotencyKey }),
    run: (input, ctx) => onLease(ctx, name, input, run),
    payload: (t) => ({ task: taskField(t) }),
  })
}

giveBack(
  'taskRelease',
  'Gives a task back unfinished: it is queued again at once, and this attempt costs it none. One that was cancelled ends by this as CANCELLED.',
  taskGiveBack,
)
giveBack(
  'taskWait',
  'Gives a task back until all its children have ended; then it is queued again, and this attempt costs it none. Who claims it then finds what came of them.',
  taskWait,
)

type Made = { taskId: string }

function onLease(
  ctx: Context,
  name: string,
  input: { id: string; leaseToken: string; idempotencyKey?: string | undefined },
  run: (work: Work, lease: Lease) => Promise<unknown>,
) {
  const shown = leaseOf(input)
  return ctx.once({ mutation: name, key: input.idempotencyKey, input }, async (work): Promise<Made> => {
    await run(work, await taskLease(work, shown))
    return { taskId: shown.id }
  })
}

/** The payload's task, read after the change. */
// biome-ignore lint/suspicious/noExplicitAny: the field builder's type depends on each payload
const taskField = (t: any, idIn = (made: unknown) => (made as Made).taskId) =>
  t.prismaField({
    type: TaskRef,
    nullable: true,
    description: 'The task as it is now; null where nothing was changed.',
    resolve: (query: object, payload: { made: unknown }, _args: unknown, ctx: Context) =>
      payload.made ? ctx.db.task.findUnique({ ...query, where: { id: idIn(payload.made) } }) : null,
  })
