import { requireKnown } from '../core/actor.ts'
import { newId } from '../core/ids.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { userLock } from '../identity/user-lock.ts'
import {
  COLLECTION_VALUES,
  type CollectionValues,
  collectionChanged,
  DEFAULT_CHUNK_WORDS,
  DEFAULT_OVERLAP_WORDS,
  MAX_COLLECTIONS,
  toCollectionValues,
} from './collection.ts'
import type { TextLanguage } from './language.ts'
import { CollectionLimitReached } from './search-errors.ts'

export interface CollectionCreation {
  id?: string | undefined
  name: string
  description?: string | undefined
  language?: TextLanguage | undefined
  chunkWords?: number | undefined
  overlapWords?: number | undefined
}

/** Writes a collection down, empty. A name that is taken is refused by the database, whoever takes it in the same moment. */
export async function collectionCreate(work: Work, creation: CollectionCreation): Promise<CollectionValues> {
  const { userId: ownerId } = requireKnown(work.actor)
  const { id = newId(), name, description = null, language = 'ENGLISH', chunkWords = DEFAULT_CHUNK_WORDS } = creation
  const overlapWords = creation.overlapWords ?? Math.min(DEFAULT_OVERLAP_WORDS, Math.floor(chunkWords / 4))
  await userLock(work, ownerId)
  const [there] = await work.rows<{ count: number }>(
    Prisma.sql`SELECT COUNT(*) AS "count" FROM "SearchCollection" WHERE "ownerId" = ${ownerId} AND "deletedAtMs" IS NULL`,
  )
  if (there!.count >= MAX_COLLECTIONS) throw new CollectionLimitReached()
  const [row] = await work.rows<Record<string, unknown>>(Prisma.sql`
    INSERT INTO "SearchCollection" ("id", "ownerId", "name", "description", "language", "chunkWords", "overlapWords", "createdAtMs", "updatedAtMs")
    SELECT ${id}, ${ownerId}, ${name}, ${description}, ${language}, CAST(${chunkWords} AS INTEGER), CAST(${overlapWords} AS INTEGER), "now"."ms", "now"."ms"
    FROM (SELECT ${work.sql.nowMs} AS "ms") AS "now" RETURNING ${COLLECTION_VALUES}`)
  const collection = toCollectionValues(row!)
  collectionChanged(work, 'CREATED', collection)
  return collection
}
