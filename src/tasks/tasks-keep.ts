import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { taskIn } from './task-move.ts'

/** Which of these are tasks of the owner's; they are not removed before the end of the transaction. */
export async function tasksKeep(work: Work, ownerId: string, ids: readonly string[]): Promise<Set<string>> {
  const rows = await work.rows<{ id: string }>(
    Prisma.sql`SELECT "id" FROM "Task" WHERE ${taskIn(work, ids)} AND "ownerId" = ${ownerId} ORDER BY "id" ${work.sql.forKeyShareOf('Task')}`,
  )
  return new Set(rows.map(({ id }) => id))
}
