import { BadUserInput } from '../core/errors.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { COLLECTION_VALUES, collectionChanged, spaceOf, toCollectionValues } from './collection.ts'
import type { CollectionCreation } from './collection-create.ts'
import { collectionHold } from './collection-hold.ts'
import { CollectionNotEmpty } from './search-errors.ts'
import { textSpaceClear } from './text-space.ts'

/** Undefined leaves a value as it is; null clears it. */
export type CollectionUpdate = Partial<Omit<CollectionCreation, 'id' | 'description'>> & { description?: string | null | undefined }

/** Changes what a collection says. How long chunks are holds for documents that are written from now on. */
export async function collectionUpdate(work: Work, id: string, update: CollectionUpdate): Promise<void> {
  const before = await collectionHold(work, id)
  if (Object.values(update).every((value) => value === undefined)) return
  const { name = before.name, language = before.language, chunkWords = before.chunkWords, overlapWords = before.overlapWords } = update
  if (overlapWords > chunkWords / 2) throw new BadUserInput('Must be at most half of chunkWords.', ['input', 'overlapWords'])
  const description = update.description === undefined ? before.description : update.description
  if (language !== before.language) await forgetLanguage(work, id)
  const [row] = await work.rows<Record<string, unknown>>(Prisma.sql`
    UPDATE "SearchCollection" SET "name" = ${name}, "description" = CAST(${description} AS TEXT), "language" = ${language}, "chunkWords" = CAST(${chunkWords} AS INTEGER),
      "overlapWords" = CAST(${overlapWords} AS INTEGER), "updatedAtMs" = ${work.sql.nowMs} WHERE "id" = ${id} RETURNING ${COLLECTION_VALUES}`)
  collectionChanged(work, 'UPDATED', toCollectionValues(row!), before)
}

/** A space keeps its language: so the collection gets another space, as long as there is nothing in it. */
async function forgetLanguage(work: Work, id: string): Promise<void> {
  const [document] = await work.rows(Prisma.sql`SELECT "id" FROM "SearchDocument" WHERE "collectionId" = ${id} LIMIT 1`)
  if (document) throw new CollectionNotEmpty()
  await textSpaceClear(work, spaceOf(id), 1)
}
