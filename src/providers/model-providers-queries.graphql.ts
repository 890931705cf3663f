/** Reading model providers and models: everybody sees all of them. */
import { filterWhere } from '../core/filter.ts'
import { idOf } from '../core/ids.ts'
import { builder, rights } from '../graphql/builder.ts'
import { NEWEST_FIRST, readPage } from '../graphql/connection.ts'
import { MODEL_FILTER_FIELDS, ModelCapabilityEnum, ModelFilter, ModelOrder, ModelPages, ModelRef } from './model.graphql.ts'
import { listsWith } from './model.ts'
import { MODEL_PROVIDER_FILTER_FIELDS, ModelProviderFilter, ModelProviderOrder, ModelProviderPages, ModelProviderRef } from './model-provider.graphql.ts'

builder.queryFields((t) => ({
  modelProvider: t.prismaField({
    type: ModelProviderRef,
    nullable: true,
    description: 'A model provider by its id; null where there is none.',
    ...rights('PROVIDERS_READ'),
    args: { id: t.arg.id({ required: true, description: 'The provider’s id.' }) },
    resolve: (query, _root, args, ctx) => {
      const id = idOf('ModelProvider', args.id, ['id'])
      return id ? ctx.db.modelProvider.findUnique({ ...query, where: { id } }) : null
    },
  }),
  modelProviders: t.connection(
    {
      type: ModelProviderRef,
      description: 'The sources of models; newest first unless ordered otherwise.',
      ...rights('PROVIDERS_READ'),
      args: {
        filter: t.arg({ type: ModelProviderFilter, description: 'Which model providers.' }),
        orderBy: t.arg({ type: [ModelProviderOrder.ref], description: 'In which order; at most 5 terms.' }),
      },
      resolve: (_root, args, ctx, info) =>
        readPage(ctx, info, {
          typeName: 'ModelProvider',
          delegate: ctx.db.modelProvider as never,
          where: filterWhere(args.filter, MODEL_PROVIDER_FILTER_FIELDS),
          order: ModelProviderOrder.toTerms(args.orderBy, NEWEST_FIRST),
          args,
        }) as never,
    },
    ...ModelProviderPages,
  ),
  model: t.prismaField({
    type: ModelRef,
    nullable: true,
    description: 'A model by its id; null where there is none.',
    ...rights('PROVIDERS_READ'),
    args: { id: t.arg.id({ required: true, description: 'The model’s id.' }) },
    resolve: (query, _root, args, ctx) => {
      const id = idOf('Model', args.id, ['id'])
      return id ? ctx.db.model.findUnique({ ...query, where: { id } }) : null
    },
  }),
  models: t.connection(
    {
      type: ModelRef,
      description: 'The models of all providers; newest first unless ordered otherwise.',
      ...rights('PROVIDERS_READ'),
      args: {
        filter: t.arg({ type: ModelFilter, description: 'Which models.' }),
        capability: t.arg({ type: ModelCapabilityEnum, description: 'Only those that are said to be able to do this.' }),
        orderBy: t.arg({ type: [ModelOrder.ref], description: 'In which order; at most 5 terms.' }),
      },
      resolve: (_root, args, ctx, info) =>
        readPage(ctx, info, {
          typeName: 'Model',
          delegate: ctx.db.model as never,
          where: {
            AND: [
              filterWhere(args.filter, MODEL_FILTER_FIELDS),
              args.capability ? { OR: listsWith(args.capability).map((list) => ({ capabilities: { equals: list } })) } : {},
            ],
          },
          order: ModelOrder.toTerms(args.orderBy, NEWEST_FIRST),
          args,
        }) as never,
    },
    ...ModelPages,
  ),
}))
