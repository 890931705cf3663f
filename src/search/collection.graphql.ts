/** The type SearchCollection, and what happens to one. */
import { toDate } from '../core/clock.ts'
import { toGlobalId } from '../core/ids.ts'
import { actorField, eventCursorOf } from '../events/events.graphql.ts'
import type { LoggedEvent } from '../events/log.ts'
import { builder, weighs } from '../graphql/builder.ts'
import { pagesOf } from '../graphql/connection.ts'
import { nodeLoader } from '../graphql/node.ts'
import { readRelated } from '../graphql/related.ts'
import { collectionsOf } from './collection.ts'
import { DocumentPages, DocumentRef } from './document.graphql.ts'
import './search-invariants.ts'
import { TEXT_LANGUAGES, type TextLanguage } from './language.ts'

const languageWords = (name: string) =>
  name === 'SIMPLE'
    ? 'No language in particular: words are found as they are written, whatever their case and accents.'
    : `${name[0]}${name.slice(1).toLowerCase()}: a word is found by its other forms too.`

export const SearchLanguage = builder.enumType('SearchLanguage', {
  description: 'The language that texts are searched in.',
  values: Object.fromEntries(TEXT_LANGUAGES.map((name) => [name, { value: name, description: languageWords(name) }])) as Record<
    TextLanguage,
    { value: TextLanguage; description: string }
  >,
})

interface Settings {
  chunkWords: number
  overlapWords: number
}

const CollectionSettings = builder.objectRef<Settings>('SearchCollectionSettings').implement({
  description: 'How the documents of a collection are cut into chunks.',
  fields: (t) => ({
    chunkWords: t.exposeInt('chunkWords', { description: 'How many words a chunk has at most. A shorter document is one chunk.' }),
    overlapWords: t.exposeInt('overlapWords', { description: 'How many words a chunk has in common with the one before.' }),
  }),
})

const NEWEST = [{ column: 'createdAtMs', kind: 'bigint', direction: 'DESC' }] as const

export const CollectionRef = builder.prismaNode('SearchCollection', {
  description: 'Documents that are searched together, in one language.',
  id: { field: 'id', description: 'The global id, `SearchCollection:<uuid>`.' },
  select: { id: true },
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Its name, unique among its owner’s.' }),
    description: t.exposeString('description', { nullable: true, description: 'What it is for.' }),
    language: t.field({
      type: SearchLanguage,
      select: { language: true },
      description: 'The language of its documents.',
      resolve: ({ language }) => language as TextLanguage,
    }),
    settings: t.field({
      type: CollectionSettings,
      select: { chunkWords: true, overlapWords: true },
      description: 'How its documents are cut into chunks.',
      resolve: (collection) => collection,
    }),
    documents: t.connection(
      {
        type: DocumentRef,
        description: 'Its documents, newest first. `searchDocuments` filters and orders them.',
        resolve: (collection, args, ctx, info) =>
          readRelated(ctx, info, collection.id, {
            typeName: 'SearchDocument',
            table: 'SearchDocument',
            parent: 'collectionId',
            order: NEWEST,
            args,
            delegate: (c) => c.db.searchDocument as never,
          }) as never,
      },
      ...DocumentPages,
    ),
    owner: t.relation('owner', { description: 'Whose it is.' }),
    createdAt: t.field({
      type: 'DateTime',
      select: { createdAtMs: true },
      description: 'When it was made.',
      resolve: ({ createdAtMs }) => toDate(createdAtMs),
    }),
    updatedAt: t.field({
      type: 'DateTime',
      select: { updatedAtMs: true },
      description: 'When what it says of itself was last changed; what happens to its documents does not count.',
      resolve: ({ updatedAtMs }) => toDate(updatedAtMs),
    }),
  }),
})

export const CollectionPages = pagesOf(CollectionRef, 'SearchCollection', 'collections')

nodeLoader('SearchCollection', 'SEARCH_READ', (ctx, ids, query) =>
  ctx.db.searchCollection.findMany({ ...query, where: { id: { in: ids }, ...collectionsOf(ctx.actor) } }),
)

const CollectionEventKind = builder.enumType('SearchCollectionEventKind', {
  description: 'What happened to a collection.',
  values: {
    SNAPSHOT: { description: 'Nothing: this is how it stands as you begin to follow.' },
    CREATED: { description: 'It was made.' },
    UPDATED: { description: 'What it says of itself was changed.' },
    DOCUMENTS_CHANGED: { description: 'Documents were added, changed or removed; `data` says how many of each, and names the first 100.' },
    DELETED: { description: 'It was removed.' },
  } as const,
})

export const CollectionEvent = builder.objectRef<LoggedEvent>('SearchCollectionEvent').implement({
  description: 'A change of a collection, or of documents in it.',
  fields: (t) => ({
    cursor: t.field({
      type: 'Cursor',
      description: 'Its place in the log: go on from here with `after`.',
      resolve: (event, _args, ctx) => eventCursorOf(ctx, event),
    }),
    occurredAt: t.field({ type: 'DateTime', description: 'When it was committed, by the database’s clock.', resolve: (event) => toDate(event.occurredAtMs) }),
    kind: t.field({
      type: CollectionEventKind,
      description: 'What happened.',
      resolve: (event) => event.kind.replace(/^SEARCH_COLLECTION_/, '') as 'SNAPSHOT',
    }),
    collectionId: t.id({ description: 'The collection’s id.', resolve: (event) => toGlobalId('SearchCollection', event.subjectId) }),
    collection: t.prismaField({
      type: CollectionRef,
      nullable: true,
      description: 'The collection as it is now, which may be further on than this event; null once it is deleted.',
      resolve: (query, event, _args, ctx) => ctx.db.searchCollection.findFirst({ ...query, where: { id: event.subjectId, ...collectionsOf(ctx.actor) } }),
    }),
    actor: actorField(t as never),
    data: t.field({
      ...weighs(1),
      type: 'JSON',
      nullable: true,
      description:
        'The values after the change; under `before` those that were other before it. Of DOCUMENTS_CHANGED: `added`, `updated`, `deleted`, and `addedIds` and so on.',
      resolve: (event) => event.data,
    }),
  }),
})
