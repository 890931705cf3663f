/** A collection: documents that are searched together, in one language. */
import { type Actor, ownedBy } from '../core/actor.ts'
import { changedFrom } from '../events/changed.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { TextLanguage } from './language.ts'

export const MAX_COLLECTIONS = 1000
export const MAX_NAME = 200
export const MAX_DESCRIPTION = 2000
/** A chunk is as long as models for embeddings read at once. */
export const DEFAULT_CHUNK_WORDS = 160
export const MIN_CHUNK_WORDS = 20
export const MAX_CHUNK_WORDS = 2000
export const DEFAULT_OVERLAP_WORDS = 20

/** What an event about a collection carries. */
export interface CollectionValues {
  id: string
  ownerId: string
  name: string
  description: string | null
  language: TextLanguage
  chunkWords: number
  overlapWords: number
  createdAtMs: number
  updatedAtMs: number
}

export const COLLECTION_COLUMNS = [
  'id',
  'ownerId',
  'name',
  'description',
  'language',
  'chunkWords',
  'overlapWords',
  'createdAtMs',
  'updatedAtMs',
] as const satisfies (keyof CollectionValues)[]

export const COLLECTION_VALUES = Prisma.raw(COLLECTION_COLUMNS.map((column) => `"SearchCollection"."${column}"`).join(', '))

export const toCollectionValues = (row: Record<string, unknown>): CollectionValues =>
  Object.fromEntries(COLLECTION_COLUMNS.map((column) => [column, row[column]])) as unknown as CollectionValues

/** The collections that an actor sees, as a Prisma `where`. */
export const collectionsOf = (actor: Actor) => ({ ...ownedBy(actor), deletedAtMs: null })
/** And the documents, imports and so on in them. */
export const insideOf = (actor: Actor) => ({ ...ownedBy(actor), collection: { deletedAtMs: null } })

/** The space of its texts in the full-text index. */
export const spaceOf = (collectionId: string): string => `collection:${collectionId}`

export type CollectionChange = 'CREATED' | 'UPDATED' | 'DELETED'

export function collectionChanged(work: Work, kind: CollectionChange, after: CollectionValues, before?: CollectionValues): void {
  const { id, ownerId, ...values } = after
  work.events.push({
    kind: `SEARCH_COLLECTION_${kind}`,
    subjectType: 'SearchCollection',
    subjectId: id,
    ownerId,
    data: { ...values, ...changedFrom(COLLECTION_COLUMNS, before, after) },
  })
}

export interface DocumentsChanged {
  added: readonly string[]
  updated: readonly string[]
  deleted: readonly string[]
}

/** So many ids an event names; how many there are it says always. */
export const MOST_NAMED = 100

/** One event for all that a transaction did to the documents of a collection: a million of them would be a log of nothing else. */
export function documentsChanged(work: Work, { id, ownerId }: Pick<CollectionValues, 'id' | 'ownerId'>, { added, updated, deleted }: DocumentsChanged): void {
  if (!added.length && !updated.length && !deleted.length) return
  work.events.push({
    kind: 'SEARCH_COLLECTION_DOCUMENTS_CHANGED',
    subjectType: 'SearchCollection',
    subjectId: id,
    ownerId,
    data: {
      added: added.length,
      updated: updated.length,
      deleted: deleted.length,
      addedIds: added.slice(0, MOST_NAMED),
      updatedIds: updated.slice(0, MOST_NAMED),
      deletedIds: deleted.slice(0, MOST_NAMED),
    },
  })
}
