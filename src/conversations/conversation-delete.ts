import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { inPlaceOf } from '../identity/in-place-of.ts'
import { taskIn } from '../tasks/task-move.ts'
import { tasksCancel } from '../tasks/tasks-cancel.ts'
import { conversationChanged } from './conversation.ts'
import { ownerHold } from './conversation-fork.ts'
import { conversationHold } from './conversation-hold.ts'
import { isOpen, type MessageStatus } from './message.ts'

/**
 * Removes a conversation with what was said in it, but for what lies on the way of another, or before what was said in another: that
 * stays, without a conversation of its own, until the last that needs it goes. Answers that are still being written are cancelled.
 */
export async function conversationDelete(work: Work, id: string): Promise<void> {
  // Before all else: whoever begins a fork holds the owner too, so that none begins at a message that is just being removed.
  await ownerHold(work, id, ['input', 'id'])
  const conversation = await conversationHold(work, id)
  const gone = await unneeded(work, id, conversation.headId)
  const open = gone.flatMap(({ taskId, status }) => (taskId && isOpen(status) ? [taskId] : []))
  // Before their messages go: tasks are held before messages everywhere.
  if (open.length) await tasksCancel(await inPlaceOf(work, conversation.ownerId), open.sort())
  const ids = gone.map((message) => message.id)
  for (let done = 0; done < ids.length; done += AT_ONCE)
    await work.execute(Prisma.sql`DELETE FROM "Message" WHERE ${taskIn(work, ids.slice(done, done + AT_ONCE))}`)
  await work.execute(Prisma.sql`DELETE FROM "Conversation" WHERE "id" = ${id}`)
  conversationChanged(work, 'DELETED', { before: null, after: conversation })
}

const AT_ONCE = 5000

/**
 * What may go with a conversation: what was said in it, and what lies before that and belongs to no conversation any more; without
 * all that lies before something that stays, or before the head of another.
 */
async function unneeded(work: Work, id: string, headId: string | null): Promise<{ id: string; taskId: string | null; status: MessageStatus }[]> {
  return work.rows(Prisma.sql`
    WITH RECURSIVE
      "left" ("id", "parentId") AS (
        SELECT "id", "parentId" FROM "Message" WHERE "conversationId" IS NULL AND ("id" = ${headId ?? ''} OR "id" IN (SELECT "parentId" FROM "Message" WHERE "conversationId" = ${id}))
        UNION SELECT "m"."id", "m"."parentId" FROM "left" JOIN "Message" AS "m" ON "m"."id" = "left"."parentId" WHERE "m"."conversationId" IS NULL),
      "scope" ("id", "parentId") AS (SELECT "id", "parentId" FROM "Message" WHERE "conversationId" = ${id} UNION SELECT "id", "parentId" FROM "left"),
      "needed" ("id", "parentId") AS (
        SELECT "s"."id", "s"."parentId" FROM "scope" AS "s" WHERE EXISTS (SELECT 1 FROM "Conversation" AS "c" WHERE "c"."headId" = "s"."id" AND "c"."id" <> ${id})
          OR EXISTS (SELECT 1 FROM "Message" AS "child" WHERE "child"."parentId" = "s"."id" AND ("child"."conversationId" <> ${id}
            OR ("child"."conversationId" IS NULL AND NOT EXISTS (SELECT 1 FROM "left" WHERE "left"."id" = "child"."id"))))
        UNION SELECT "m"."id", "m"."parentId" FROM "needed" JOIN "Message" AS "m" ON "m"."id" = "needed"."parentId" WHERE "m"."conversationId" = ${id} OR "m"."conversationId" IS NULL)
    SELECT "m"."id", "m"."taskId", "m"."status" FROM "scope" JOIN "Message" AS "m" ON "m"."id" = "scope"."id" LEFT JOIN "needed" ON "needed"."id" = "scope"."id" WHERE "needed"."id" IS NULL`)
}
