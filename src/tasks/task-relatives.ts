/** What an attempt sees and makes of the tasks around its own. */
import { createHash } from 'node:crypto'
import type { Actor } from '../core/actor.ts'
import type { Database } from '../db/database.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { Lease, TaskValues } from './task.ts'
import { taskCreate } from './task-create.ts'
import { TaskNotLeased } from './task-errors.ts'
import { held } from './task-heartbeat.ts'
import type { ChildCreation, RelatedTask, TaskTypes } from './task-type.ts'

const COLUMNS = Prisma.raw('"id", "type", "status", "result", "error"')
const MOST = 10_000

/** Without the children it has waited for. */
export const taskDependencies = (database: Database, taskId: string): Promise<RelatedTask[]> =>
  database.rows(
    Prisma.sql`SELECT ${COLUMNS} FROM "Task" WHERE "id" IN (SELECT "dependsOnId" FROM "TaskDependency" WHERE "taskId" = ${taskId})
      AND ("parentId" IS NULL OR "parentId" <> ${taskId}) ORDER BY "createdAtMs", "id" LIMIT ${MOST}`,
  )

export const taskChildren = (database: Database, taskId: string): Promise<RelatedTask[]> =>
  database.rows(Prisma.sql`SELECT ${COLUMNS} FROM "Task" WHERE "parentId" = ${taskId} ORDER BY "createdAtMs", "id" LIMIT ${MOST}`)

/** Only the holder of the lease may make children; the same key is the same child. It is its parent's owner's. */
export async function childCreate(work: Work, types: TaskTypes, lease: Lease, parent: TaskValues, key: string, child: ChildCreation): Promise<string> {
  const [mine] = await work.rows(Prisma.sql`SELECT "id" FROM "Task" WHERE ${held(lease)} ${work.sql.forUpdate}`)
  if (!mine) throw new TaskNotLeased()
  const id = childId(parent.id, key)
  const [known] = await work.rows(Prisma.sql`SELECT "id" FROM "Task" WHERE "id" = ${id}`)
  if (!known) await taskCreate(Object.assign(Object.create(work) as Work, { actor: asOwner(parent) }), types, { ...child, id, parentId: parent.id })
  return id
}

/** A task acts for its owner, with no more than the owner's own. */
const asOwner = ({ ownerId }: TaskValues): Actor => ({ kind: 'deputy', userId: ownerId, role: 'USER' })

/** A UUIDv7 of the parent's time, and for the rest of what it is made of. */
function childId(parentId: string, key: string): string {
  const digest = createHash('sha256').update(`${parentId}\n${key}`).digest('hex')
  return `${parentId.slice(0, 13)}-7${digest.slice(0, 3)}-8${digest.slice(3, 6)}-${digest.slice(6, 18)}`
}
