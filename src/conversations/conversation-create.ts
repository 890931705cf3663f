import { contextRuleCheck } from '../context/context-collections.ts'
import { requireKnown } from '../core/actor.ts'
import { NotFound } from '../core/errors.ts'
import { newId } from '../core/ids.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { taskOwned } from '../tasks/task-create.ts'
import { CONVERSATION_VALUES, type ConversationSettings, type ConversationValues, conversationChanged, toConversationValues } from './conversation.ts'
import './conversation-errors.ts'

export interface ConversationCreation {
  id?: string | undefined
  title?: string | undefined
  agent?: string | undefined
  sessionKey?: string | undefined
  system?: string | undefined
  model?: string | undefined
  settings?: ConversationSettings | undefined
  metadata?: unknown
  /** Inner id. */
  taskId?: string | undefined
  forkedFromId?: string | undefined
  forkedAtMessageId?: string | undefined
  headId?: string | undefined
}

/** Writes a conversation down; it is empty unless it begins as a fork. A task that it arose from must be the actor's. */
export async function conversationCreate(work: Work, creation: ConversationCreation, path: readonly string[] = ['input']): Promise<ConversationValues> {
  const { userId } = requireKnown(work.actor)
  if (creation.taskId !== undefined) await taskMine(work, creation.taskId)
  // A fork goes on as it was, also without a collection that is gone since.
  if (creation.forkedFromId === undefined) await contextRuleCheck(work, userId, creation.settings?.context, path)
  const { id = newId(), title, agent, sessionKey, system, model, settings = {}, metadata, taskId, forkedFromId, forkedAtMessageId, headId } = creation
  const [row] = await work.rows<Record<string, unknown>>(Prisma.sql`
    INSERT INTO "Conversation" ("id", "ownerId", "title", "agent", "sessionKey", "system", "model", "settings", "metadata", "taskId", "forkedFromId", "forkedAtMessageId", "headId", "createdAtMs", "updatedAtMs")
    VALUES (${id}, ${userId}, ${title ?? null}, ${agent ?? null}, ${sessionKey ?? null}, ${system ?? null}, ${model ?? null}, ${work.sql.json(settings)},
      ${metadata === undefined || metadata === null ? Prisma.sql`NULL` : work.sql.json(metadata)}, ${taskId ?? null}, ${forkedFromId ?? null}, ${forkedAtMessageId ?? null}, ${headId ?? null},
      ${work.sql.nowMs}, ${work.sql.nowMs})
    RETURNING ${CONVERSATION_VALUES}`)
  const after = toConversationValues(row!)
  conversationChanged(work, 'CREATED', { before: null, after })
  return after
}

export async function taskMine(work: Work, taskId: string): Promise<void> {
  const task = await taskOwned(work, taskId)
  if (!task || task.ownerId !== requireKnown(work.actor).userId) throw new NotFound('Task', ['input', 'taskId'])
}
