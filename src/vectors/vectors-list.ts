import { newId } from '../core/ids.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { VectorSetValues } from './vector-set.ts'
import { itemSourceOf } from './vector-space.ts'

const AT_ONCE = 1000

/** Notes the next ids of a space as pending, and how far it came; answers whether that was the end. What was noted already stays as it is. */
export async function vectorsList(work: Work, { id, space }: Pick<VectorSetValues, 'id' | 'space'>): Promise<boolean> {
  const [set] = await work.rows<{ listedTo: string | null; isListed: boolean | number }>(
    Prisma.sql`SELECT "listedTo", "isListed" FROM "VectorSet" WHERE "id" = ${id} AND "status" = 'BUILDING' ${work.sql.forUpdate}`,
  )
  if (!set || set.isListed) return true
  const ids = await itemSourceOf(space).idsAfter(work, space, set.listedTo, AT_ONCE)
  if (ids.length) {
    const table = work.sql.table('found', { itemId: { kind: 'text', values: ids } })
    await work.execute(Prisma.sql`INSERT INTO "VectorPending" ("setId", "itemId", "stamp") SELECT ${id}, "itemId", ${newId()} FROM ${table} WHERE 1 = 1
      ORDER BY "itemId" ON CONFLICT ("setId", "itemId") DO NOTHING`)
  }
  const isListed = ids.length < AT_ONCE
  await work.execute(Prisma.sql`UPDATE "VectorSet" SET "listedTo" = ${ids.at(-1) ?? set.listedTo}, "isListed" = ${isListed} WHERE "id" = ${id}`)
  return isListed
}
