import { ownedBy } from '../core/actor.ts'
import { NotFound } from '../core/errors.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { CollectionValues } from './collection.ts'
import { collectionKeep } from './collection-hold.ts'

export interface HeldDocument {
  id: string
  collection: CollectionValues
  title: string | null
  content: string
  metadata: unknown
}

/** A document, if it is the actor's, with nobody changing it meanwhile; by its own id, or its external id in a collection. */
export async function documentHold(work: Work, id: string): Promise<HeldDocument> {
  const { ownerId } = ownedBy(work.actor)
  const mine = ownerId === undefined ? Prisma.empty : Prisma.sql`AND "ownerId" = ${ownerId}`
  const [place] = await work.rows<{ collectionId: string }>(Prisma.sql`SELECT "collectionId" FROM "SearchDocument" WHERE "id" = ${id} ${mine}`)
  if (!place) throw new NotFound('SearchDocument', ['input', 'id'])
  // Before the document: whoever removes the collection holds it first.
  const collection = await collectionKeep(work, place.collectionId).catch((error: unknown) => {
    throw error instanceof NotFound ? new NotFound('SearchDocument', ['input', 'id']) : error
  })
  const [document] = await work.rows<Omit<HeldDocument, 'collection'>>(
    Prisma.sql`SELECT "id", "title", "content", "metadata" FROM "SearchDocument" WHERE "id" = ${id} ${work.sql.forUpdate}`,
  )
  if (!document) throw new NotFound('SearchDocument', ['input', 'id'])
  return { ...document, collection }
}
