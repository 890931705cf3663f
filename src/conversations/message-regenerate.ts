import { BadUserInput } from '../core/errors.ts'
import type { Work } from '../events/work.ts'
import type { TaskTypes } from '../tasks/task-type.ts'
import { type AnswerHow, answerAsk, asOwner, lineJoin } from './answer-ask.ts'
import { conversationHold, headMove, messageOf } from './conversation-hold.ts'
import { conversationIdOf, conversationPath } from './message-edit.ts'
import type { Turn } from './message-send.ts'

export interface MessageRegenerate extends AnswerHow {
  messageId: string
  conversationId?: string | undefined
}

/** Lets another answer be made beside one that is there, which stays. The conversation goes on from the new one. */
export async function messageRegenerate(work: Work, types: TaskTypes, again: MessageRegenerate): Promise<Turn> {
  const conversation = await conversationHold(work, await conversationIdOf(work, again), conversationPath(again))
  const owner = await asOwner(work, conversation)
  const first = await messageOf(owner, conversation, again.messageId, ['input', 'id'])
  if (first.role !== 'ASSISTANT' || first.parentId === null) throw new BadUserInput('Only an answer can be made again.', ['input', 'id'])
  const dependsOn = await lineJoin(owner, conversation, again.whenBusy)
  const how = { ...again, agent: again.agent ?? first.agent ?? undefined }
  const answer = await answerAsk(owner, types, conversation, { parentId: first.parentId, insteadOfId: first.id, dependsOn, how })
  await headMove(owner, conversation, answer.answerId)
  return { conversationId: conversation.id, messageId: first.parentId, ...answer }
}
