import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { setsOf } from './vector-items-change.ts'
import { IDS_AT_ONCE } from './vector-set.ts'
import { spaceHold } from './vector-space.ts'

/** Items are gone, in the transaction that removes them: nothing finds them any more. */
export async function vectorItemsRemove(work: Work, space: string, ids: readonly string[]): Promise<void> {
  if (!ids.length) return
  await spaceHold(work, space, 'SHARED')
  for (const { id } of await setsOf(work, space)) {
    let removed = 0
    for (let at = 0; at < ids.length; at += IDS_AT_ONCE) {
      const some = Prisma.sql`"setId" = ${id} AND "itemId" IN (SELECT "itemId" FROM ${work.sql.table('given', { itemId: { kind: 'text', values: ids.slice(at, at + IDS_AT_ONCE) } })})`
      // First what is pending: who embeds one of them just now holds that row, and what it writes is seen by the second statement.
      await work.execute(Prisma.sql`DELETE FROM "VectorPending" WHERE ${some}`)
      removed += await work.execute(Prisma.sql`DELETE FROM "Vector" WHERE ${some}`)
    }
    if (removed)
      await work.execute(Prisma.sql`UPDATE "VectorSet" SET "items" = "items" - CAST(${removed} AS INTEGER), "version" = "version" + 1 WHERE "id" = ${id}`)
  }
}
