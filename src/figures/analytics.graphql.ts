/** What went on, by spans of time: tasks, calls of providers, calls of the API. */
import { type Actor, actorId, seesAll } from '../core/actor.ts'
import { toDate } from '../core/clock.ts'
import { BadUserInput } from '../core/errors.ts'
import { idOf } from '../core/ids.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { builder, rights, type SchemaTypes, weighs } from '../graphql/builder.ts'
import { type Histogram, histogramMerge, type Spread, spreadOf } from '../tasks/histogram.ts'
import { ALL_TYPES, EVERYBODY, MINUTE_COUNTS, type MinuteCount, type TallyPeriod } from '../tasks/tally.ts'
import { tasksOverTimeKept } from '../tasks/tasks-over-time-kept.ts'
import { usageOverTime } from '../usage/usage-over-time.ts'
import { SUM_COLUMNS, type SumKey, type Sums } from '../usage/usage-sum.ts'
import { SUM_FIELDS } from '../usage/usage-sum-fields.graphql.ts'
import { UsageGroup } from '../usage/usage-sums.graphql.ts'
import { type ApiCallGroup, apiCallsOverTime } from './api-calls-over-time.ts'
import { type Bucket, bucketEnd, bucketStart, HOUR_DAYS, MAX_BUCKETS, type Span, spanOf } from './bucket.ts'

const MAX_GROUPS = 100
const MAX_TYPES = 100
/** A year of days is a long list. */
const LIST_COST = 300

interface Analytics {
  span: Span
  /** Whose; undefined: all that the actor may see. */
  ownerId: string | undefined
}

/** Whatever is told of a bucket. */
interface OfBucket {
  span: Span
  startMs: number
}

type Fields<Of> = PothosSchemaTypes.ObjectFieldBuilder<PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>, Of>

const bounds = (t: Fields<OfBucket>) => ({
  from: t.field({ type: 'DateTime', description: 'When it begins.', resolve: ({ startMs }) => toDate(startMs) }),
  to: t.field({
    type: 'DateTime',
    description: 'When it ends; what happens in this moment is in the next one.',
    resolve: ({ span, startMs }) => toDate(bucketEnd(span.bucket, startMs)),
  }),
})

const spreads = new WeakMap<Histogram, Spread>()
function spread(histogram: Histogram): Spread {
  const known = spreads.get(histogram) ?? spreadOf(histogram)
  spreads.set(histogram, known)
  return known
}

const BucketEnum = builder.enumType('AnalyticsBucket', {
  description: 'Spans of time, UTC.',
  values: {
    HOUR: { description: `Whole hours; kept for ${HOUR_DAYS} days.` },
    DAY: { description: 'Whole days.' },
    WEEK: { description: 'Weeks, from Monday.' },
    MONTH: { description: 'Months of the calendar.' },
  } satisfies Record<Bucket, object>,
})

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

type UsageBucket = OfBucket & Sums & Partial<Record<'ownerId' | 'provider' | 'model' | 'taskType', string>>

const UsageAnalytics = builder.objectRef<UsageBucket>('UsageAnalytics').implement({
  description: 'Calls of providers that began within a span of time and have ended. What they are not grouped by is null.',
  fields: (t) => ({
    ...bounds(t as never),
    provider: t.string({ nullable: true, description: 'The provider.', resolve: ({ provider }) => provider ?? null }),
    model: t.string({ nullable: true, description: 'The model, without the provider’s name.', resolve: ({ model }) => model ?? null }),
    taskType: t.string({ nullable: true, description: 'The type of task; empty: of no task.', resolve: ({ taskType }) => taskType ?? null }),
    user: t.prismaField({
      type: 'User',
      nullable: true,
      description: 'Whose they are.',
      resolve: (query, { ownerId }, _args, ctx) => (ownerId === undefined ? null : ctx.db.user.findUnique({ ...query, where: { id: ownerId } })),
    }),
    ...SUM_FIELDS(t as never),
  }),
})

const ApiCallGroupEnum = builder.enumType('ApiCallGroup', {
  description: 'What calls of the API are told apart by.',
  values: { OPERATION: { description: 'The operation.' }, CALLER: { description: 'Who called, and by which key.' } } as const,
})

const ApiCallAnalytics = builder.objectRef<ApiCallGroup & OfBucket>('ApiCallAnalytics').implement({
  description: 'Operations of the API within a span of time: queries, mutations, and the beginnings of subscriptions. What they are not grouped by is null.',
  fields: (t) => ({
    ...bounds(t as never),
    operation: t.string({
      nullable: true,
      description: 'Its name, or its first field where it has none. Of a caller’s names the first 50 of a day are told; the others are `other`.',
      resolve: ({ operation }) => operation,
    }),
    caller: t.prismaField({
      type: 'User',
      nullable: true,
      description: 'Who called; null also for strangers.',
      resolve: (query, { ownerId }, _args, ctx) => (ownerId ? ctx.db.user.findUnique({ ...query, where: { id: ownerId } }) : null),
    }),
    apiKey: t.prismaField({
      type: 'ApiKey',
      nullable: true,
      description: 'By which API key; null where by none.',
      resolve: (query, { apiKeyId }, _args, ctx) => (apiKeyId ? ctx.db.apiKey.findUnique({ ...query, where: { id: apiKeyId } }) : null),
    }),
    calls: t.exposeInt('calls', { description: 'How many.' }),
    failed: t.exposeInt('failed', { description: 'How many were answered with an error; user errors of mutations do not count.' }),
    meanMs: t.float({
      nullable: true,
      description: 'How long they took on the mean, in milliseconds.',
      resolve: ({ durations }) => toMs(spread(durations).meanMs),
    }),
    medianMs: t.float({
      nullable: true,
      description: 'The median, in milliseconds; at most 5 % off.',
      resolve: ({ durations }) => toMs(spread(durations).medianMs),
    }),
    p95Ms: t.float({
      nullable: true,
      description: 'The 95th percentile, in milliseconds; at most 5 % off.',
      resolve: ({ durations }) => toMs(spread(durations).p95Ms),
    }),
  }),
})

/** They are kept in microseconds. */
const toMs = (us: number | null): number | null => (us === null ? null : us / 1000)

const AnalyticsRef = builder.objectRef<Analytics>('Analytics').implement({
  description: 'What went on in a while, by spans of time; oldest first.',
  fields: (t) => ({
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
    usage: t.field({
      ...weighs(LIST_COST),
      type: [UsageAnalytics],
      description:
        'Tokens and cost of calls of providers. Grouped by nothing, each span of time has one row; else one for each group in which there are any, the dearest first.',
      args: { groupBy: t.arg({ type: [UsageGroup], defaultValue: [], description: 'What to tell apart; not DAY.' }) },
      resolve: async ({ span, ownerId }, { groupBy }, ctx) => {
        const keys = [...new Set((groupBy ?? []) as SumKey[])]
        if (keys.includes('day')) throw new BadUserInput('It is grouped by spans of time already.', ['groupBy'])
        const owner = seesAll(ctx.actor) ? ownerId : ownersOf(ctx.actor, ownerId)[0]
        return usageBuckets(
          span,
          keys as UsageKey[],
          owner === undefined && !seesAll(ctx.actor)
            ? []
            : await usageOverTime(ctx.reading, {
                unit: span.bucket === 'HOUR' ? 'hour' : 'day',
                fromMs: span.fromMs,
                toMs: span.toMs,
                groupBy: keys as UsageKey[],
                condition: owner === undefined ? Prisma.sql`1 = 1` : Prisma.sql`"ownerId" = ${owner}`,
              }),
        )
      },
    }),
    apiCalls: t.field({
      ...weighs(LIST_COST),
      type: [ApiCallAnalytics],
      description:
        'How the API was used: yours, for ADMINs everybody’s. Other servers’ last seconds may be missing. Grouped by nothing, each span of time has one row; else those of the groups with most calls in all.',
      args: {
        groupBy: t.arg({ type: [ApiCallGroupEnum], defaultValue: ['OPERATION'], description: 'What to tell apart.' }),
        first: t.arg.int({ defaultValue: 20, description: `How many groups at most, 1 to ${MAX_GROUPS}.` }),
      },
      resolve: async ({ span, ownerId }, { groupBy, first }, ctx) => {
        const most = first ?? 20
        if (most < 1 || most > MAX_GROUPS) throw new BadUserInput(`first must be from 1 to ${MAX_GROUPS}.`, ['first'])
        await ctx.app.figures.apiCalls.fold()
        const asked = { span, ownerId, first: most, byOperation: groupBy?.includes('OPERATION') ?? false, byCaller: groupBy?.includes('CALLER') ?? false }
        return (await apiCallsOverTime(ctx.reading, ctx.actor, asked)).map((group) => ({ ...group, span }))
      },
    }),
  }),
})

type UsageKey = Exclude<SumKey, 'day'>

function usageBuckets(span: Span, keys: readonly UsageKey[], rows: Awaited<ReturnType<typeof usageOverTime>>): UsageBucket[] {
  const buckets = new Map<string, UsageBucket>()
  if (!keys.length) for (const startMs of span.starts) buckets.set(JSON.stringify([startMs]), { span, startMs, ...NO_CALLS })
  for (const row of rows) {
    const startMs = bucketStart(span.bucket, row.startMs)
    const key = JSON.stringify([startMs, ...keys.map((name) => row[name])])
    const sum = buckets.get(key) ?? { span, startMs, ...Object.fromEntries(keys.map((name) => [name, row[name]])), ...NO_CALLS }
    buckets.set(key, sum)
    for (const column of SUM_COLUMNS) sum[column] += Number(row[column])
  }
  return [...buckets.values()].sort((a, b) => a.startMs - b.startMs || b.costMicroUsd - a.costMicroUsd || b.calls - a.calls)
}

const NO_CALLS = Object.fromEntries(SUM_COLUMNS.map((column) => [column, 0])) as Sums

/** An owner sees the own, ADMINs what they ask for. */
function ownersOf(actor: Actor, wanted: string | undefined): string[] {
  if (seesAll(actor)) return [wanted ?? EVERYBODY]
  const own = actorId(actor)
  return own !== null && (wanted ?? own) === own ? [own] : []
}

builder.queryFields((t) => ({
  analytics: t.field({
    type: AnalyticsRef,
    description: 'What went on, by spans of time: yours, for ADMINs everybody’s. As fast over a million tasks as over ten.',
    ...rights('FIGURES_READ'),
    args: {
      bucket: t.arg({ type: BucketEnum, required: true, description: `Into which spans of time it is cut; at most ${MAX_BUCKETS} of them.` }),
      from: t.arg({ type: 'DateTime', required: true, description: 'From the beginning of the span that this lies in.' }),
      to: t.arg({ type: 'DateTime', description: 'To the end of the span that this lies in; now, where it is left out.' }),
      ownerId: t.arg.id({ description: 'Whose (of use to ADMINs).' }),
    },
    resolve: (_root, { bucket, from, to, ownerId }, { app }) => {
      const nowMs = app.store.clock.nowMs()
      return {
        // What happens in this very moment is in it too.
        span: spanOf({ bucket, from, to: to ?? new Date(nowMs + 1), nowMs }),
        ownerId: ownerId ? (idOf('User', String(ownerId), ['ownerId']) ?? '') : undefined,
      }
    },
  }),
}))
