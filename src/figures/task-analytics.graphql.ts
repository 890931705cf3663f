/** What happened to tasks, by spans of time. */
import { BadUserInput } from '../core/errors.ts'
import { builder, weighs } from '../graphql/builder.ts'
import { type Histogram, histogramMerge, type Spread } from '../tasks/histogram.ts'
import { ALL_TYPES, MINUTE_COUNTS, type MinuteCount, type TallyPeriod } from '../tasks/tally.ts'
import { tasksOverTimeKept } from '../tasks/tasks-over-time-kept.ts'
import { AnalyticsRef, bounds, type Fields, LIST_COST, type OfBucket, ownersOf, spread } from './analytics.graphql.ts'
import { bucketStart, type Span } from './bucket.ts'

const MAX_TYPES = 100

interface TaskFigures extends Record<MinuteCount, number> {
  /** To be added up, if anybody asks. */
  durations: Histogram[]
}
interface TaskBucket extends OfBucket {
  all: TaskFigures
  byType: () => Promise<(TaskFigures & { type: string })[]>
}

const COUNTS: Record<MinuteCount, string> = {
  created: 'How many were made.',
  started: 'How many attempts were started.',
  completed: 'How many became COMPLETED.',
  failed: 'How many became FAILED.',
  cancelled: 'How many became CANCELLED.',
  retried: 'How many were queued again after an attempt that failed, was lost or took too long, or by `taskRetry`.',
}

const taskFigures = (t: Fields<unknown>, of: (parent: never) => TaskFigures) => {
  const figures = of as (parent: unknown) => TaskFigures
  const time = (what: string, value: (spread: Spread) => number | null) =>
    t.float({
      nullable: true,
      description: `${what} of those that COMPLETED, from the start of the last attempt to its end, in milliseconds; null where none did.`,
      resolve: (parent) => value(durationsOf(figures(parent))),
    })
  return {
    ...Object.fromEntries(MINUTE_COUNTS.map((name) => [name, t.int({ description: COUNTS[name], resolve: (parent) => figures(parent)[name] })])),
    completionRate: t.float({
      nullable: true,
      description: 'COMPLETED of all that ended in it, 0 to 1; null where none did.',
      resolve: (parent) => {
        const { completed, failed, cancelled } = figures(parent)
        return completed + failed + cancelled ? completed / (completed + failed + cancelled) : null
      },
    }),
    meanDurationMs: time('Mean duration', ({ meanMs }) => meanMs),
    medianDurationMs: time('Median of the duration (at most 5 % off)', ({ medianMs }) => medianMs),
    p95DurationMs: time('95th percentile of the duration (at most 5 % off)', ({ p95Ms }) => p95Ms),
  }
}

const TaskTypeAnalytics = builder.objectRef<TaskFigures & { type: string }>('TaskTypeAnalytics').implement({
  description: 'What happened to tasks of a type within a span of time.',
  fields: (t) => ({ type: t.exposeString('type', { description: 'The type.' }), ...taskFigures(t as never, (of: TaskFigures) => of) }),
})

const TaskAnalytics = builder.objectRef<TaskBucket>('TaskAnalytics').implement({
  description: 'What happened to tasks within a span of time; tasks that were deleted since are among them.',
  fields: (t) => ({
    ...bounds(t as never),
    ...taskFigures(t as never, ({ all }: TaskBucket) => all),
    byType: t.field({
      ...weighs(50),
      type: [TaskTypeAnalytics],
      description: 'The same for each type of which anything happened, by name.',
      resolve: ({ byType }) => byType(),
    }),
  }),
})

const totals = new WeakMap<TaskFigures, Histogram>()

function durationsOf(figures: TaskFigures): Spread {
  const { durations } = figures
  if (durations.length === 1) return spread(durations[0]!)
  const known = totals.get(figures)
  if (known) return spread(known)
  const total: Histogram = {}
  for (const part of durations) histogramMerge(total, part)
  totals.set(figures, total)
  return spread(total)
}

const newFigures = (): TaskFigures => ({ created: 0, started: 0, completed: 0, failed: 0, cancelled: 0, retried: 0, durations: [] })

function figuresAdd(sum: TaskFigures, more: TallyPeriod): void {
  for (const name of MINUTE_COUNTS) sum[name] += more[name]
  sum.durations.push(more.durations)
}

/** By their buckets, and in each by type. */
function bucketed(span: Span, periods: readonly TallyPeriod[]): Map<number, Map<string, TaskFigures>> {
  const buckets = new Map(span.starts.map((startMs) => [startMs, new Map<string, TaskFigures>()]))
  for (const period of periods) {
    const types = buckets.get(bucketStart(span.bucket, period.startMs))!
    const sum = types.get(period.type) ?? newFigures()
    types.set(period.type, sum)
    figuresAdd(sum, period)
  }
  return buckets
}

/** `read`: all types together, or each. Each is read once for all buckets, when it is first asked for. */
async function taskBuckets(span: Span, isFiltered: boolean, read: (together: boolean) => Promise<TallyPeriod[]>): Promise<TaskBucket[]> {
  let reading: Promise<Map<number, Map<string, TaskFigures>>> | undefined
  const each = () => {
    reading ??= read(false).then((periods) => bucketed(span, periods))
    return reading
  }
  const all = await read(!isFiltered)
  const sums = bucketed(
    span,
    all.map((period) => ({ ...period, type: ALL_TYPES })),
  )
  return span.starts.map((startMs) => ({
    span,
    startMs,
    all: sums.get(startMs)!.get(ALL_TYPES) ?? newFigures(),
    byType: async () => [...(await each()).get(startMs)!].sort(([a], [b]) => (a < b ? -1 : 1)).map(([type, figures]) => ({ type, ...figures })),
  }))
}

builder.objectFields(AnalyticsRef, (t) => ({
  tasks: t.field({
    ...weighs(LIST_COST),
    type: [TaskAnalytics],
    description: 'What happened to tasks, exact to the last commit; each span of time, those in which nothing happened too.',
    args: { types: t.arg.stringList({ description: `Only of these types; at most ${MAX_TYPES}.` }) },
    resolve: async ({ span, ownerId }, { types }, { app, actor }) => {
      if (types && types.length > MAX_TYPES) throw new BadUserInput(`At most ${MAX_TYPES} types.`, ['types'])
      const scope = { ownerIds: ownersOf(actor, ownerId), ...(types && { types }) }
      const { fromMs, toMs } = span
      const hours = span.bucket === 'HOUR' ? 1 : 24
      return taskBuckets(span, Boolean(types), (together) => tasksOverTimeKept(app.store, app.figures.past, scope, { hours, fromMs, toMs, together }))
    },
  }),
}))
