import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'

/** What documents that are the owner's are called: their titles, else what their owner calls them; null where they have neither. */
export async function documentTitles(work: Pick<Work, 'rows'>, ownerId: string, ids: readonly string[]): Promise<Map<string, string | null>> {
  if (!ids.length) return new Map()
  const rows = await work.rows<{ id: string; title: string | null }>(
    Prisma.sql`SELECT "id", COALESCE("title", "externalId") AS "title" FROM "SearchDocument" WHERE "id" IN (${Prisma.join([...ids])}) AND "ownerId" = ${ownerId}`,
  )
  return new Map(rows.map(({ id, title }) => [id, title]))
}
