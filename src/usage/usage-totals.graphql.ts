/** What things have used: a task, a stream; other rooms add it to their own by `usageField`. */
import type { GraphQLResolveInfo } from 'graphql'
import { builder, rights } from '../graphql/builder.ts'
import type { Context } from '../graphql/context.ts'
import { readRelated } from '../graphql/related.ts'
import { siblings } from '../graphql/siblings.ts'
import { ProviderUsageRef, UsagePages } from './usage.graphql.ts'
import { LATEST_FIRST } from './usage-list.graphql.ts'
import { SUM_FIELDS } from './usage-sum-fields.graphql.ts'
import { type Totals, type UsageParent, usageTotals } from './usage-sums-read.ts'

type Used = Totals & { column: UsageParent; parentId: string }

const UsageTotalsRef = builder.objectRef<Used>('UsageTotals').implement({
  description: 'What something has used: the sums of its calls of providers, and the calls themselves.',
  fields: (t) => ({
    ...SUM_FIELDS(t as never),
    runningCalls: t.exposeInt('running', { description: 'How many more calls are under way; they are in no sum yet.' }),
    items: t.connection(
      {
        type: ProviderUsageRef,
        description: 'The calls, the latest first.',
        resolve: ({ column, parentId }, args, ctx, info) =>
          readRelated(ctx, info, parentId, {
            typeName: 'ProviderUsage',
            table: 'ProviderUsage',
            parent: column,
            order: LATEST_FIRST,
            args,
            delegate: (c) => c.db.providerUsage as never,
          }) as never,
      },
      ...UsagePages,
    ),
  }),
})

const totalsOf = (ctx: Context, column: UsageParent, id: string): Promise<Used> =>
  ctx
    .loader(`UsageTotals.${column}`, () =>
      siblings<Used>(async (ids) => {
        const totals = await usageTotals(ctx.reading, column, ids)
        return ids.map((parentId) => ({ ...totals.get(parentId)!, column, parentId }))
      }),
    )
    .load(id)

/**
 * To be added to an entity whose id stands in a column of ProviderUsage:
 * `builder.prismaObjectField('Message', 'usage', usageField('messageId', 'What it has used.'))`.
 */
export const usageField =
  (column: UsageParent, description: string) =>
  // biome-ignore lint/suspicious/noExplicitAny: the field builder's type depends on the entity
  (t: any): any =>
    t.field({
      ...rights('USAGE_READ'),
      type: UsageTotalsRef,
      description,
      resolve: (parent: { id: string }, _args: unknown, ctx: Context, _info: GraphQLResolveInfo) => totalsOf(ctx, column, parent.id),
    })

builder.prismaObjectField('Task', 'usage', usageField('taskId', 'What its calls of providers have used, in all its attempts.'))
builder.prismaObjectField('Stream', 'usage', usageField('streamId', 'What the calls of providers have used whose words went into it.'))
builder.prismaObjectField('Conversation', 'usage', usageField('conversationId', 'What the answers in it have used.'))
builder.prismaObjectField('Message', 'usage', usageField('messageId', 'What the calls of providers have used that wrote it.'))
