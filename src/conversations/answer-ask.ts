import { newId } from '../core/ids.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { inPlaceOf } from '../identity/in-place-of.ts'
import { taskCreate } from '../tasks/task-create.ts'
import type { TaskTypes } from '../tasks/task-type.ts'
import { tasksCancel } from '../tasks/tasks-cancel.ts'
import { type ConversationSettings, type ConversationValues, globalMessageId } from './conversation.ts'
import type { ConversationAnswerParams } from './conversation-answer.ts'
import { ConversationBusy } from './conversation-errors.ts'
import { OPEN } from './message.ts'
import { messageAdd } from './message-add.ts'

export const WHEN_BUSY = ['QUEUE', 'REFUSE', 'INTERRUPT'] as const
export type WhenBusy = (typeof WHEN_BUSY)[number]

/** So many answers of a conversation may wait in a line. */
export const MAX_LINE = 50

/** How an answer shall be made; what is left out is as the conversation says. */
export interface AnswerHow extends Pick<ConversationSettings, 'temperature' | 'maxOutputTokens' | 'tools'> {
  agent?: string | undefined
  model?: string | undefined
  whenBusy?: WhenBusy | undefined
}

/** A conversation that an answer is to be made in: held, or just made. */
export type Asked = ConversationValues & { settings: ConversationSettings }

/**
 * Clears the way for another answer in a conversation that is held: refuses where one is still being written, or cancels it. Answers
 * the tasks that the next answer must wait for, so that two never write at once and each sees what the one before has said.
 */
export async function lineJoin(work: Work, conversation: Asked, whenBusy: WhenBusy = 'QUEUE'): Promise<string[]> {
  const open = await work.rows<{ taskId: string | null }>(Prisma.sql`
    SELECT "taskId" FROM "Message" WHERE ${OPEN} AND "conversationId" = ${conversation.id}
    UNION SELECT "taskId" FROM "Message" WHERE ${OPEN} AND "id" = ${conversation.headId ?? ''}`)
  const tasks = open.flatMap(({ taskId }) => (taskId ? [taskId] : [])).sort()
  if (!tasks.length) return []
  if (whenBusy === 'REFUSE') throw new ConversationBusy()
  if (whenBusy === 'INTERRUPT') await tasksCancel(work, tasks)
  // Those that only waited have ended by this, the one that runs will in a moment.
  else if (tasks.length >= MAX_LINE) throw new ConversationBusy(`${tasks.length} answers wait already, as many as may.`)
  return tasks
}

/** Asks for an answer to a message of a conversation that is held: its message, the task that writes it, and the stream that it comes in. */
export async function answerAsk(
  work: Work,
  types: TaskTypes,
  conversation: Asked,
  { parentId, insteadOfId, dependsOn, how }: { parentId: string; insteadOfId?: string; dependsOn: readonly string[]; how: AnswerHow },
): Promise<{ answerId: string; streamId: string; taskId: string }> {
  const [answerId, streamId, taskId] = [newId(), newId(), newId()]
  const { settings } = conversation
  const agent = how.agent ?? conversation.agent
  const params: ConversationAnswerParams = {
    messageId: globalMessageId(answerId),
    model: how.model ?? conversation.model ?? undefined,
    temperature: how.temperature ?? settings.temperature,
    maxOutputTokens: how.maxOutputTokens ?? settings.maxOutputTokens,
    tools: how.tools ?? settings.tools,
    fallbackModels: settings.fallbackModels,
  }
  await taskCreate(work, types, {
    id: taskId,
    type: 'conversation.answer',
    params: Object.fromEntries(Object.entries(params).filter(([, value]) => value !== undefined)),
    sessionKey: conversation.sessionKey ?? undefined,
    dependsOn,
    onDependencyFailure: 'RUN',
    stream: { id: streamId, model: params.model },
  })
  await messageAdd(work, {
    id: answerId,
    conversationId: conversation.id,
    ownerId: conversation.ownerId,
    parentId,
    role: 'ASSISTANT',
    status: 'PENDING',
    agent,
    parts: [],
    model: params.model,
    streamId,
    taskId,
    insteadOfId,
  })
  return { answerId, streamId, taskId }
}

/** The same work in the place of the conversation's owner: what an ADMIN lets be answered is theirs. */
export const asOwner = (work: Work, conversation: ConversationValues): Promise<Work> => inPlaceOf(work, conversation.ownerId)
