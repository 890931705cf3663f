/** The type SearchDocument. */
import { toDate } from '../core/clock.ts'
import { builder, LONG_VALUE, weighs } from '../graphql/builder.ts'
import { pagesOf } from '../graphql/connection.ts'
import { nodeLoader } from '../graphql/node.ts'
import { readRelated } from '../graphql/related.ts'
import { siblings } from '../graphql/siblings.ts'
import { ChunkPages, ChunkRef } from './chunk.graphql.ts'
import { insideOf } from './collection.ts'
import { MAX_CONTENT, MAX_METADATA_BYTES } from './document.ts'
import { tagsOf } from './documents-write.ts'

const IN_ORDER = [{ column: 'seq', kind: 'integer', direction: 'ASC' }] as const

export const DocumentRef = builder.prismaNode('SearchDocument', {
  description: 'A text that can be found, with what is known about it.',
  id: { field: 'id', description: 'The global id, `SearchDocument:<uuid>`.' },
  select: { id: true },
  fields: (t) => ({
    externalId: t.exposeString('externalId', { nullable: true, description: 'What you call it; unique in its collection.' }),
    title: t.exposeString('title', { nullable: true, description: 'Its title. A word in it counts three times as much as one in the content.' }),
    content: t.exposeString('content', { ...weighs(LONG_VALUE), description: `The whole text, at most ${MAX_CONTENT} characters.` }),
    length: t.exposeInt('length', { description: 'How many Unicode characters the content has.' }),
    metadata: t.field({
      ...weighs(1),
      type: 'JSON',
      select: { metadata: true },
      description: `What you know about it: a JSON object of at most ${MAX_METADATA_BYTES} bytes, that can be filtered by.`,
      resolve: ({ metadata }) => metadata,
    }),
    tags: t.stringList({
      ...weighs(1),
      description: 'Words that it is sorted by, in the order of their letters.',
      resolve: ({ id }, _args, ctx) =>
        ctx
          .loader('SearchDocument.tags', () =>
            siblings<string[]>(async (ids) => {
              const tags = await tagsOf(ctx.reading, ids)
              return ids.map((each) => tags.get(each) ?? [])
            }),
          )
          .load(id),
    }),
    chunks: t.connection(
      {
        type: ChunkRef,
        description: 'The parts that it is found by, in their order.',
        resolve: (document, args, ctx, info) =>
          readRelated(ctx, info, document.id, {
            typeName: 'SearchChunk',
            table: 'SearchChunk',
            parent: 'documentId',
            order: IN_ORDER,
            args,
            delegate: (c) => c.db.searchChunk as never,
          }) as never,
      },
      ...ChunkPages,
    ),
    collection: t.relation('collection', { description: 'The collection that it is in.' }),
    owner: t.relation('owner', { description: 'Whose it is: the collection’s owner.' }),
    createdAt: t.field({
      type: 'DateTime',
      select: { createdAtMs: true },
      description: 'When it was added.',
      resolve: ({ createdAtMs }) => toDate(createdAtMs),
    }),
    updatedAt: t.field({
      type: 'DateTime',
      select: { updatedAtMs: true },
      description: 'When it was last changed.',
      resolve: ({ updatedAtMs }) => toDate(updatedAtMs),
    }),
  }),
})

export const DocumentPages = pagesOf(DocumentRef, 'SearchDocument', 'documents')

nodeLoader('SearchDocument', 'SEARCH_READ', (ctx, ids, query) =>
  ctx.db.searchDocument.findMany({ ...query, where: { id: { in: ids }, ...insideOf(ctx.actor) } }),
)
