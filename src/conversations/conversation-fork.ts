import { NotFound } from '../core/errors.ts'
import { fromJson } from '../db/statement-values.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { asOwner } from './answer-ask.ts'
import { conversationCreate } from './conversation-create.ts'
import { conversationHold, messageOf, mineSql } from './conversation-hold.ts'

export interface ConversationFork {
  id?: string | undefined
  conversationId: string
  messageId: string | null
  title?: string | undefined
}

/** Begins another conversation at a message of one that is there: both show what lies before it, and nothing is copied. Answers its id. */
export async function conversationFork(work: Work, { id, conversationId, messageId, title }: ConversationFork): Promise<string> {
  await ownerHold(work, conversationId, ['input', 'conversationId'])
  const from = await conversationHold(work, conversationId, ['input', 'conversationId'])
  const owner = await asOwner(work, from)
  const message = await messageOf(owner, from, messageId, ['input', 'messageId'])
  const [row] = await work.rows<{ system: string | null; metadata: unknown }>(
    Prisma.sql`SELECT "system", "metadata" FROM "Conversation" WHERE "id" = ${conversationId}`,
  )
  const fork = await conversationCreate(owner, {
    id,
    title: title ?? from.title ?? undefined,
    agent: from.agent ?? undefined,
    sessionKey: from.sessionKey ?? undefined,
    system: row!.system ?? undefined,
    model: from.model ?? undefined,
    settings: from.settings,
    metadata: row!.metadata === null ? undefined : fromJson(row!.metadata),
    taskId: from.taskId ?? undefined,
    forkedFromId: from.id,
    forkedAtMessageId: message.id,
    headId: message.id,
  })
  return fork.id
}

/**
 * Holds the owner of a conversation, before the conversation itself: while a head is put somewhere in the tree, nothing of it is removed.
 * Not against those who only name the owner in a new row, as whoever sends does while it holds a conversation.
 */
export async function ownerHold(work: Work, id: string, path: string[]): Promise<void> {
  const [row] = await work.rows<{ ownerId: string }>(Prisma.sql`SELECT "ownerId" FROM "Conversation" WHERE ${mineSql(work, 'Conversation', id)}`)
  if (!row) throw new NotFound('Conversation', path)
  if (work.dialect === 'postgresql') await work.rows(Prisma.sql`SELECT "id" FROM "User" WHERE "id" = ${row.ownerId} FOR NO KEY UPDATE`)
}
