import { BadUserInput, NotFound } from '../core/errors.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { TaskTypes } from '../tasks/task-type.ts'
import { type AnswerHow, answerAsk, asOwner, lineJoin } from './answer-ask.ts'
import { conversationHold, headMove, messageOf, mineSql } from './conversation-hold.ts'
import type { MessagePart } from './message.ts'
import { messageAdd } from './message-add.ts'
import type { Turn } from './message-send.ts'

export interface MessageEdit extends AnswerHow {
  messageId: string
  /** Left out: the one it was said in. */
  conversationId?: string | undefined
  parts: readonly MessagePart[]
}

/**
 * Says what a user has said otherwise: a message beside the first, which stays, with an answer of its own. The conversation goes on
 * from there.
 */
export async function messageEdit(work: Work, types: TaskTypes, edit: MessageEdit): Promise<Turn> {
  const conversation = await conversationHold(work, await conversationIdOf(work, edit), conversationPath(edit))
  const owner = await asOwner(work, conversation)
  const first = await messageOf(owner, conversation, edit.messageId, ['input', 'id'])
  if (first.role !== 'USER')
    throw new BadUserInput('Only what a user says can be said otherwise; let an answer be made again with messageRegenerate.', ['input', 'id'])
  const dependsOn = await lineJoin(owner, conversation, edit.whenBusy)
  const { id: conversationId, ownerId } = conversation
  const message = await messageAdd(owner, {
    conversationId,
    ownerId,
    parentId: first.parentId,
    role: 'USER',
    status: 'COMPLETED',
    parts: edit.parts,
    insteadOfId: first.id,
  })
  const answer = await answerAsk(owner, types, conversation, { parentId: message.id, dependsOn, how: edit })
  await headMove(owner, conversation, answer.answerId)
  return { conversationId, messageId: message.id, ...answer }
}

interface Named {
  messageId: string
  conversationId?: string | undefined
}

export const conversationPath = ({ conversationId }: Named): string[] => ['input', conversationId === undefined ? 'id' : 'conversationId']

/** The conversation that is meant where only a message is named: the one it was said in. */
export async function conversationIdOf(work: Work, { messageId, conversationId }: Named): Promise<string> {
  if (conversationId !== undefined) return conversationId
  const [message] = await work.rows<{ conversationId: string | null }>(
    Prisma.sql`SELECT "conversationId" FROM "Message" WHERE ${mineSql(work, 'Message', messageId)}`,
  )
  if (!message) throw new NotFound('Message', ['input', 'id'])
  if (message.conversationId === null)
    throw new BadUserInput('It was said in a conversation that is gone: name the one to go on in.', ['input', 'conversationId'])
  return message.conversationId
}
