import { ownedBy } from '../core/actor.ts'
import { NotFound } from '../core/errors.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { Lease } from './task.ts'
import { ownedTask, taskIn } from './task-move.ts'

/** Of these tasks, those that the actor may see: whoever got hold of a token of another's task learns nothing by it. */
export async function tasksSeen(work: Work, ids: readonly string[]): Promise<Set<string>> {
  const rows = await work.rows<{ id: string }>(Prisma.sql`SELECT "id" FROM "Task" WHERE ${taskIn(work, ids)} AND ${ownedTask(ownedBy(work.actor))}`)
  return new Set(rows.map(({ id }) => id))
}

/** The lease as a worker elsewhere shows it; whether it is held is for the statement to say that uses it. */
export async function taskLease(work: Work, lease: Lease): Promise<Lease> {
  if (!(await tasksSeen(work, [lease.id])).has(lease.id)) throw new NotFound('Task', ['input', 'id'])
  return lease
}
