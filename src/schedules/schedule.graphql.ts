/** The type Schedule. */
import { ownedBy } from '../core/actor.ts'
import { toDate, toDateOrNull } from '../core/clock.ts'
import { BadUserInput } from '../core/errors.ts'
import { MAX_PAGE } from '../core/page.ts'
import { builder, weighs } from '../graphql/builder.ts'
import { NEWEST_FIRST, pagesOf } from '../graphql/connection.ts'
import { nodeLoader } from '../graphql/node.ts'
import { readRelated } from '../graphql/related.ts'
import { TaskPages, TaskRef } from '../tasks/task.graphql.ts'
import { nextRuns } from './next-runs.ts'
import type { ScheduledTask } from './schedule.ts'
import './schedule-invariants.ts'
import { MissedTicksEnum } from './schedule-list.graphql.ts'
import { ScheduledTaskRef } from './schedule-task.graphql.ts'
import { readTicks, ScheduleTickPages, ScheduleTickRef } from './schedule-ticks.graphql.ts'

/** A hundred of them may take 12 ms to compute. */
const NEXT_RUNS_COST = 60

export const ScheduleRef = builder.prismaNode('Schedule', {
  description: 'Makes tasks at the times that a cron expression names, each once, however many servers run.',
  id: { field: 'id', description: 'The global id, `Schedule:<uuid>`.' },
  select: { id: true, ownerId: true },
  fields: (t) => ({
    name: t.exposeString('name', { description: 'What its owner calls it; no other schedule of theirs has the same name.' }),
    cron: t.exposeString('cron', { description: 'When: minute, hour, day of month, month, day of week, or the same with seconds before them.' }),
    timezone: t.exposeString('timezone', { description: 'Where the clock hangs that it goes by, as `Europe/Berlin`.' }),
    task: t.field({
      type: ScheduledTaskRef,
      select: { task: true },
      description: 'What each task is made with.',
      resolve: (schedule) => schedule.task as unknown as ScheduledTask,
    }),
    missed: t.expose('missed', { type: MissedTicksEnum, description: 'What is done about ticks that nobody was there for.' }),
    maxCatchUp: t.exposeInt('maxCatchUp', { description: 'With CATCH_UP: for how many missed ticks at most a task is made, the last ones.' }),
    pausedAt: t.field({
      type: 'DateTime',
      nullable: true,
      select: { pausedAtMs: true },
      description: 'When it was paused; null: it is not.',
      resolve: (schedule) => toDateOrNull(schedule.pausedAtMs),
    }),
    endsAt: t.field({
      type: 'DateTime',
      nullable: true,
      select: { endsAtMs: true },
      description: 'No tick after this; null: it has no end.',
      resolve: (schedule) => toDateOrNull(schedule.endsAtMs),
    }),
    nextRunAt: t.field({
      type: 'DateTime',
      nullable: true,
      select: { nextRunAtMs: true },
      description: 'Its next tick; null while it is paused, and where none is left.',
      resolve: (schedule) => toDateOrNull(schedule.nextRunAtMs),
    }),
    lastRunAt: t.field({
      type: 'DateTime',
      nullable: true,
      select: { lastRunAtMs: true },
      description: 'When it last made a task, by a tick or by hand; null: it has made none.',
      resolve: (schedule) => toDateOrNull(schedule.lastRunAtMs),
    }),
    error: t.exposeString('error', { nullable: true, description: 'Why its last tick made no task; null where it did.' }),
    createdAt: t.field({
      type: 'DateTime',
      select: { createdAtMs: true },
      description: 'When it was made.',
      resolve: (schedule) => toDate(schedule.createdAtMs),
    }),
    updatedAt: t.field({
      type: 'DateTime',
      select: { updatedAtMs: true },
      description: 'When somebody changed, paused or resumed it last. Ticks do not count.',
      resolve: (schedule) => toDate(schedule.updatedAtMs),
    }),
    idempotencyKey: t.exposeString('idempotencyKey', { nullable: true, description: 'The key it was created with.' }),
    owner: t.relation('owner', { description: 'Whose it is, and whose the tasks are.' }),
    nextRuns: t.field({
      ...weighs(NEXT_RUNS_COST),
      type: ['DateTime'],
      select: { cron: true, timezone: true, nextRunAtMs: true, endsAtMs: true },
      args: { first: t.arg.int({ defaultValue: 5, description: `How many; 1 to ${MAX_PAGE}.` }) },
      description: 'Its next ticks, `nextRunAt` and what follows it; fewer where it ends before, none while it is paused.',
      resolve: (schedule, { first }) => {
        const count = first ?? 5
        if (count < 1 || count > MAX_PAGE) throw new BadUserInput(`first must be from 1 to ${MAX_PAGE}.`, ['first'])
        return nextRuns({ ...schedule, nextRunAtMs: orNull(schedule.nextRunAtMs), endsAtMs: orNull(schedule.endsAtMs) }, count).map(toDate)
      },
    }),
    ticks: t.connection(
      {
        type: ScheduleTickRef,
        description: 'Its ticks that came, newest first. Those older than 30 days are removed, but never the last 1,000.',
        resolve: (schedule, args, ctx, info) => readTicks(ctx, info, schedule.id, args) as never,
      },
      ...ScheduleTickPages,
    ),
    tasks: t.connection(
      {
        type: TaskRef,
        description: 'The tasks it made, also by hand, newest first.',
        resolve: (schedule, args, ctx, info) =>
          readRelated(ctx, info, schedule.id, {
            typeName: 'Task',
            table: 'Task',
            parent: 'scheduleId',
            order: NEWEST_FIRST,
            args,
            delegate: (c) => c.db.task as never,
          }) as never,
      },
      ...TaskPages,
    ),
  }),
})

const orNull = (ms: bigint | null): number | null => (ms === null ? null : Number(ms))

builder.prismaObjectField('Task', 'schedule', (t) =>
  t.relation('schedule', { nullable: true, description: 'The schedule that made it; null where none did, and once that is deleted.' }),
)

export const SchedulePages = pagesOf(ScheduleRef, 'Schedule', 'schedules')

nodeLoader('Schedule', 'TASKS_READ', (ctx, ids, query) => ctx.db.schedule.findMany({ ...query, where: { id: { in: ids }, ...ownedBy(ctx.actor) } }))
