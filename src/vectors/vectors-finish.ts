import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { toVectorSetValues, VECTOR_SET_VALUES, type VectorSetValues } from './vector-set.ts'
import { vectorSetTold } from './vector-set-told.ts'
import { spaceHold } from './vector-space.ts'

/**
 * Ends a task's work on a set, unless there is more of it. A set that was being made takes over, in one statement: there is no moment
 * without one. Whoever tells of an item from here on makes a new task; whoever told before is seen.
 */
export async function vectorsFinish(work: Work, { id, space }: Pick<VectorSetValues, 'id' | 'space'>, taskId: string): Promise<boolean> {
  await spaceHold(work, space, 'ALONE')
  const isEmpty = Prisma.sql`NOT EXISTS (SELECT 1 FROM "VectorPending" WHERE "setId" = ${id})`
  const [done] = await work.rows<{ status: string }>(
    Prisma.sql`UPDATE "VectorSet" SET "taskId" = NULL WHERE "id" = ${id} AND "taskId" = ${taskId} AND "status" <> 'RETIRED' AND ${isEmpty} RETURNING "status"`,
  )
  if (!done) return !(await isHeld(work, id, taskId))
  if (done.status !== 'BUILDING') return true
  const asStatus = (status: string) => work.sql.asEnum('VectorSetStatus', status)
  const moved = await work.rows<Record<string, unknown>>(Prisma.sql`
    UPDATE "VectorSet" SET "status" = CASE WHEN "id" = ${id} THEN ${asStatus('LIVE')} ELSE ${asStatus('RETIRED')} END,
      "liveAtMs" = CASE WHEN "id" = ${id} THEN ${work.sql.nowMs} ELSE "liveAtMs" END, "taskId" = NULL
    WHERE "space" = ${space} AND ("id" = ${id} OR "status" = 'LIVE') RETURNING ${VECTOR_SET_VALUES}`)
  for (const set of moved.map(toVectorSetValues)) vectorSetTold(work, set.status, set)
  return true
}

/** Whether it is still this task's; otherwise there is nothing more for it to do. */
async function isHeld(work: Work, id: string, taskId: string): Promise<boolean> {
  const [set] = await work.rows(Prisma.sql`SELECT 1 AS "one" FROM "VectorSet" WHERE "id" = ${id} AND "taskId" = ${taskId} AND "status" <> 'RETIRED'`)
  return set !== undefined
}
