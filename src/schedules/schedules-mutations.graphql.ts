/** Making, changing, resting and removing schedules. */
import { z } from 'zod'
import { idOf, newIdOf } from '../core/ids.ts'
import { given, id, idempotencyKey, name, optionalDate, optionalId, optionalWhole, text } from '../core/input.ts'
import type { Work } from '../events/work.ts'
import type { Context } from '../graphql/context.ts'
import { mutation } from '../graphql/mutation.ts'
import { TaskRef } from '../tasks/task.graphql.ts'
import { ScheduleRef } from './schedule.graphql.ts'
import { DEFAULT_CATCH_UP, MAX_CATCH_UP, MAX_CRON, MAX_NAME, MAX_SCHEDULES, MAX_TIMEZONE, MISSED_TICKS } from './schedule.ts'
import { scheduleCreate } from './schedule-create.ts'
import { scheduleDelete, scheduleForget } from './schedule-delete.ts'
import { MissedTicksEnum } from './schedule-list.graphql.ts'
import { schedulePause } from './schedule-pause.ts'
import { scheduleResume } from './schedule-resume.ts'
import { scheduleRun } from './schedule-run.ts'
import { ScheduledTaskInput, scheduledTaskRules } from './schedule-task.graphql.ts'
import { scheduleUpdate } from './schedule-update.ts'

type Made = { scheduleId: string; taskId?: string }

/** The payload's schedule, read after the change. */
// biome-ignore lint/suspicious/noExplicitAny: the field builder's type depends on each payload
const scheduleField = (t: any) => ({
  schedule: t.prismaField({
    type: ScheduleRef,
    nullable: true,
    description: 'The schedule as it is now; null where nothing was changed.',
    resolve: (query: object, payload: { made: Made | null }, _args: unknown, ctx: Context) =>
      payload.made ? ctx.db.schedule.findUnique({ ...query, where: { id: payload.made.scheduleId } }) : null,
  }),
})

const NAME = `What you call it, 1 to ${MAX_NAME} characters; no two of yours have the same.`
const CRON = `When: minute, hour, day of month, month, day of week, or six fields with seconds first, or a name as \`@daily\`. Lists, ranges, steps, \`L\`, \`W\` and \`#\` are known. At most ${MAX_CRON} characters.`
const CATCH_UP = `With CATCH_UP: for how many missed ticks at most a task is made, 1 to ${MAX_CATCH_UP}`

const rules = {
  name: name(MAX_NAME),
  cron: text(1, MAX_CRON),
  timezone: text(1, MAX_TIMEZONE),
  missed: z.enum(MISSED_TICKS),
}

mutation('scheduleCreate', {
  description: `Writes a schedule down: from now on it makes a task at each time that its cron expression names. An owner has at most ${MAX_SCHEDULES}.`,
  rights: 'TASKS_WRITE',
  inputDescription: 'What shall be done, and when.',
  input: (t) => ({
    id: t.id({ description: 'An id of your own making, `Schedule:<UUIDv7>`, so that sending this again is harmless.' }),
    name: t.string({ required: true, description: NAME }),
    cron: t.string({ required: true, description: CRON }),
    timezone: t.string({ defaultValue: 'UTC', description: 'Where the clock hangs that it goes by, as `Europe/Berlin`.' }),
    task: t.field({ type: ScheduledTaskInput, required: true, description: 'What each task is made with.' }),
    missed: t.field({ type: MissedTicksEnum, defaultValue: 'SKIP', description: 'What shall be done about ticks that nobody was there for.' }),
    maxCatchUp: t.int({ description: `${CATCH_UP}; ${DEFAULT_CATCH_UP} by default.` }),
    endsAt: t.field({ type: 'DateTime', description: 'No tick after this.' }),
    paused: t.boolean({ defaultValue: false, description: 'Whether it rests until `scheduleResume`.' }),
    idempotencyKey: t.string({ description: 'The same key with the same input gives the same schedule, for a day at least; at most 200 characters.' }),
  }),
  validate: z.object({
    ...rules,
    id: optionalId,
    timezone: given(rules.timezone),
    task: scheduledTaskRules,
    missed: given(rules.missed),
    maxCatchUp: optionalWhole(1, MAX_CATCH_UP),
    endsAt: optionalDate,
    paused: given(z.boolean()),
    idempotencyKey,
  }),
  payload: scheduleField,
  run: async (input, ctx) => {
    const creation = { ...input, id: input.id === undefined ? undefined : newIdOf('Schedule', input.id) }
    return ctx.once({ mutation: 'scheduleCreate', key: input.idempotencyKey, id: input.id, input }, async (work) => ({
      scheduleId: await scheduleCreate(work, ctx.app.taskTypes, creation),
    }))
  },
})

mutation('scheduleUpdate', {
  description:
    'Changes what a schedule says. What is left out stays; `endsAt: null` takes the end away. With another cron expression or time zone its ticks begin anew from now.',
  rights: 'TASKS_WRITE',
  inputDescription: 'What shall be otherwise.',
  input: (t) => ({
    id: t.id({ required: true, description: 'The schedule’s id.' }),
    name: t.string({ description: NAME }),
    cron: t.string({ description: CRON }),
    timezone: t.string({ description: 'Where the clock hangs that it goes by, as `Europe/Berlin`.' }),
    task: t.field({ type: ScheduledTaskInput, description: 'What each task is made with from now on, as a whole.' }),
    missed: t.field({ type: MissedTicksEnum, description: 'What shall be done about ticks that nobody was there for.' }),
    maxCatchUp: t.int({ description: `${CATCH_UP}.` }),
    endsAt: t.field({ type: 'DateTime', description: 'No tick after this; null: no end.' }),
    idempotencyKey: t.string({ description: 'The same key with the same input changes it once; at most 200 characters.' }),
  }),
  validate: z.object({
    id,
    name: given(rules.name),
    cron: given(rules.cron),
    timezone: given(rules.timezone),
    task: given(scheduledTaskRules),
    missed: given(rules.missed),
    maxCatchUp: optionalWhole(1, MAX_CATCH_UP),
    endsAt: z.union([z.null(), optionalDate]),
    idempotencyKey,
  }),
  payload: scheduleField,
  run: (input, ctx) => {
    const { id: _id, idempotencyKey: _key, ...update } = input
    return onSchedule(ctx, 'scheduleUpdate', input, (work, scheduleId) => scheduleUpdate(work, ctx.app.taskTypes, scheduleId, update))
  },
})

interface OneInput {
  id: string
  idempotencyKey?: string | undefined
}

function onSchedule(ctx: Context, mutationName: string, input: OneInput, run: (work: Work, scheduleId: string) => Promise<unknown>) {
  // An id of another type is as good as none: what is not there is not found.
  const scheduleId = idOf('Schedule', input.id, ['input', 'id']) ?? ''
  return ctx.once({ mutation: mutationName, key: input.idempotencyKey, input }, async (work): Promise<Made> => {
    const taskId = await run(work, scheduleId)
    return { scheduleId, ...(typeof taskId === 'string' && { taskId }) }
  })
}

const one = {
  rights: 'TASKS_WRITE',
  inputDescription: 'Which schedule.',
  // biome-ignore lint/suspicious/noExplicitAny: the field builder's type depends on each mutation
  input: (t: any) => ({
    id: t.id({ required: true, description: 'The schedule’s id.' }),
    idempotencyKey: t.string({ description: 'The same key with the same input has one effect; at most 200 characters.' }),
  }),
  validate: z.object({ id, idempotencyKey }),
} as const

mutation('schedulePause', {
  ...one,
  description: 'Lets a schedule rest. The ticks of the pause are not made up for. Tasks it has made go on.',
  payload: scheduleField,
  run: (input, ctx) => onSchedule(ctx, 'schedulePause', input, schedulePause),
})

mutation('scheduleResume', {
  ...one,
  description: 'Lets a paused schedule go on with the next time that fits.',
  payload: scheduleField,
  run: (input, ctx) => onSchedule(ctx, 'scheduleResume', input, scheduleResume),
})

mutation('scheduleRun', {
  ...one,
  description: 'Makes a task of a schedule now, by hand, also while it is paused. Its ticks come as if this had not been.',
  payload: (t) => ({
    ...scheduleField(t),
    task: t.prismaField({
      type: TaskRef,
      nullable: true,
      description: 'The task that was made; null where none was.',
      resolve: (query, payload, _args, ctx) => {
        const taskId = (payload.made as Made | null)?.taskId
        return taskId ? ctx.db.task.findUnique({ ...query, where: { id: taskId } }) : null
      },
    }),
  }),
  run: (input, ctx) => onSchedule(ctx, 'scheduleRun', input, (work, scheduleId) => scheduleRun(work, ctx.app.taskTypes, scheduleId)),
})

mutation('scheduleDelete', {
  ...one,
  description: 'Removes a schedule and its ticks. The tasks it has made stay, and so does the log of what happened to it.',
  payload: (t) => ({
    deletedId: t.id({
      nullable: true,
      description: 'The id of what was removed; null where nothing was.',
      resolve: (payload) => (payload.made ? `Schedule:${(payload.made as unknown as Made).scheduleId}` : null),
    }),
  }),
  run: async (input, ctx) => {
    const begun = await onSchedule(ctx, 'scheduleDelete', input, async (work, scheduleId) => void (await scheduleDelete(work, scheduleId)))
    const ended = await scheduleForget(ctx.app.store, ctx.actor, begun.result.scheduleId)
    return { ...begun, position: ended?.position ?? begun.position }
  },
})
