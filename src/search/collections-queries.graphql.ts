/** Reading collections and documents, and following collections. */
import { queryFromInfo } from '@pothos/plugin-prisma'
import type { GraphQLResolveInfo } from 'graphql'
import { ownedBy, requireKnown } from '../core/actor.ts'
import { type Filter, type FilterFields, filterCheck, filterWhere, idIn, moment } from '../core/filter.ts'
import { idOf } from '../core/ids.ts'
import { cursorColumns, type OrderTerm, type PageArgs, planPage, toPage } from '../core/page.ts'
import type { LiveEvent } from '../events/events.graphql.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { builder, rights } from '../graphql/builder.ts'
import { NEWEST_FIRST, orderInput, readPage } from '../graphql/connection.ts'
import type { Context } from '../graphql/context.ts'
import { DateTimeFilter, filterInput, IdFilter, StringFilter } from '../graphql/filter-inputs.ts'
import { filterOwn } from '../graphql/filter-own.ts'
import { type Followed, followOne } from '../graphql/follow-entity.ts'
import { boundSql } from '../graphql/related.ts'
import { CollectionEvent, CollectionPages, CollectionRef } from './collection.graphql.ts'
import { COLLECTION_VALUES, collectionsOf, insideOf, toCollectionValues } from './collection.ts'
import { DocumentPages, DocumentRef } from './document.graphql.ts'
import { DocumentFilterInput } from './document-filter.graphql.ts'
import { documentFilterCheck, documentFilterSql } from './document-filter.ts'

const COLLECTION_FILTER_FIELDS: FilterFields = {
  id: idIn('SearchCollection', 'id'),
  ownerId: idIn('User', 'ownerId'),
  name: { column: 'name', required: true },
  createdAt: moment('createdAtMs'),
  updatedAt: moment('updatedAtMs'),
}

const CollectionFilter = filterInput('SearchCollectionFilter', 'Which collections.', {
  id: { type: IdFilter, description: 'The id.' },
  ownerId: { type: IdFilter, description: 'The owner’s id (of use to ADMINs).' },
  name: { type: StringFilter, description: 'The name.' },
  createdAt: { type: DateTimeFilter, description: 'When it was made.' },
  updatedAt: { type: DateTimeFilter, description: 'When it was last changed.' },
})

const CollectionOrder = orderInput('SearchCollection', {
  CREATED_AT: { column: 'createdAtMs', kind: 'bigint', description: 'When it was made.' },
  UPDATED_AT: { column: 'updatedAtMs', kind: 'bigint', description: 'When it was last changed.' },
  NAME: { column: 'name', kind: 'string', description: 'Its name, by its letters.' },
})

const DocumentOrder = orderInput('SearchDocument', {
  CREATED_AT: { column: 'createdAtMs', kind: 'bigint', description: 'When it was added.' },
  UPDATED_AT: { column: 'updatedAtMs', kind: 'bigint', description: 'When it was last changed.' },
  LENGTH: { column: 'length', kind: 'integer', description: 'How long its content is.' },
})

builder.queryFields((t) => ({
  searchCollection: t.prismaField({
    type: CollectionRef,
    nullable: true,
    description: 'A collection by its id, or one of yours by its name; null where there is none that you may see.',
    ...rights('SEARCH_READ'),
    args: { id: t.arg.id({ description: 'The collection’s id.' }), name: t.arg.string({ description: 'Its name, instead of the id.' }) },
    resolve: (query, _root, args, ctx) => {
      if (args.id === null || args.id === undefined) {
        const { userId: ownerId } = requireKnown(ctx.actor)
        return typeof args.name === 'string' ? ctx.db.searchCollection.findFirst({ ...query, where: { name: args.name, ownerId, deletedAtMs: null } }) : null
      }
      const id = idOf('SearchCollection', args.id, ['id'])
      return id ? ctx.db.searchCollection.findFirst({ ...query, where: { id, ...collectionsOf(ctx.actor) } }) : null
    },
  }),
  searchCollections: t.connection(
    {
      type: CollectionRef,
      description: 'Your collections, for ADMINs everybody’s; newest first unless ordered otherwise.',
      ...rights('SEARCH_READ'),
      args: {
        filter: t.arg({ type: CollectionFilter, description: 'Which collections.' }),
        orderBy: t.arg({ type: [CollectionOrder.ref], description: 'In which order; at most 5 terms.' }),
      },
      resolve: async (_root, args, ctx, info) => {
        filterCheck(args.filter, COLLECTION_FILTER_FIELDS)
        const filter = await filterOwn(ctx.reading, args.filter, { ownerId: 'User' })
        return readPage(ctx, info, {
          typeName: 'SearchCollection',
          delegate: ctx.db.searchCollection as never,
          where: { AND: [filterWhere(filter, COLLECTION_FILTER_FIELDS), collectionsOf(ctx.actor)] },
          order: CollectionOrder.toTerms(args.orderBy, NEWEST_FIRST),
          args,
        }) as never
      },
    },
    ...CollectionPages,
  ),
  searchDocument: t.prismaField({
    type: DocumentRef,
    nullable: true,
    description: 'A document by its id; null where there is none that you may see. By its external id: `searchDocuments(filter: {collectionId, externalId})`.',
    ...rights('SEARCH_READ'),
    args: { id: t.arg.id({ required: true, description: 'The document’s id.' }) },
    resolve: (query, _root, args, ctx) => {
      const id = idOf('SearchDocument', args.id, ['id'])
      return id ? ctx.db.searchDocument.findFirst({ ...query, where: { id, ...insideOf(ctx.actor) } }) : null
    },
  }),
  searchDocuments: t.connection(
    {
      type: DocumentRef,
      description: 'Your documents in all collections, for ADMINs everybody’s; newest first unless ordered otherwise. `search` finds them by their words.',
      ...rights('SEARCH_READ'),
      args: {
        filter: t.arg({ type: DocumentFilterInput, description: 'Which documents.' }),
        orderBy: t.arg({ type: [DocumentOrder.ref], description: 'In which order; at most 5 terms.' }),
      },
      resolve: (_root, args, ctx, info) =>
        documentPage(ctx, info, { filter: args.filter, order: DocumentOrder.toTerms(args.orderBy, NEWEST_FIRST), args }) as never,
    },
    ...DocumentPages,
  ),
}))

interface AskedPage {
  filter: Filter | null | undefined
  order: readonly OrderTerm[]
  args: PageArgs
}

/** As `readPage`, for conditions that Prisma cannot say on both databases. */
async function documentPage(ctx: Context, info: GraphQLResolveInfo, { filter: given, order, args }: AskedPage) {
  const plan = planPage(args, order)
  const { ownerId } = ownedBy(ctx.actor)
  const { database } = ctx.app.store
  documentFilterCheck(database.dialect, given)
  const filter = await filterOwn(ctx.reading, given, { collectionId: 'SearchCollection' })
  const from = Prisma.sql`FROM "SearchDocument" AS "document" WHERE ${documentFilterSql(database.dialect, filter)}
    ${ownerId === undefined ? Prisma.empty : Prisma.sql`AND "ownerId" = ${ownerId}`}
    AND EXISTS (SELECT 1 FROM "SearchCollection" AS "of" WHERE "of"."id" = "document"."collectionId" AND "of"."deletedAtMs" IS NULL)`
  const orderBy = plan.orderBy.flatMap((term) => Object.entries(term).map(([column, way]) => Prisma.raw(`"${column}" ${way === 'asc' ? 'ASC' : 'DESC'}`)))
  const ids = await database.rows<{ id: string }>(
    Prisma.sql`SELECT "id" ${from} AND ${boundSql(plan.where)} ORDER BY ${Prisma.join(orderBy)} LIMIT ${plan.take}`,
  )
  const query = queryFromInfo({
    context: ctx,
    info,
    typeName: 'SearchDocument',
    paths: [['edges', 'node'], ['nodes']],
    select: { ...cursorColumns(plan) } as never,
  })
  const found = ids.length ? await ctx.db.searchDocument.findMany({ ...(query as object), where: { id: { in: ids.map(({ id }) => id) } } }) : []
  const byId = new Map(found.map((row) => [row.id, row]))
  const rows = ids.flatMap(({ id }) => byId.get(id) ?? [])
  const totalCount = async () => (await database.rows<{ count: number }>(Prisma.sql`SELECT COUNT(*) AS "count" ${from}`))[0]!.count
  return { ...toPage(rows, plan, args), totalCount }
}

const FOLLOWED: Followed = {
  typeName: 'SearchCollection',
  kind: 'SEARCH_COLLECTION',
  values: COLLECTION_VALUES,
  toValues: toCollectionValues as Followed['toValues'],
  where: Prisma.sql`"SearchCollection"."deletedAtMs" IS NULL`,
}

builder.subscriptionFields((t) => ({
  searchCollectionUpdated: t.field({
    type: CollectionEvent,
    description:
      'One collection: how it stands (SNAPSHOT) unless `after` is given, then every change of it and of what is in it, none missing, none twice, until it is DELETED.',
    ...rights('SEARCH_READ'),
    args: {
      id: t.arg.id({ required: true, description: 'The collection’s id.' }),
      after: t.arg({ type: 'Cursor', description: 'Go on after this place, without a snapshot.' }),
    },
    subscribe: (_root, args, ctx) => followOne(ctx, FOLLOWED, args),
    resolve: (event) => event as LiveEvent,
  }),
}))
