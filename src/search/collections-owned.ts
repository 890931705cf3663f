import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { MAX_SPACES } from './text-asked.ts'

/** Those of the collections that are there and the owner's; where none is named, those that were changed last, as many as are searched at once. */
export async function collectionsOwned(work: Pick<Work, 'rows'>, ownerId: string, ids?: readonly string[]): Promise<string[]> {
  if (ids && !ids.length) return []
  const rows = await work.rows<{ id: string }>(Prisma.sql`SELECT "id" FROM "SearchCollection" WHERE "ownerId" = ${ownerId} AND "deletedAtMs" IS NULL
    ${ids ? Prisma.sql`AND "id" IN (${Prisma.join([...ids])})` : Prisma.empty} ORDER BY "updatedAtMs" DESC, "id" DESC LIMIT ${MAX_SPACES}`)
  return rows.map(({ id }) => id)
}
