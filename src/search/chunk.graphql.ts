/** The type SearchChunk. */
import { builder, LONG_VALUE, weighs } from '../graphql/builder.ts'
import { pagesOf } from '../graphql/connection.ts'
import { nodeLoader } from '../graphql/node.ts'
import { siblings } from '../graphql/siblings.ts'
import { insideOf } from './collection.ts'
import { chunkTexts } from './search.ts'

export const ChunkRef = builder.prismaNode('SearchChunk', {
  description: 'A part of a document that is found by itself. One whose text stays the same keeps its id when its document changes.',
  id: { field: 'id', description: 'The global id, `SearchChunk:<uuid>`.' },
  select: { id: true },
  fields: (t) => ({
    seq: t.exposeInt('seq', { description: 'Its place among those of its document, from 0.' }),
    startAt: t.exposeInt('startAt', { description: 'Where it begins in the document’s content, in Unicode characters from 0.' }),
    endAt: t.exposeInt('endAt', { description: 'Where it ends in the document’s content: the first character that is not in it. Chunks may overlap.' }),
    text: t.string({
      ...weighs(LONG_VALUE / 15),
      description: 'What it says.',
      resolve: async ({ id }, _args, ctx) =>
        ctx
          .loader('SearchChunk.text', () =>
            siblings<string>(async (ids) => {
              const texts = await chunkTexts(ctx.reading, ids)
              return ids.map((each) => texts.get(each) ?? '')
            }),
          )
          .load(id),
    }),
    document: t.relation('document', { description: 'The document that it is of.' }),
  }),
})

export const ChunkPages = pagesOf(ChunkRef, 'SearchChunk', 'chunks')

nodeLoader('SearchChunk', 'SEARCH_READ', (ctx, ids, query) =>
  ctx.db.searchChunk.findMany({ ...query, where: { id: { in: ids }, document: insideOf(ctx.actor) } }),
)
