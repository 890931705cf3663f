/** Tokens and cost, by spans of time. */
import { seesAll } from '../core/actor.ts'
import { BadUserInput } from '../core/errors.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { builder, weighs } from '../graphql/builder.ts'
import { usageOverTime } from '../usage/usage-over-time.ts'
import { SUM_COLUMNS, type SumKey, type Sums } from '../usage/usage-sum.ts'
import { SUM_FIELDS } from '../usage/usage-sum-fields.graphql.ts'
import { UsageGroup } from '../usage/usage-sums.graphql.ts'
import { AnalyticsRef, bounds, LIST_COST, type OfBucket, ownersOf } from './analytics.graphql.ts'
import { bucketStart, type Span } from './bucket.ts'

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

builder.objectFields(AnalyticsRef, (t) => ({
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
}))
