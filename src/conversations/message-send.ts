import { requireKnown } from '../core/actor.ts'
import { BadUserInput } from '../core/errors.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { TaskTypes } from '../tasks/task-type.ts'
import { type AnswerHow, type Asked, answerAsk, asOwner, lineJoin } from './answer-ask.ts'
import { type ConversationCreation, conversationCreate, taskMine } from './conversation-create.ts'
import { conversationHold, conversationSet, headMove } from './conversation-hold.ts'
import type { MessagePart } from './message.ts'
import { messageAdd } from './message-add.ts'

export interface MessageSend extends AnswerHow {
  /** Left out: a new one is made of `conversation`. */
  conversationId?: string | undefined
  conversation?: Omit<ConversationCreation, 'taskId'> | undefined
  /** The message's own. */
  id?: string | undefined
  parts: readonly MessagePart[]
  /** What the conversation arose from. */
  taskId?: string | undefined
}

/** What a turn is made of, by its ids. */
export type Turn = { conversationId: string; messageId: string; answerId: string; streamId: string; taskId: string }

/**
 * Says something in a conversation and lets it be answered: the message, the answer that follows it, the task and the stream are there
 * with the commit, and the answer's words come into the stream. Of two sends at once the second stands behind the first.
 */
export async function messageSend(work: Work, types: TaskTypes, send: MessageSend): Promise<Turn> {
  const conversation = await conversationFor(work, send)
  const owner = await asOwner(work, conversation)
  const dependsOn = await lineJoin(owner, conversation, send.whenBusy)
  const message = await messageAdd(owner, {
    id: send.id,
    conversationId: conversation.id,
    ownerId: conversation.ownerId,
    parentId: conversation.headId,
    role: 'USER',
    status: 'COMPLETED',
    parts: send.parts,
  })
  const answer = await answerAsk(owner, types, conversation, { parentId: message.id, dependsOn, how: send })
  await headMove(owner, conversation, answer.answerId)
  return { conversationId: conversation.id, messageId: message.id, ...answer }
}

async function conversationFor(work: Work, { conversationId, conversation, taskId }: MessageSend): Promise<Asked> {
  if (conversationId === undefined) {
    requireKnown(work.actor)
    const creation = { ...conversation, taskId }
    return { ...(await conversationCreate(work, creation, ['input', 'conversation'])), settings: creation.settings ?? {} }
  }
  const held = await conversationHold(work, conversationId, ['input', 'conversationId'])
  if (taskId === undefined || taskId === held.taskId) return held
  if (held.taskId !== null) throw new BadUserInput('The conversation arose from another task.', ['input', 'taskId'])
  await taskMine(await asOwner(work, held), taskId)
  await conversationSet(work, held, Prisma.sql`"taskId" = ${taskId}`, 'UPDATED', { fields: ['taskId'] })
  return { ...held, taskId }
}
