/** Reading calls, and what models cost. */
import { ownedBy } from '../core/actor.ts'
import { BadUserInput } from '../core/errors.ts'
import { filterWhere } from '../core/filter.ts'
import { builder, rights } from '../graphql/builder.ts'
import { readPage } from '../graphql/connection.ts'
import { type KeptPrice, keptPrice } from './price.ts'
import { type PriceSource, priceFind } from './price-find.ts'
import { ModelPriceRef, PriceSourceEnum, ProviderUsageRef, UsagePages } from './usage.graphql.ts'
import { LATEST_FIRST, USAGE_FILTER_FIELDS, UsageFilter, UsageOrder } from './usage-list.graphql.ts'

const FoundPriceRef = builder.objectRef<{ source: PriceSource; price: KeptPrice | null }>('FoundModelPrice').implement({
  description: 'What a model costs now, as far as anybody knows.',
  fields: (t) => ({
    source: t.field({ type: PriceSourceEnum, description: 'Where the price is from.', resolve: ({ source }) => source }),
    price: t.field({ type: ModelPriceRef, nullable: true, description: 'The price; null where nobody knows it.', resolve: ({ price }) => price }),
  }),
})

const MAX_NAME = 500

builder.queryFields((t) => ({
  providerUsages: t.connection(
    {
      type: ProviderUsageRef,
      description: 'Your calls of providers, for ADMINs everybody’s; the latest first unless ordered otherwise.',
      ...rights('USAGE_READ'),
      args: {
        filter: t.arg({ type: UsageFilter, description: 'Which calls.' }),
        orderBy: t.arg({ type: [UsageOrder.ref], description: 'In which order; at most 5 terms.' }),
      },
      resolve: (_root, args, ctx, info) => {
        const order = UsageOrder.toTerms(args.orderBy, [...LATEST_FIRST])
        const priced = order.some(({ column }) => column === 'costMicroUsd') ? { costMicroUsd: { not: null } } : {}
        return readPage(ctx, info, {
          typeName: 'ProviderUsage',
          delegate: ctx.db.providerUsage as never,
          where: { AND: [filterWhere(args.filter, USAGE_FILTER_FIELDS), ownedBy(ctx.actor), priced] },
          order,
          args,
        }) as never
      },
    },
    ...UsagePages,
  ),
  modelPrice: t.field({
    type: FoundPriceRef,
    description: 'What a model costs: the operator’s price, else that of the tables that come along, else UNKNOWN.',
    ...rights('USAGE_READ'),
    args: {
      provider: t.arg.string({ required: true, description: 'The provider’s name.' }),
      model: t.arg.string({ required: true, description: 'The model, without the provider’s name.' }),
    },
    resolve: async (_root, { provider, model }, ctx) => {
      for (const [name, value] of Object.entries({ provider, model }))
        if (!value || value.length > MAX_NAME) throw new BadUserInput(`${name} has 1 to ${MAX_NAME} characters.`, [name])
      const { source, price } = await priceFind(ctx.reading, provider, model)
      return { source, price: price && keptPrice(price) }
    },
  }),
}))
