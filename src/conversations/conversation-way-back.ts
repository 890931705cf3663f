import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { type Said, wayBack } from './history.ts'

/** What was said in a conversation, newest first, read no further than it is taken; null where it is not the owner's. */
export async function conversationWayBack(work: Pick<Work, 'rows' | 'sql'>, ownerId: string, id: string): Promise<AsyncIterable<Said> | null> {
  const [conversation] = await work.rows<{ headId: string | null }>(
    Prisma.sql`SELECT "headId" FROM "Conversation" WHERE "id" = ${id} AND "ownerId" = ${ownerId}`,
  )
  return conversation ? wayBack(work, conversation.headId) : null
}
