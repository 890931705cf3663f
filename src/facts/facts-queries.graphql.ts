/** Reading and following facts. */
import { ownedBy } from '../core/actor.ts'
import { idOf } from '../core/ids.ts'
import type { LiveEvent } from '../events/events.graphql.ts'
import { builder, rights } from '../graphql/builder.ts'
import { NEWEST_FIRST } from '../graphql/connection.ts'
import type { Context } from '../graphql/context.ts'
import { type Followed, followMany, followOne } from '../graphql/follow-entity.ts'
import { FactPages, FactRef } from './fact.graphql.ts'
import { factValues, toFactValues } from './fact.ts'
import { FactEvent } from './fact-event.graphql.ts'
import { FactFilter, FactOrder } from './fact-filter.graphql.ts'
import { factFilterFields } from './fact-filter.ts'
import { readFacts } from './facts-read.graphql.ts'

builder.queryFields((t) => ({
  fact: t.prismaField({
    type: FactRef,
    nullable: true,
    description: 'A fact by its id; null where there is none that you may see.',
    ...rights('FACTS_READ'),
    args: { id: t.arg.id({ required: true, description: 'The fact’s id.' }) },
    resolve: (query, _root, args, ctx) => {
      const id = idOf('Fact', args.id, ['id'])
      return id ? ctx.db.fact.findUnique({ ...query, where: { id, ...ownedBy(ctx.actor) } }) : null
    },
  }),
  facts: t.connection(
    {
      type: FactRef,
      description: 'Your facts, for ADMINs everybody’s; newest first unless ordered otherwise.',
      ...rights('FACTS_READ'),
      args: {
        filter: t.arg({ type: FactFilter, description: 'Which facts.' }),
        orderBy: t.arg({ type: [FactOrder.ref], description: 'In which order; at most 5 terms.' }),
      },
      resolve: (_root, args, ctx, info) => readFacts(ctx, info, { filter: args.filter, order: FactOrder.toTerms(args.orderBy, NEWEST_FIRST), args }) as never,
    },
    ...FactPages,
  ),
}))

const followed = (ctx: Context): Followed => ({
  typeName: 'Fact',
  kind: 'FACT',
  values: factValues(ctx.app.store.database),
  toValues: (row) => toFactValues(row),
})
const AFTER = 'Go on after this place.'

builder.subscriptionFields((t) => ({
  factUpdated: t.field({
    type: FactEvent,
    description: 'One fact: how it stands (SNAPSHOT) unless `after` is given, then every change of it, none missing, none twice, until it is DELETED.',
    ...rights('FACTS_READ'),
    args: {
      id: t.arg.id({ required: true, description: 'The fact’s id.' }),
      after: t.arg({ type: 'Cursor', description: `${AFTER} Without a snapshot then.` }),
    },
    subscribe: (_root, args, ctx) => followOne(ctx, followed(ctx), args),
    resolve: (event) => event as LiveEvent,
  }),
  factsUpdated: t.field({
    type: FactEvent,
    description:
      'Every change of your facts (for ADMINs of everybody’s) that matched the filter before it or match it after it, from `after` on or from now: none missing, none twice.',
    ...rights('FACTS_READ'),
    args: {
      filter: t.arg({ type: FactFilter, description: 'Which facts.' }),
      after: t.arg({ type: 'Cursor', description: `${AFTER} Left out: from now on.` }),
    },
    subscribe: (_root, args, ctx) => followMany(ctx, { typeName: 'Fact' }, factFilterFields(ctx.app.store.database.dialect, undefined), args),
    resolve: (event) => event as LiveEvent,
  }),
}))
