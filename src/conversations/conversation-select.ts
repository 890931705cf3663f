import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { asOwner } from './answer-ask.ts'
import { ownerHold } from './conversation-fork.ts'
import { conversationHold, conversationSet, messageOf } from './conversation-hold.ts'

/**
 * Chooses among messages that stand beside each other: the conversation goes on from the end of the newest way below the chosen one, of
 * what was said in this conversation, or where that message was said.
 */
export async function conversationSelect(work: Work, id: string, messageId: string | null): Promise<void> {
  await ownerHold(work, id, ['input', 'id'])
  const conversation = await conversationHold(work, id)
  const chosen = await messageOf(await asOwner(work, conversation), conversation, messageId, ['input', 'messageId'])
  const [leaf] = await work.rows<{ id: string }>(Prisma.sql`
    WITH RECURSIVE "below" AS (
      SELECT "id", "depth" FROM "Message" WHERE "id" = ${chosen.id}
      UNION ALL
      SELECT "m"."id", "m"."depth" FROM "below" JOIN "Message" AS "m" ON "m"."id" = (
        SELECT "child"."id" FROM "Message" AS "child" WHERE "child"."parentId" = "below"."id" AND "child"."conversationId" IN (${id}, ${chosen.conversationId ?? id})
        ORDER BY "child"."createdAtMs" DESC, "child"."id" DESC LIMIT 1)
    ) SELECT "id" FROM "below" ORDER BY "depth" DESC LIMIT 1`)
  if (leaf!.id === conversation.headId) return
  await conversationSet(work, conversation, Prisma.sql`"headId" = ${leaf!.id}`, 'HEAD_MOVED')
}
