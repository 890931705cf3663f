/** Searching. */
import { BadUserInput } from '../core/errors.ts'
import { idOf } from '../core/ids.ts'
import { decodeCursor, encodeCursor, type OrderTerm, pageLimit } from '../core/page.ts'
import { builder, rights } from '../graphql/builder.ts'
import { pagesOf } from '../graphql/connection.ts'
import { nodeOf } from '../graphql/node.ts'
import { SEARCH_COST } from '../graphql/scale.ts'
import { ChunkRef } from './chunk.graphql.ts'
import { DocumentRef } from './document.graphql.ts'
import { DocumentFilterInput } from './document-filter.graphql.ts'
import { type DocumentHit, search } from './search.ts'
import { searchCount } from './search-count.ts'
import { MAX_SPACES } from './text-asked.ts'
import { MAX_QUERY, MAX_TERMS } from './text-query.ts'
import { type Snippet, type SnippetPart, snippetParts } from './text-snippet.ts'

export const SearchMode = builder.enumType('SearchMode', {
  description: 'How documents are searched.',
  values: {
    TEXT: { description: 'By their words.' },
    VECTOR: {
      description:
        'By what they mean: the nearest to the query, up to 200, however near; the score is the cosine. Each collection must have vectors (`searchCollectionEmbed`). Across collections of several models it is as in HYBRID.',
    },
    HYBRID: {
      description:
        'By words and meaning together, the best 200 of each: a document counts by its rank on each side (reciprocal rank fusion), which is its score. A collection without vectors is searched by words.',
    },
  } as const,
})

export const SearchMatch = builder.enumType('SearchMatch', {
  description: 'How many of the words of a query must be there.',
  values: {
    ALL: { description: 'Every word.' },
    ANY: { description: 'At least one; what has more of them, and rarer ones, comes first. For questions in whole sentences.' },
  } as const,
})

const SnippetPartRef = builder.objectRef<SnippetPart>('SearchSnippetPart').implement({
  description: 'A piece of a snippet.',
  fields: (t) => ({
    text: t.exposeString('text', { description: 'The words.' }),
    isMatch: t.exposeBoolean('isMatch', { description: 'Whether they are what was searched.' }),
  }),
})

export const SnippetRef = builder.objectRef<Snippet>('SearchSnippet').implement({
  description: 'The part of a text that shows best why it was found, about 240 characters.',
  fields: (t) => ({
    text: t.exposeString('text', { description: 'The words alone.' }),
    parts: t.field({ type: [SnippetPartRef], description: 'The same in pieces, of which some are what was searched.', resolve: snippetParts }),
    html: t.string({
      description: 'The same as HTML, with what was searched in `<mark>`; all else is escaped.',
      resolve: (snippet) =>
        snippetParts(snippet)
          .map(({ text, isMatch }) => (isMatch ? `<mark>${escaped(text)}</mark>` : escaped(text)))
          .join(''),
    }),
  }),
})

const SIGNS: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
const escaped = (text: string): string => text.replace(/[&<>"']/g, (sign) => SIGNS[sign]!)

const HitRef = builder.objectRef<DocumentHit>('SearchHit').implement({
  description: 'A document that was found, by the best of its chunks.',
  fields: (t) => ({
    score: t.float({
      description: 'How well it fits; higher is better. It depends on the document’s own collection alone, and compares hits of one search.',
      resolve: ({ score }) => score / 1_000_000,
    }),
    snippet: t.field({ type: SnippetRef, description: 'Why it was found.', resolve: ({ snippet }) => snippet }),
    chunk: t.field({
      type: ChunkRef,
      nullable: true,
      description: 'The part that fits best; null where it was removed in this very moment.',
      resolve: ({ chunkId }, _args, ctx, info) => nodeOf(ctx, info, 'SearchChunk', chunkId),
    }),
    document: t.field({
      type: DocumentRef,
      nullable: true,
      description: 'The document; null where it was removed in this very moment.',
      resolve: ({ documentId }, _args, ctx, info) => nodeOf(ctx, info, 'SearchDocument', documentId),
    }),
  }),
})

const HitPages = pagesOf(HitRef, 'SearchHit', 'hits')

export const collectionIds = (ids: readonly string[] | null | undefined): string[] | undefined =>
  ids?.map((id, i) => idOf('SearchCollection', id, ['input', 'collections', String(i)]) ?? '')

export const COLLECTIONS = `The ids of the collections that are searched, at most ${MAX_SPACES}; left out: all of yours.`

const SearchInput = builder.inputType('SearchInput', {
  description: 'What to search, and where.',
  fields: (t) => ({
    query: t.string({
      required: true,
      description: `Words, "a phrase", a begin*, -without any of these; at most ${MAX_TERMS} of them, and ${MAX_QUERY} characters. No other sign means anything.`,
    }),
    collections: t.idList({ description: COLLECTIONS }),
    mode: t.field({ type: SearchMode, defaultValue: 'TEXT', description: 'How documents are searched.' }),
    match: t.field({
      type: SearchMatch,
      description:
        'How many of the words must be there. Left out: ALL in the mode TEXT, ANY in HYBRID. In the mode VECTOR none must; what is excluded is left out all the same.',
    }),
    filter: t.field({ type: DocumentFilterInput, description: 'Which documents may be found at all.' }),
    first: t.int({ description: 'So many hits; 1 to 100, 50 by default.' }),
    after: t.string({ description: 'Only what comes after this cursor. Pages fit together as long as the collections are not changed.' }),
  }),
})

const ORDER: readonly OrderTerm[] = [
  { column: 'score', kind: 'integer', direction: 'DESC' },
  { column: 'documentId', kind: 'string', direction: 'ASC' },
]

function behind(after: string | null | undefined) {
  if (!after) return undefined
  try {
    const [score, groupId] = decodeCursor(after, ORDER, 'after')
    return { score: score as number, groupId: groupId as string }
  } catch {
    throw new BadUserInput('This is not a cursor of a search.', ['input', 'after'])
  }
}

builder.queryField('search', (t) =>
  t.connection(
    {
      type: HitRef,
      description: 'Searches the documents of your collections, best first. What cannot be searched is refused, and says why.',
      ...rights('SEARCH_READ', SEARCH_COST),
      args: { input: t.arg({ type: SearchInput, required: true, description: 'What to search, and where.' }) },
      resolve: async (_root, { input }, ctx) => {
        const limit = pageLimit({ first: input.first })
        const asked = {
          query: input.query,
          mode: input.mode ?? 'TEXT',
          collectionIds: collectionIds(input.collections),
          match: input.match ?? (input.mode === 'HYBRID' ? ('ANY' as const) : ('ALL' as const)),
          filter: input.filter,
        }
        const hits = await search(ctx.reading, ctx.app, { ...asked, limit: limit + 1, after: behind(input.after) })
        const edges = hits.slice(0, limit).map((node) => ({ cursor: encodeCursor(ORDER, node as never), node }))
        return {
          edges,
          pageInfo: {
            hasNextPage: hits.length > limit,
            hasPreviousPage: Boolean(input.after),
            startCursor: edges[0]?.cursor ?? null,
            endCursor: edges.at(-1)?.cursor ?? null,
          },
          totalCount: () => searchCount(ctx.reading, ctx.app, asked),
        } as never
      },
    },
    ...HitPages,
  ),
)
