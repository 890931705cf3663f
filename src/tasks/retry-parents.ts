/** Whether a child may be retried: nobody waits for what it does while its parent has ended badly. */
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { TaskStatus } from './task.ts'
import { taskIn } from './task-move.ts'
import { mineOf } from './tasks-told-apart.ts'

export interface EndedParent {
  id: string
  status: TaskStatus
}

/** Of these tasks those whose parent ended badly, with it. All parents are held, so that one that goes on goes on to the end of the transaction. */
export async function parentsEndedBadly(work: Work, ids: readonly string[]): Promise<Map<string, EndedParent>> {
  const mine = Prisma.sql`${mineOf(work, ids)} AND "status" IN ('FAILED', 'CANCELLED')`
  // Parents before children, as where a parent ends.
  const parents = await work.rows<EndedParent>(
    Prisma.sql`SELECT "id", "status" FROM "Task" WHERE "id" IN (SELECT "parentId" FROM "Task" WHERE ${mine}) ORDER BY "id" ${work.sql.forUpdate}`,
  )
  const ended = new Map(parents.filter(({ status }) => status === 'FAILED' || status === 'CANCELLED').map((parent) => [parent.id, parent]))
  if (!ended.size) return new Map()
  const children = await work.rows<{ id: string; parentId: string }>(
    Prisma.sql`SELECT "id", "parentId" FROM "Task" WHERE ${mine} AND ${taskIn(work, [...ended.keys()], '"parentId"')}`,
  )
  const needed = await neededBy(work, [...ended.keys()])
  return new Map(children.filter(({ id, parentId }) => !needed.has(`${parentId} ${id}`)).map(({ id, parentId }) => [id, ended.get(parentId)!]))
}

/** What must end well before these go on, themselves or what they depend on: a parent that so depends on its child comes after it. */
async function neededBy(work: Work, ids: readonly string[]): Promise<Set<string>> {
  const pairs = await work.rows<{ parent: string; id: string }>(Prisma.sql`
    WITH RECURSIVE "needed"("parent", "id") AS (
      SELECT "taskId", "dependsOnId" FROM "TaskDependency" WHERE ${taskIn(work, ids, '"taskId"')} AND "onFailure" = 'CANCEL'
      UNION SELECT "needed"."parent", "of"."dependsOnId" FROM "needed" JOIN "TaskDependency" AS "of" ON "of"."taskId" = "needed"."id" WHERE "of"."onFailure" = 'CANCEL')
    SELECT "parent", "id" FROM "needed"`)
  return new Set(pairs.map(({ parent, id }) => `${parent} ${id}`))
}
