import { ownedBy } from '../core/actor.ts'
import { fromJson } from '../db/statement-values.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { CONVERSATION_VALUES, type ConversationValues, globalMessageId, toConversationValues } from './conversation.ts'
import type { MessagePart, MessageRole, MessageStatus } from './message.ts'
import { waySql } from './way.ts'

/** More is not written out at once; the oldest are left out then. */
export const MAX_EXPORTED = 2000
const MAX_BYTES = 8_000_000
const AT_ONCE = 100

export interface ConversationExport {
  content: string
  contentType: string
  messages: number
  isComplete: boolean
}

interface Exported {
  id: string
  depth: number
  parentId: string | null
  role: MessageRole
  status: MessageStatus
  agent: string | null
  text: string
  parts: MessagePart[]
  model: string | null
  provider: string | null
  toolsInvoked: string[]
  inputTokens: number | null
  outputTokens: number | null
  error: string | null
  createdAtMs: number
}

/** A conversation written out, from its first message to its head; null where the actor sees none. */
export async function conversationExport(work: Work, id: string, format: 'JSON' | 'MARKDOWN'): Promise<ConversationExport | null> {
  const { ownerId } = ownedBy(work.actor)
  const [row] = await work.rows<Record<string, unknown>>(
    Prisma.sql`SELECT ${CONVERSATION_VALUES}, "system" FROM "Conversation" WHERE "id" = ${id} ${ownerId === undefined ? Prisma.empty : Prisma.sql`AND "ownerId" = ${ownerId}`}`,
  )
  if (!row) return null
  const conversation = toConversationValues(row)
  const messages = await lastMessages(work, conversation.headId)
  const system = row.system as string | null
  return {
    ...(format === 'JSON'
      ? { content: asJson(conversation, system, messages), contentType: 'application/json' }
      : { content: asMarkdown(conversation, system, messages), contentType: 'text/markdown' }),
    messages: messages.length,
    isComplete: !messages.length || messages[0]!.depth === 0,
  }
}

/** Oldest first; read from the last one back, as far as there is room. */
async function lastMessages(work: Work, headId: string | null): Promise<Exported[]> {
  const found: Exported[] = []
  let bytes = 0
  const [head] = headId ? await work.rows<{ depth: number }>(Prisma.sql`SELECT "depth" FROM "Message" WHERE "id" = ${headId}`) : []
  let [at, depth] = [headId, head?.depth ?? -1]
  while (at !== null && depth >= 0) {
    const span = { of: '', headId: at, lo: Math.max(0, depth - AT_ONCE + 1), hi: depth }
    const rows = await work.rows<Exported>(Prisma.sql`
      SELECT "m"."id", "m"."depth", "m"."parentId", "m"."role", "m"."status", "m"."agent", "m"."text", "m"."parts", "m"."model", "m"."provider", "m"."toolsInvoked", "m"."inputTokens", "m"."outputTokens", "m"."error", "m"."createdAtMs"
      FROM (${waySql(work.sql, [span])}) AS "on" JOIN "Message" AS "m" ON "m"."id" = "on"."id" ORDER BY "m"."depth" DESC`)
    for (const row of rows) {
      const message = { ...row, parts: fromJson<MessagePart[]>(row.parts), toolsInvoked: fromJson<string[]>(row.toolsInvoked) }
      bytes += Buffer.byteLength(JSON.stringify(message.parts))
      if (found.length >= MAX_EXPORTED || (found.length && bytes > MAX_BYTES)) return found.reverse()
      found.push(message)
    }
    at = rows.at(-1)?.parentId ?? null
    depth = (rows.at(-1)?.depth ?? 0) - 1
  }
  return found.reverse()
}

const time = (ms: number): string => new Date(Number(ms)).toISOString()

function asJson({ id, title, agent, sessionKey, model, createdAtMs }: ConversationValues, system: string | null, messages: readonly Exported[]): string {
  const told = messages.map(({ id: messageId, depth: _depth, parentId, createdAtMs: at, ...message }) => ({
    id: globalMessageId(messageId),
    parentId: parentId && globalMessageId(parentId),
    ...message,
    createdAt: time(at),
  }))
  return JSON.stringify({ id: `Conversation:${id}`, title, agent, sessionKey, system, model, createdAt: time(createdAtMs), messages: told }, null, 2)
}

const NAMES: Record<MessageRole, string> = { SYSTEM: 'System', USER: 'User', ASSISTANT: 'Assistant' }

function asMarkdown({ title, createdAtMs }: ConversationValues, system: string | null, messages: readonly Exported[]): string {
  const blocks = [`# ${oneLine(title ?? 'Conversation')}`, `Begun ${time(createdAtMs)}.`]
  if (system) blocks.push(`## Instructions\n\n${system}`)
  for (const message of messages) {
    const who = message.role === 'ASSISTANT' && message.agent ? oneLine(message.agent) : NAMES[message.role]
    const about = [
      time(message.createdAtMs),
      ...(message.model ? [`${message.provider ? `${message.provider}/` : ''}${message.model}`] : []),
      ...(message.status === 'COMPLETED' ? [] : [message.status]),
    ]
    blocks.push(`## ${who}\n\n*${about.join(' · ')}*`)
    for (const part of message.parts) blocks.push(partAsMarkdown(part))
    if (message.error) blocks.push(`> ${oneLine(message.error)}`)
  }
  return `${blocks.join('\n\n')}\n`
}

const oneLine = (text: string): string => text.replace(/\s+/g, ' ')

function partAsMarkdown(part: MessagePart): string {
  switch (part.type) {
    case 'TEXT':
      return part.text
    case 'REASONING':
      return part.text.replace(/^/gm, '> ')
    case 'TOOL_CALL':
      return `Calls \`${part.name}\`:\n\n${fenced(part.input)}`
    case 'TOOL_RESULT':
      return `\`${part.name}\` ${part.isError ? 'failed' : 'answered'}:\n\n${fenced(part.output)}`
    case 'DATA':
      return fenced(part.data)
  }
}

/** A fence longer than any in it. */
function fenced(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value, null, 2)
  const fence = '`'.repeat(Math.max(3, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length + 1)))
  return `${fence}${typeof value === 'string' ? '' : 'json'}\n${text}\n${fence}`
}
