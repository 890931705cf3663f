import { ownedBy } from '../core/actor.ts'
import { NotFound } from '../core/errors.ts'
import { fromJson } from '../db/statement-values.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import {
  CONVERSATION_VALUES,
  type ConversationChange,
  type ConversationSettings,
  type ConversationValues,
  conversationChanged,
  toConversationValues,
} from './conversation.ts'
import './conversation-errors.ts'
import { MESSAGE_VALUES, type MessageValues } from './message.ts'
import { isOnWay } from './way.ts'

export interface HeldConversation extends ConversationValues {
  settings: ConversationSettings
}

export const mineSql = (work: Work, table: 'Conversation' | 'Message', id: string): Prisma.Sql => {
  const { ownerId } = ownedBy(work.actor)
  const name = Prisma.raw(`"${table}"`)
  return Prisma.sql`${name}."id" = ${id} ${ownerId === undefined ? Prisma.empty : Prisma.sql`AND ${name}."ownerId" = ${ownerId}`}`
}

/** The actor's conversation as it is, and stays to the end of the transaction unless this one changes it: of two that send, one waits. */
export async function conversationHold(work: Work, id: string, path = ['input', 'id']): Promise<HeldConversation> {
  const [row] = await work.rows<Record<string, unknown>>(
    Prisma.sql`SELECT ${CONVERSATION_VALUES}, "settings" FROM "Conversation" WHERE ${mineSql(work, 'Conversation', id)} ${work.sql.forUpdate}`,
  )
  if (!row) throw new NotFound('Conversation', path)
  return { ...toConversationValues(row), settings: fromJson(row.settings) }
}

/** Changes a conversation that is held, and tells it. */
export async function conversationSet(
  work: Work,
  before: ConversationValues,
  set: Prisma.Sql,
  kind: ConversationChange,
  extra?: Record<string, unknown>,
): Promise<void> {
  const [row] = await work.rows<Record<string, unknown>>(
    Prisma.sql`UPDATE "Conversation" SET ${set}, "updatedAtMs" = ${work.sql.nowMs} WHERE ${mineSql(work, 'Conversation', before.id)} RETURNING ${CONVERSATION_VALUES}`,
  )
  conversationChanged(work, kind, { before, after: toConversationValues(row!) }, extra)
}

/** Moves the head of a conversation that is held from where it was found; it must be there still. */
export async function headMove(work: Work, conversation: Pick<ConversationValues, 'id' | 'headId'>, headId: string): Promise<void> {
  const from = conversation.headId === null ? Prisma.sql`"headId" IS NULL` : Prisma.sql`"headId" = ${conversation.headId}`
  const moved = await work.execute(
    Prisma.sql`UPDATE "Conversation" SET "headId" = ${headId}, "updatedAtMs" = ${work.sql.nowMs} WHERE ${mineSql(work, 'Conversation', conversation.id)} AND ${from}`,
  )
  if (moved !== 1) throw new Error('The head of a conversation that is held was moved by another.')
}

/**
 * A message of a conversation that is held: it was said there, or lies on the way to its head, or stands beside one that does. Whatever
 * else there is in the tree is no part of this conversation.
 */
export async function messageOf(work: Work, conversation: ConversationValues, id: string | null, path: string[]): Promise<MessageValues> {
  const [message] = id ? await work.rows<MessageValues>(Prisma.sql`SELECT ${MESSAGE_VALUES} FROM "Message" WHERE ${mineSql(work, 'Message', id)}`) : []
  if (!message || message.ownerId !== conversation.ownerId) throw new NotFound('Message', path)
  const { headId } = conversation
  const belongs =
    message.conversationId === conversation.id ||
    (await isOnWay(work, headId, message)) ||
    (message.parentId !== null && (await isOnWay(work, headId, { id: message.parentId, depth: message.depth - 1 })))
  if (!belongs) throw new NotFound('Message', path)
  return message
}
