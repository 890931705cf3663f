import { newId } from '../core/ids.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { IDS_AT_ONCE, toVectorSetValues, VECTOR_SET_VALUES, type VectorSetValues } from './vector-set.ts'
import { spaceHold } from './vector-space.ts'
import { vectorsOrder } from './vectors-order.ts'

/**
 * Items of a space are new, or say something else: told in the transaction that makes them so. They are embedded soon, for the set that is
 * LIVE and for the one that is being made; until then the LIVE one answers with what they said before.
 */
export async function vectorItemsChange(work: Work, space: string, ids: readonly string[]): Promise<void> {
  if (!ids.length) return
  await spaceHold(work, space, 'SHARED')
  for (const set of await setsOf(work, space)) {
    for (let at = 0; at < ids.length; at += IDS_AT_ONCE) await pend(work, set.id, ids.slice(at, at + IDS_AT_ONCE))
    if (!set.taskId) await vectorsOrder(work, set)
  }
}

export async function setsOf(work: Pick<Work, 'rows'>, space: string): Promise<VectorSetValues[]> {
  const rows = await work.rows<Record<string, unknown>>(
    Prisma.sql`SELECT ${VECTOR_SET_VALUES} FROM "VectorSet" WHERE "space" = ${space} AND "status" <> 'RETIRED' ORDER BY "id"`,
  )
  return rows.map(toVectorSetValues)
}

async function pend(work: Work, setId: string, ids: readonly string[]): Promise<void> {
  const stamp = newId()
  // In their order, so that two who tell of the same items never wait for each other in a circle.
  const table = work.sql.table('given', { itemId: { kind: 'text', values: [...new Set(ids)].sort() } })
  await work.execute(Prisma.sql`
    INSERT INTO "VectorPending" ("setId", "itemId", "stamp") SELECT ${setId}, "itemId", ${stamp} FROM ${table} WHERE 1 = 1 ORDER BY "itemId"
    ON CONFLICT ("setId", "itemId") DO UPDATE SET "stamp" = EXCLUDED."stamp"`)
}
