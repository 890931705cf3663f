import { newId } from '../core/ids.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { MESSAGE_VALUES, type MessagePart, type MessageRole, type MessageStatus, type MessageValues, messageChanged, textOfParts } from './message.ts'
import { JUMP } from './way.ts'

export interface NewMessage {
  id?: string | undefined
  conversationId: string
  ownerId: string
  /** The one it follows; null: it is the first. */
  parentId: string | null
  role: MessageRole
  status: MessageStatus
  agent?: string | null | undefined
  parts: readonly MessagePart[]
  model?: string | undefined
  streamId?: string | undefined
  taskId?: string | undefined
  insteadOfId?: string | null | undefined
}

/** Writes a message down behind the one it follows, by one statement, with its place in the tree. */
export async function messageAdd(work: Work, message: NewMessage): Promise<MessageValues> {
  const { sql } = work
  const { id = newId(), conversationId, ownerId, parentId, role, status, parts } = message
  const text = (value: string | null | undefined) => Prisma.sql`CAST(${value ?? null} AS TEXT)`
  const [row] = await work.rows<MessageValues>(Prisma.sql`
    INSERT INTO "Message" ("id", "conversationId", "ownerId", "parentId", "depth", "jumpId", "jumpDepth", "role", "status", "agent", "parts", "text", "toolsInvoked", "model", "streamId", "taskId",
      "insteadOfId", "createdAtMs", "completedAtMs")
    SELECT ${text(id)}, ${text(conversationId)}, ${text(ownerId)}, "p"."id", COALESCE("p"."depth" + 1, 0), ${JUMP.id}, ${JUMP.depth}, ${sql.asEnum('MessageRole', role)}, ${sql.asEnum('MessageStatus', status)},
      ${text(message.agent)}, ${sql.json(parts)}, ${text(textOfParts(parts))}, ${sql.json([])}, ${text(message.model)}, ${text(message.streamId)}, ${text(message.taskId)},
      ${text(message.insteadOfId)}, "clock"."now", CASE WHEN ${text(status)} = 'COMPLETED' THEN "clock"."now" END
    FROM (SELECT ${sql.nowMs} AS "now") AS "clock" LEFT JOIN "Message" AS "p" ON "p"."id" = ${text(parentId)} LEFT JOIN "Message" AS "j" ON "j"."id" = "p"."jumpId"
    RETURNING ${MESSAGE_VALUES}`)
  // What it was to follow was found, and is kept by whoever holds the conversation.
  if (row!.parentId !== parentId) throw new Error('The message that another was to follow is gone.')
  messageChanged(work, 'ADDED', row!)
  return row!
}
