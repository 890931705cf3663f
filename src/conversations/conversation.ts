/**
 * A conversation is one way through a tree of messages: it names the last one, its head, and each message names the one before it.
 * So a fork is a new conversation with a head somewhere in the tree, and nothing is copied.
 */

import type { ContextRule } from '../context/context-rule.ts'
import { toGlobalId } from '../core/ids.ts'
import { changedFrom } from '../events/changed.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'

export const MAX_TITLE = 200
export const MAX_AGENT = 200
export const MAX_SESSION_KEY = 200
export const MAX_SYSTEM = 20_000
export const MAX_METADATA_BYTES = 20_000
export const MAX_TOOLS = 50
export const MAX_FALLBACKS = 5

/** How answers are made where a send does not say otherwise. */
export interface ConversationSettings {
  temperature?: number | undefined
  maxOutputTokens?: number | undefined
  tools?: string[] | undefined
  fallbackModels?: string[] | undefined
  /** Whether the last turns of earlier conversations of the same agent and session go along. */
  memory?: boolean | undefined
  /** What becomes of the turns that the model has no room for; left out: DROP. */
  history?: HistoryRule | undefined
  /** What of what its owner has stored goes along; left out: nothing. */
  context?: ContextRule | undefined
}

export const HISTORY_RULES = ['DROP', 'SUMMARISE'] as const
export type HistoryRule = (typeof HISTORY_RULES)[number]

/** What an event about a conversation carries, and what filters look at. */
export interface ConversationValues {
  id: string
  ownerId: string
  title: string | null
  agent: string | null
  sessionKey: string | null
  model: string | null
  taskId: string | null
  forkedFromId: string | null
  forkedAtMessageId: string | null
  headId: string | null
  archivedAtMs: number | null
  createdAtMs: number
  updatedAtMs: number
}

const COLUMNS = [
  'id',
  'ownerId',
  'title',
  'agent',
  'sessionKey',
  'model',
  'taskId',
  'forkedFromId',
  'forkedAtMessageId',
  'headId',
  'archivedAtMs',
  'createdAtMs',
  'updatedAtMs',
] as const satisfies (keyof ConversationValues)[]

export const CONVERSATION_VALUES = Prisma.raw(COLUMNS.map((column) => `"Conversation"."${column}"`).join(', '))

export const toConversationValues = (row: Record<string, unknown>): ConversationValues =>
  Object.fromEntries(COLUMNS.map((column) => [column, row[column]])) as unknown as ConversationValues

export type ConversationChange = 'CREATED' | 'UPDATED' | 'ARCHIVED' | 'UNARCHIVED' | 'HEAD_MOVED' | 'DELETED'

/** Notes a change of a conversation. */
export function conversationChanged(
  work: Work,
  kind: ConversationChange,
  { before, after }: { before: ConversationValues | null; after: ConversationValues },
  extra: Record<string, unknown> = {},
): void {
  const { id, ownerId, ...values } = after
  work.events.push({
    kind: `CONVERSATION_${kind}`,
    subjectType: 'Conversation',
    subjectId: id,
    ownerId,
    data: { ...values, ...extra, ...changedFrom(COLUMNS, before, after) },
  })
}

export const globalMessageId = (id: string): string => toGlobalId('Message', id)
