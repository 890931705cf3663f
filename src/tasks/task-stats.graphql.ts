/** Figures over tasks: asked for, and followed. */
import { toDate } from '../core/clock.ts'
import { BadUserInput } from '../core/errors.ts'
import { live } from '../events/live.ts'
import { builder, rights, type SchemaTypes, weighs } from '../graphql/builder.ts'
import { SEARCH_COST } from '../graphql/scale.ts'
import { type Spread, spreadOf } from './histogram.ts'
import type { Tally } from './tally.ts'
import type { TaskStatus } from './task.ts'
import { TaskFilter } from './task-list.graphql.ts'
import { type TaskStats, taskStats, totalOf } from './task-stats.ts'
import { taskStatsFollow } from './task-stats-live.ts'
import { tallyScopeOf } from './task-stats-scope.ts'
import { MAX_MINUTES, type Throughput } from './task-stats-throughput.ts'
import { TaskStatusEnum } from './task-status.graphql.ts'

const MAX_SECONDS = 3600
/** A day of minutes is a long list. */
const THROUGHPUT_COST = 50

const TaskStatusCount = builder.objectRef<{ status: TaskStatus; count: number }>('TaskStatusCount').implement({
  description: 'How many tasks have a status.',
  fields: (t) => ({
    status: t.field({ type: TaskStatusEnum, description: 'The status.', resolve: (row) => row.status }),
    count: t.exposeInt('count', { description: 'How many.' }),
  }),
})

const spreads = new WeakMap<object, Spread>()

/** Summed up once for all its fields. */
function spread(histogram: Tally['durations']): Spread {
  const known = spreads.get(histogram) ?? spreadOf(histogram)
  spreads.set(histogram, known)
  return known
}

const DURATION = 'of the completed ones, from the start of their last attempt to its end, in milliseconds; null while there are none.'
const WAIT =
  'for which attempts waited before they were started, since the task was queued or due, in milliseconds; null while none was started. Of all attempts so far; with a filter on more than type and owner, of each task’s latest.'
const CLOSE = 'At most 5 % off.'

type Fields = PothosSchemaTypes.ObjectFieldBuilder<PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>, unknown>

/** What is told of all, and of each type. */
const figures = (t: Fields, of: (parent: unknown) => Tally) => {
  const time = (description: string, value: (tally: Tally) => number | null) => t.float({ nullable: true, description, resolve: (parent) => value(of(parent)) })
  return {
    byStatus: t.field({
      type: [TaskStatusCount],
      description: 'How many are in each status.',
      resolve: (parent) => (Object.entries(of(parent).counts) as [TaskStatus, number][]).map(([status, count]) => ({ status, count })),
    }),
    completionRate: t.float({
      nullable: true,
      description: 'COMPLETED of all that ended, 0 to 1; null while none has.',
      resolve: (parent) => {
        const { COMPLETED, FAILED, CANCELLED } = of(parent).counts
        return COMPLETED + FAILED + CANCELLED ? COMPLETED / (COMPLETED + FAILED + CANCELLED) : null
      },
    }),
    meanDurationMs: time(`Mean duration ${DURATION}`, ({ durations }) => spread(durations).meanMs),
    medianDurationMs: time(`Median duration ${DURATION} ${CLOSE}`, ({ durations }) => spread(durations).medianMs),
    p95DurationMs: time(`95th percentile of the duration ${DURATION} ${CLOSE}`, ({ durations }) => spread(durations).p95Ms),
    meanWaitMs: time(`Mean time ${WAIT}`, ({ waits }) => spread(waits).meanMs),
    medianWaitMs: time(`Median of the time ${WAIT} ${CLOSE}`, ({ waits }) => spread(waits).medianMs),
    p95WaitMs: time(`95th percentile of the time ${WAIT} ${CLOSE}`, ({ waits }) => spread(waits).p95Ms),
  }
}

const TaskTypeCount = builder.objectRef<Tally>('TaskTypeCount').implement({
  description: 'Figures over the tasks of a type.',
  fields: (t) => ({
    type: t.exposeString('type', { description: 'The type.' }),
    count: t.int({ description: 'How many there are.', resolve: totalOf }),
    ...figures(t as never, (tally) => tally as Tally),
  }),
})

const TaskThroughput = builder.objectRef<Throughput>('TaskThroughput').implement({
  description: 'What happened to tasks within a minute.',
  fields: (t) => ({
    minute: t.field({ type: 'DateTime', description: 'When the minute began.', resolve: ({ minuteMs }) => toDate(minuteMs) }),
    created: t.exposeInt('created', { description: 'How many were made.' }),
    started: t.exposeInt('started', { description: 'How many attempts were started.' }),
    completed: t.exposeInt('completed', { description: 'How many became COMPLETED.' }),
    failed: t.exposeInt('failed', { description: 'How many became FAILED.' }),
    cancelled: t.exposeInt('cancelled', { description: 'How many became CANCELLED.' }),
    retried: t.exposeInt('retried', { description: 'How many were queued again after an attempt that failed, was lost or took too long, or by `taskRetry`.' }),
  }),
})

const TaskStatsRef = builder.objectRef<TaskStats>('TaskStats').implement({
  description: 'Figures over many tasks.',
  fields: (t) => ({
    total: t.int({ description: 'How many there are.', resolve: ({ all }) => totalOf(all) }),
    ...figures(t as never, (stats) => (stats as TaskStats).all),
    byType: t.field({ type: [TaskTypeCount], description: 'The same for each type of which there are tasks, most first.', resolve: (stats) => stats.byType }),
    throughput: t.field({
      ...weighs(THROUGHPUT_COST),
      type: [TaskThroughput],
      description: `What happened in each of the last minutes, oldest first; the last one is the present one, not yet over. Kept for a week, deleted tasks included. Only without a filter, or with one on type and owner (eq, in).`,
      args: { minutes: t.arg.int({ defaultValue: 60, description: `How many minutes, 1 to ${MAX_MINUTES}.` }) },
      resolve: (stats, args) => {
        const minutes = args.minutes ?? 60
        if (minutes < 1 || minutes > MAX_MINUTES) throw new BadUserInput(`Must be 1 to ${MAX_MINUTES} minutes.`, ['minutes'])
        return stats.throughput(minutes)
      },
    }),
  }),
})

builder.queryFields((t) => ({
  taskStats: t.field({
    type: TaskStatsRef,
    description:
      'Figures over your tasks, for ADMINs over everybody’s; exact to the last commit. Cheap, however many tasks there are, without a filter or with one on type and owner (eq, in); with any other the tasks are counted, which among a million takes seconds.',
    ...rights('TASKS_READ', SEARCH_COST),
    args: { filter: t.arg({ type: TaskFilter, description: 'Which tasks.' }) },
    resolve: (_root, args, ctx) => taskStats(ctx.app.store, ctx.actor, args.filter),
  }),
}))

builder.subscriptionFields((t) => ({
  taskStatsUpdated: t.field({
    type: TaskStatsRef,
    description: 'Figures over your tasks, for ADMINs over everybody’s: as they are, and then as they have become whenever they changed.',
    ...rights('TASKS_READ'),
    args: {
      filter: t.arg({ type: TaskFilter, description: 'Which tasks: by type and ownerId, with eq or in, and nothing else.' }),
      everySeconds: t.arg.int({ defaultValue: 1, description: `Not more often than this; 1 to ${MAX_SECONDS}.` }),
    },
    subscribe: (_root, args, ctx) => {
      const everySeconds = args.everySeconds ?? 1
      if (everySeconds < 1 || everySeconds > MAX_SECONDS) throw new BadUserInput(`Must be 1 to ${MAX_SECONDS} seconds.`, ['everySeconds'])
      const scope = tallyScopeOf(ctx.actor, args.filter)
      if (!scope) throw new BadUserInput('Figures are followed by type and owner only: filter by these, with eq or in.', ['filter'])
      return live(ctx.signal, (signal) => taskStatsFollow(ctx.app.store, { actor: ctx.actor, scope, everySeconds }, signal))
    },
    resolve: (stats) => stats as TaskStats,
  }),
}))
