import { newId } from '../core/ids.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { toVectorSetValues, VECTOR_SET_VALUES, type VectorSetValues } from './vector-set.ts'
import { vectorSetTold } from './vector-set-told.ts'
import { spaceHold } from './vector-space.ts'
import { vectorsOrder } from './vectors-order.ts'

export interface VectorSetCreation {
  ownerId: string
  space: string
  /** As `provider/model`. */
  model: string
}

/**
 * Begins to make a space's vectors with a model, aside; what is LIVE answers until they are whole. What is made, or there, with this very
 * model goes on; what was being made with another is given up.
 */
export async function vectorSetCreate(work: Work, { ownerId, space, model }: VectorSetCreation): Promise<VectorSetValues> {
  await spaceHold(work, space, 'ALONE')
  const sets = (
    await work.rows<Record<string, unknown>>(
      Prisma.sql`SELECT ${VECTOR_SET_VALUES} FROM "VectorSet" WHERE "space" = ${space} AND "status" <> 'RETIRED' ORDER BY "id" ${work.sql.forUpdate}`,
    )
  ).map(toVectorSetValues)
  const building = sets.find(({ status }) => status === 'BUILDING')
  if (building && building.model !== model) await retire(work, building)
  const known = building?.model === model ? building : sets.find((set) => set.status === 'LIVE' && set.model === model)
  if (known) {
    if (known.status === 'BUILDING' || (await hasPending(work, known.id))) await vectorsOrder(work, known)
    return known
  }
  const id = newId()
  const [row] = await work.rows<Record<string, unknown>>(Prisma.sql`
    INSERT INTO "VectorSet" ("id", "ownerId", "space", "model", "status", "items", "version", "isListed", "createdAtMs")
    VALUES (${id}, ${ownerId}, ${space}, ${model}, ${work.sql.asEnum('VectorSetStatus', 'BUILDING')}, 0, 0, FALSE, ${work.sql.nowMs}) RETURNING ${VECTOR_SET_VALUES}`)
  const set = toVectorSetValues(row!)
  vectorSetTold(work, 'BUILDING', set)
  return { ...set, taskId: await vectorsOrder(work, set) }
}

async function hasPending(work: Work, setId: string): Promise<boolean> {
  return (await work.rows(Prisma.sql`SELECT 1 AS "one" FROM "VectorPending" WHERE "setId" = ${setId} LIMIT 1`)).length > 0
}

/** Its task finds out with its next batch. */
async function retire(work: Work, set: VectorSetValues): Promise<void> {
  await work.execute(Prisma.sql`UPDATE "VectorSet" SET "status" = ${work.sql.asEnum('VectorSetStatus', 'RETIRED')}, "taskId" = NULL WHERE "id" = ${set.id}`)
  vectorSetTold(work, 'RETIRED', set)
}
