/** How the API was used, by spans of time. */
import { BadUserInput } from '../core/errors.ts'
import { builder, weighs } from '../graphql/builder.ts'
import { AnalyticsRef, bounds, LIST_COST, type OfBucket, spread } from './analytics.graphql.ts'
import { type ApiCallGroup, apiCallsOverTime } from './api-calls-over-time.ts'

const MAX_GROUPS = 100

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

builder.objectFields(AnalyticsRef, (t) => ({
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
}))
