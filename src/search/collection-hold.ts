/** Collections for the length of a transaction: whose they are, and that they stay. */
import { ownedBy, requireKnown } from '../core/actor.ts'
import { NotFound } from '../core/errors.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { userLock } from '../identity/user-lock.ts'
import { COLLECTION_VALUES, type CollectionValues, toCollectionValues } from './collection.ts'
import { collectionCreate } from './collection-create.ts'

/** Where documents go: a collection by its id, or by its name, which may be made. */
export interface Into {
  collectionId?: string | undefined
  collection?: string | undefined
  createCollection?: boolean | undefined
}

/** The collection, if it is the actor's, with nobody changing it meanwhile. */
export const collectionHold = (work: Work, id: string, path = ['input', 'id']): Promise<CollectionValues> => held(work, id, path, work.sql.forUpdate)

/** The collection, if it is the actor's; it is not removed meanwhile, and any number may do something in it. */
export const collectionKeep = (work: Work, id: string, path = ['input', 'collectionId']): Promise<CollectionValues> =>
  held(work, id, path, work.sql.forKeyShareOf('SearchCollection'))

async function held(work: Work, id: string, path: string[], lock: Prisma.Sql): Promise<CollectionValues> {
  const { ownerId } = ownedBy(work.actor)
  const mine = ownerId === undefined ? Prisma.empty : Prisma.sql`AND "ownerId" = ${ownerId}`
  const [row] = await work.rows<Record<string, unknown>>(
    Prisma.sql`SELECT ${COLLECTION_VALUES} FROM "SearchCollection" WHERE "id" = ${id} AND "deletedAtMs" IS NULL ${mine} ${lock}`,
  )
  if (!row) throw new NotFound('SearchCollection', path)
  return toCollectionValues(row)
}

/** The same by id or name; a name that is not there becomes a collection where that is asked for. */
export async function collectionInto(work: Work, { collectionId, collection: name, createCollection }: Into): Promise<CollectionValues> {
  if (collectionId !== undefined) return collectionKeep(work, collectionId)
  const { userId } = requireKnown(work.actor)
  const find = async () => {
    const [row] = await work.rows<Record<string, unknown>>(
      Prisma.sql`SELECT ${COLLECTION_VALUES} FROM "SearchCollection" WHERE "ownerId" = ${userId} AND "name" = ${name} AND "deletedAtMs" IS NULL ${work.sql.forKeyShareOf('SearchCollection')}`,
    )
    return row && toCollectionValues(row)
  }
  const known = await find()
  if (known) return known
  if (!createCollection) throw new NotFound('SearchCollection', ['input', 'collection'])
  // Whoever makes collections of this owner waits here, and then finds what a twin has made.
  await userLock(work, userId)
  return (await find()) ?? collectionCreate(work, { name: name! })
}
