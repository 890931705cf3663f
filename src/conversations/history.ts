/**
 * What of a conversation goes along to the model.
 *
 * The instructions and the last message always go. Before it, whole messages from the newest back, as long as they fit beside the room
 * that is left for the answer; what lies before the first that does not fit is left out, never something in the middle. What
 * then would begin with an answer begins with what was asked after it.
 */

import type { Database } from '../db/database.ts'
import { fromJson } from '../db/statement-values.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { ChatMessage, SpokenMessage } from '../providers/provider.ts'
import { type MessagePart, type MessageRole, readByModel } from './message.ts'
import { toolTurns } from './tool-turns.ts'
import { waySql } from './way.ts'

/** Where nobody knows how much a model can read. */
export const ASSUMED_CONTEXT = 8192
/** What a message takes besides its text. */
const TOKENS_A_MESSAGE = 4
/** Models count otherwise than we do, mostly by less. */
const KEPT_BACK = 0.1
/** The room for an answer whose length is not limited: a quarter of all, at most so many tokens. */
const ANSWER_ROOM = 4096

export type Count = (text: string) => Promise<number>

/** So many tokens of what a model can read are for what it is given. */
export function roomFor(contextLength: number | null, maxOutputTokens: number | undefined): number {
  const context = contextLength ?? ASSUMED_CONTEXT
  const answer = Math.min(maxOutputTokens ?? Math.min(Math.floor(context / 4), ANSWER_ROOM), Math.floor(context / 2))
  return Math.floor((context - answer) * (1 - KEPT_BACK))
}

/** What an answer took along of what was said before it. */
export interface HistoryTold {
  /** How many messages of the conversation the model was given. */
  sent: number
  /** How many before them were left out. */
  dropped: number
  /** How many of earlier conversations went along. */
  remembered: number
  /** The summary that went along in the place of others. */
  summary?: Summary
  /** Why others were left out that should have been summed up. */
  summaryError?: string
}

/** What stands for the first messages of a way. */
export interface Summary {
  text: string
  /** The depth of the last of them. */
  through: number
  /** How many of them it tells of: all, but for those that were too far back. */
  messages: number
}

export interface Said {
  id: string
  depth: number
  role: MessageRole
  /** As text alone. */
  content: string
  parts: MessagePart[]
  history: HistoryTold | null
}

export interface Fitted {
  /** Oldest first. */
  messages: Said[]
  /** How many before them were left out. */
  dropped: number
  tokens: number
}

/** Takes from `newestFirst` what fits into so many tokens; it is read no further than needed. */
export async function fitted(newestFirst: AsyncIterable<Said> | Iterable<Said>, room: number, count: Count): Promise<Fitted> {
  const taken: Said[] = []
  let tokens = 0
  let firstOut: Said | null = null
  for await (const said of newestFirst) {
    const cost = TOKENS_A_MESSAGE + (await count(said.content))
    if (taken.length && tokens + cost > room) {
      firstOut = said
      break
    }
    taken.push(said)
    tokens += cost
  }
  taken.reverse()
  let dropped = firstOut ? firstOut.depth + 1 : 0
  while (firstOut && taken.length > 1 && taken[0]!.role === 'ASSISTANT') {
    tokens -= TOKENS_A_MESSAGE + (await count(taken.shift()!.content))
    dropped++
  }
  return { messages: taken, dropped, tokens }
}

export const tokensOf = async (message: Pick<SpokenMessage, 'content'>, count: Count): Promise<number> => TOKENS_A_MESSAGE + (await count(message.content))

/**
 * As the model is given them, each as the messages that it takes. With `toolsIn` more tokens, answers tell what they called and what came of
 * it, from the newest back as long as that fits; the others go as text alone. Those without a text then do not go at all.
 */
export async function asChats(messages: readonly Said[], toolsIn: number, count: Count): Promise<ChatMessage[][]> {
  const chats: ChatMessage[][] = []
  let left = toolsIn
  for (const said of [...messages].reverse()) {
    const turns = left > 0 ? toolTurns(said.parts) : null
    if (turns) {
      left -= (await tokensOfTurns(turns, count)) - (await tokensOf(said, count))
      if (left >= 0) {
        chats.unshift(turns)
        continue
      }
    }
    if (said.content) chats.unshift([asChat(said)])
  }
  return chats
}

async function tokensOfTurns(turns: readonly ChatMessage[], count: Count): Promise<number> {
  let tokens = 0
  for (const turn of turns) {
    const calls = turn.role === 'assistant' ? (turn.toolCalls ?? []) : []
    const texts = turn.role === 'tool' ? [JSON.stringify(turn.output ?? null)] : [turn.content, ...calls.map(({ name, input }) => name + JSON.stringify(input))]
    for (const text of texts) tokens += TOKENS_A_MESSAGE + (await count(text))
  }
  return tokens
}

const AT_ONCE = 50

/** The messages on the way to one, that one included, newest first; without those of which nothing came. */
export async function* wayBack(database: Pick<Database, 'rows' | 'sql'>, headId: string | null): AsyncGenerator<Said, void, undefined> {
  for (let at = headId; at !== null; ) {
    const [head] = await database.rows<{ depth: number }>(Prisma.sql`SELECT "depth" FROM "Message" WHERE "id" = ${at}`)
    if (!head) return
    const span = { of: '', headId: at, lo: Math.max(0, head.depth - AT_ONCE + 1), hi: head.depth }
    const rows = await database.rows<Row & { parentId: string | null }>(Prisma.sql`
      SELECT ${SAID}, "m"."parentId" FROM (${waySql(database.sql, [span])}) AS "on" JOIN "Message" AS "m" ON "m"."id" = "on"."id" ORDER BY "m"."depth" DESC`)
    for (const row of rows) {
      const said = toSaid(row)
      if (said.content || toolTurns(said.parts)) yield said
    }
    at = rows.at(-1)?.parentId ?? null
  }
}

interface Row {
  id: string
  depth: number
  role: MessageRole
  text: string
  parts: unknown
  history: unknown
}

export const SAID = Prisma.raw('"m"."id", "m"."depth", "m"."role", "m"."text", "m"."parts", "m"."history"')
export function toSaid({ id, depth, role, text, ...row }: Row): Said {
  const parts = fromJson<MessagePart[]>(row.parts)
  return { id, depth, role, content: readByModel(text, parts), parts, history: fromJson<HistoryTold | null>(row.history) }
}

export const asChat = ({ role, content }: Pick<Said, 'role' | 'content'>): SpokenMessage => ({ role: role.toLowerCase() as SpokenMessage['role'], content })
