import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { conversationHold, conversationSet } from './conversation-hold.ts'

/** Puts a conversation away, or takes it out again. One that is there already stays there. */
export async function conversationArchive(work: Work, id: string, isArchived = true): Promise<void> {
  const conversation = await conversationHold(work, id)
  if ((conversation.archivedAtMs !== null) === isArchived) return
  const set = Prisma.sql`"archivedAtMs" = ${isArchived ? work.sql.nowMs : Prisma.sql`NULL`}`
  await conversationSet(work, conversation, set, isArchived ? 'ARCHIVED' : 'UNARCHIVED')
}
