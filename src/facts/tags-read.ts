import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'

/** The tags of facts that are the owner's, each fact's in their order; one without any is not among them. */
export async function tagsRead(work: Pick<Work, 'rows'>, ownerId: string, ids: readonly string[]): Promise<Map<string, string[]>> {
  if (!ids.length) return new Map()
  const rows = await work.rows<{ factId: string; tag: string }>(
    Prisma.sql`SELECT "factId", "tag" FROM "FactTag" WHERE "factId" IN (${Prisma.join([...ids])}) AND "ownerId" = ${ownerId} ORDER BY "factId", "tag"`,
  )
  const tags = new Map<string, string[]>()
  for (const { factId, tag } of rows) tags.set(factId, [...(tags.get(factId) ?? []), tag])
  return tags
}
