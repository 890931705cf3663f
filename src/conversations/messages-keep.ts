import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { taskIn } from '../tasks/task-move.ts'

/** Which of these are messages of the owner's; they are not removed before the end of the transaction. */
export async function messagesKeep(work: Work, ownerId: string, ids: readonly string[]): Promise<Set<string>> {
  const rows = await work.rows<{ id: string }>(
    Prisma.sql`SELECT "id" FROM "Message" WHERE ${taskIn(work, ids)} AND "ownerId" = ${ownerId} ORDER BY "id" ${work.sql.forKeyShareOf('Message')}`,
  )
  return new Set(rows.map(({ id }) => id))
}
