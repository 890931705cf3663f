/**
 * A message is one turn. What a user says is COMPLETED from the start; an answer goes
 *
 *   PENDING ──▶ STREAMING ──▶ COMPLETED | FAILED | CANCELLED | INTERRUPTED
 *      ▲            │
 *      └── another attempt
 *
 * and follows the task that writes it: it is final in the transaction in which the task is.
 */
import { toGlobalId } from '../core/ids.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { globalMessageId } from './conversation.ts'

export type MessageRole = 'SYSTEM' | 'USER' | 'ASSISTANT'
export type MessageStatus = 'PENDING' | 'STREAMING' | 'COMPLETED' | 'FAILED' | 'CANCELLED' | 'INTERRUPTED'
export const OPEN = Prisma.raw(`"status" IN ('PENDING', 'STREAMING')`)
export const isOpen = (status: MessageStatus): boolean => status === 'PENDING' || status === 'STREAMING'

/** The longest message that may be sent, in characters. */
export const MAX_MESSAGE = 200_000
export const MAX_PARTS = 100

export type MessagePart =
  | { type: 'TEXT' | 'REASONING'; text: string }
  | { type: 'TOOL_CALL'; callId: string; name: string; input: unknown }
  | { type: 'TOOL_RESULT'; callId: string; name: string; output: unknown; isError: boolean }
  | { type: 'DATA'; data: unknown }

/** The TEXT parts, joined. */
export const textOfParts = (parts: readonly MessagePart[]): string => parts.map((part) => (part.type === 'TEXT' ? part.text : '')).join('')

/** What a model reads of a message: its text, and DATA as JSON. */
export const readByModel = (text: string, parts: readonly MessagePart[]): string =>
  [text, ...parts.flatMap((part) => (part.type === 'DATA' ? [JSON.stringify(part.data)] : []))].filter(Boolean).join('\n\n')

/** What an event about a message carries. */
export interface MessageValues {
  id: string
  conversationId: string | null
  ownerId: string
  parentId: string | null
  depth: number
  role: MessageRole
  status: MessageStatus
  agent: string | null
  streamId: string | null
  taskId: string | null
  insteadOfId: string | null
  error: string | null
}

const COLUMNS = [
  'id',
  'conversationId',
  'ownerId',
  'parentId',
  'depth',
  'role',
  'status',
  'agent',
  'streamId',
  'taskId',
  'insteadOfId',
  'error',
] as const satisfies (keyof MessageValues)[]

export const MESSAGE_VALUES = Prisma.raw(COLUMNS.map((column) => `"${column}"`).join(', '))
export const messageValuesOf = (table: string): Prisma.Sql => Prisma.raw(COLUMNS.map((column) => `"${table}"."${column}"`).join(', '))

export type MessageChange = 'ADDED' | 'STARTED' | 'RETRIED' | Exclude<MessageStatus, 'PENDING' | 'STREAMING'>

/** Notes a change of a message, for those who follow the conversation it was said in, and forks whose last message it is. */
export function messageChanged(work: Work, kind: MessageChange, message: MessageValues, forks: readonly string[] = []): void {
  const { ownerId, depth, role, status, agent, error } = message
  const global = (type: string, id: string | null) => id && toGlobalId(type, id)
  for (const conversationId of new Set([message.conversationId, ...forks]))
    if (conversationId)
      work.events.push({
        kind: `MESSAGE_${kind}`,
        subjectType: 'Conversation',
        subjectId: conversationId,
        ownerId,
        data: {
          messageId: globalMessageId(message.id),
          parentId: global('Message', message.parentId),
          insteadOfId: global('Message', message.insteadOfId),
          streamId: global('Stream', message.streamId),
          taskId: global('Task', message.taskId),
          depth,
          role,
          status,
          agent,
          error,
        },
      })
}

/** Conversations that end at one of these messages, by message. Those it was said in may be among them. */
export async function headsAt(work: Pick<Work, 'rows'>, messageIds: readonly string[]): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>()
  if (!messageIds.length) return found
  const rows = await work.rows<{ id: string; headId: string }>(
    Prisma.sql`SELECT "id", "headId" FROM "Conversation" WHERE "headId" IN (${Prisma.join([...messageIds])}) LIMIT 1000`,
  )
  for (const { id, headId } of rows) found.set(headId, [...(found.get(headId) ?? []), id])
  return found
}
