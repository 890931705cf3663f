import { actorId, ownedBy } from '../core/actor.ts'
import { NotFound } from '../core/errors.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'

/** Forgets a registration. No more tasks of the type can be made; what waits goes on waiting, until it is registered again or cancelled. */
export async function taskTypeRemove(work: Work, name: string, ownerId = actorId(work.actor) ?? ''): Promise<string> {
  const { ownerId: mine = ownerId } = ownedBy(work.actor)
  const [row] = await work.rows<{ id: string }>(
    Prisma.sql`DELETE FROM "OutsideTaskType" WHERE "ownerId" = ${ownerId} AND "ownerId" = ${mine} AND "name" = ${name} RETURNING "id"`,
  )
  if (!row) throw new NotFound('Task type', ['input', 'name'])
  work.events.push({ kind: 'TASK_TYPE_REMOVED', subjectType: 'TaskType', subjectId: row.id, ownerId, data: { name } })
  return row.id
}
