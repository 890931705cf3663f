/** What holds of conversations and their messages. */
import { foundBy, NEWEST, registerInvariant } from '../events/invariants.ts'
import { Prisma } from '../generated/sqlite/client.ts'

registerInvariant({
  name: 'ANSWER_WITHOUT_TASK',
  description: 'Every answer that is not final has a task that is not final either: somebody writes it, or will.',
  find: foundBy(
    'Message',
    () => Prisma.sql`SELECT "id" AS "subjectId", "status", "taskId" FROM "Message" WHERE "status" IN ('PENDING', 'STREAMING')
      AND NOT EXISTS (SELECT 1 FROM "Task" WHERE "Task"."id" = "Message"."taskId" AND "Task"."completedAtMs" IS NULL)`,
  ),
})

registerInvariant({
  name: 'MESSAGE_OUT_OF_PLACE',
  description: 'Every message follows one that is there, of the same owner, and lies one deeper; looked at are the newest 10,000.',
  find: foundBy(
    'Message',
    () => Prisma.sql`SELECT "m"."id" AS "subjectId", "m"."parentId", "m"."depth", "p"."depth" AS "parentDepth"
      FROM (SELECT "id", "parentId", "depth", "ownerId" FROM "Message" ORDER BY "createdAtMs" DESC, "id" DESC LIMIT ${Prisma.raw(String(NEWEST))}) AS "m"
      LEFT JOIN "Message" AS "p" ON "p"."id" = "m"."parentId"
      WHERE "m"."parentId" IS NOT NULL AND ("p"."id" IS NULL OR "m"."depth" <> "p"."depth" + 1 OR "m"."ownerId" <> "p"."ownerId")`,
  ),
})

registerInvariant({
  name: 'CONVERSATION_HEAD_MISSING',
  description: 'Every conversation that names a last message names one that is there; looked at are the newest 10,000.',
  find: foundBy(
    'Conversation',
    () => Prisma.sql`SELECT "c"."id" AS "subjectId", "c"."headId"
      FROM (SELECT "id", "headId" FROM "Conversation" ORDER BY "createdAtMs" DESC, "id" DESC LIMIT ${Prisma.raw(String(NEWEST))}) AS "c"
      WHERE "c"."headId" IS NOT NULL AND NOT EXISTS (SELECT 1 FROM "Message" WHERE "Message"."id" = "c"."headId")`,
  ),
})
