/** Typing ahead, and taking a collection along. */
import { BadUserInput } from '../core/errors.ts'
import { idOf } from '../core/ids.ts'
import { decodeCursor, encodeCursor, type OrderTerm } from '../core/page.ts'
import { builder, LONG_VALUE, rights, weighs } from '../graphql/builder.ts'
import { SEARCH_COST } from '../graphql/scale.ts'
import { collectionsOf } from './collection.ts'
import { collectionExport, type ExportPage, MAX_EXPORTED, PAGE_CHARACTERS } from './collection-export.ts'
import { COLLECTIONS, collectionIds } from './search.graphql.ts'
import { MAX_SUGGESTIONS, MAX_TYPED, type Suggestion, searchSuggest } from './search-suggest.ts'

const SuggestInput = builder.inputType('SearchSuggestInput', {
  description: 'What was typed so far.',
  fields: (t) => ({
    text: t.string({ required: true, description: `What was typed, at most ${MAX_TYPED} characters. Its last word is gone on with, from 2 letters on.` }),
    collections: t.idList({ description: COLLECTIONS }),
    first: t.int({ defaultValue: 10, description: `So many at most, 1 to ${MAX_SUGGESTIONS}.` }),
  }),
})

const SuggestionRef = builder.objectRef<Suggestion>('SearchSuggestion').implement({
  description: 'What may be meant.',
  fields: (t) => ({
    text: t.exposeString('text', { description: 'What was typed, with its last word whole.' }),
    count: t.exposeInt('count', { description: 'In how many chunks, of 200 at most that are looked at, the word is.' }),
  }),
})

const ORDER: readonly OrderTerm[] = [
  { column: 'createdAtMs', kind: 'bigint', direction: 'ASC' },
  { column: 'id', kind: 'string', direction: 'ASC' },
]

const ExportRef = builder.objectRef<ExportPage>('SearchCollectionExport').implement({
  description: 'A page of a collection, written out.',
  fields: (t) => ({
    content: t.exposeString('content', {
      // It counts once for each document that is asked for.
      ...weighs(LONG_VALUE / 10),
      description: 'Documents as lines of JSON: externalId, title, content, metadata, tags; each line with its end, so that pages only need to be joined.',
    }),
    documents: t.exposeInt('documents', { description: 'How many there are in it.' }),
    endCursor: t.string({
      nullable: true,
      description: 'Hand it back as `after` for the next page; null where nothing was read.',
      resolve: ({ end }) => end && encodeCursor(ORDER, { id: end.id, createdAtMs: String(end.createdAtMs) }),
    }),
    hasNextPage: t.boolean({ description: 'Whether there is more.', resolve: ({ isMore }) => isMore }),
  }),
})

function placeOf(after: string | null | undefined) {
  if (!after) return null
  const [createdAtMs, id] = decodeCursor(after, ORDER, 'after')
  return { createdAtMs: Number(createdAtMs), id: id as string }
}

builder.queryFields((t) => ({
  searchSuggest: t.field({
    type: [SuggestionRef],
    description: 'How the last word of what was typed may go on, among documents that have the words before it; the most common first.',
    ...rights('SEARCH_READ', SEARCH_COST / 2),
    args: { input: t.arg({ type: SuggestInput, required: true, description: 'What was typed.' }) },
    resolve: (_root, { input }, ctx) => {
      const first = input.first ?? 10
      if (first < 1 || first > MAX_SUGGESTIONS) throw new BadUserInput(`Must be from 1 to ${MAX_SUGGESTIONS}.`, ['input', 'first'])
      if (input.text.length > MAX_TYPED) throw new BadUserInput(`Must have at most ${MAX_TYPED} characters.`, ['input', 'text'])
      return searchSuggest(ctx.reading, { typed: input.text, collectionIds: collectionIds(input.collections), first })
    },
  }),
  searchCollectionExport: t.field({
    type: ExportRef,
    nullable: true,
    description: `A collection as lines of JSON, page by page, in the order in which documents were added; null where there is none that you may see. A page ends behind ${PAGE_CHARACTERS} characters. \`searchImportCreate\` reads it again.`,
    ...rights('SEARCH_READ'),
    args: {
      id: t.arg.id({ required: true, description: 'The collection’s id.' }),
      first: t.arg.int({ defaultValue: 100, description: `So many documents at most, 1 to ${MAX_EXPORTED}.` }),
      after: t.arg.string({ description: 'Only what comes after this place.' }),
    },
    resolve: async (_root, args, ctx) => {
      const first = args.first ?? 100
      if (first < 1 || first > MAX_EXPORTED) throw new BadUserInput(`first must be from 1 to ${MAX_EXPORTED}.`, ['first'])
      const after = placeOf(args.after)
      const id = idOf('SearchCollection', args.id, ['id'])
      const collection = id && (await ctx.db.searchCollection.findFirst({ where: { id, ...collectionsOf(ctx.actor) }, select: { id: true } }))
      return collection ? collectionExport(ctx.reading, collection.id, { after, first }) : null
    },
  }),
}))
