/** What an agent remembers of earlier conversations: the last turns of those with the same owner, agent and session. */
import type { Database } from '../db/database.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { SpokenMessage } from '../providers/provider.ts'
import { type Count, SAID, type Said, tokensOf, toSaid } from './history.ts'
import { waySql } from './way.ts'

/** So many conversations, those that were said something in last, and of each so many messages. */
export const REMEMBERED_CONVERSATIONS = 3
export const REMEMBERED_MESSAGES = 4
/** A message is remembered up to so many characters, and all together take at most this part of the room. */
const REMEMBERED_CHARACTERS = 2000
const REMEMBERED_PART = 0.25

export interface Remembering {
  conversationId: string
  ownerId: string
  agent: string | null
  sessionKey: string | null
  /** Where this conversation's own way ends: what is on it is no memory. */
  headId: string
}

/** One message that tells the model of it, and how many messages it holds; null where there is nothing to remember, or no room. */
export async function memoryOf(
  database: Database,
  who: Remembering,
  room: number,
  count: Count,
): Promise<{ message: SpokenMessage; messages: number; tokens: number } | null> {
  const told: string[] = []
  let [messages, tokens] = [0, 0]
  for (const turns of await remembered(database, who)) {
    const lines = turns.map(({ role, content }) => `${role === 'ASSISTANT' ? 'You' : 'User'}: ${content.slice(0, REMEMBERED_CHARACTERS)}`).join('\n')
    const cost = await tokensOf({ content: lines }, count)
    if (tokens + cost > room * REMEMBERED_PART) break
    tokens += cost
    messages += turns.length
    told.unshift(lines)
  }
  if (!told.length) return null
  return { message: { role: 'system', content: `From earlier conversations, oldest first:\n\n${told.join('\n\n')}` }, messages, tokens }
}

/** Newest conversation first, each with its last messages, oldest first. */
async function remembered({ rows, sql }: Database, { conversationId, ownerId, agent, sessionKey, headId }: Remembering): Promise<Said[][]> {
  if (agent === null || sessionKey === null) return []
  const heads = await rows<{ id: string; headId: string; depth: number }>(Prisma.sql`
    SELECT "c"."id", "c"."headId", "m"."depth" FROM "Conversation" AS "c" JOIN "Message" AS "m" ON "m"."id" = "c"."headId"
    WHERE "c"."ownerId" = ${ownerId} AND "c"."agent" = ${agent} AND "c"."sessionKey" = ${sessionKey} AND "c"."id" <> ${conversationId}
    ORDER BY "c"."updatedAtMs" DESC, "c"."id" DESC LIMIT ${REMEMBERED_CONVERSATIONS}`)
  if (!heads.length) return []
  const spans = heads.map(({ id, headId: at, depth }) => ({ of: id, headId: at, lo: Math.max(0, depth - REMEMBERED_MESSAGES + 1), hi: depth }))
  const found = await rows<Parameters<typeof toSaid>[0] & { of: string }>(
    Prisma.sql`SELECT "on"."of", ${SAID} FROM (${waySql(sql, spans)}) AS "on" JOIN "Message" AS "m" ON "m"."id" = "on"."id" ORDER BY "m"."depth"`,
  )
  const own = await onOwnWay({ rows, sql }, headId, found)
  return heads
    .map(({ id }) =>
      found
        .filter((row) => row.of === id && !own.has(row.id))
        .map(toSaid)
        .filter(({ content }) => content),
    )
    .filter((turns) => turns.length)
}

/** Which of these are on this conversation's own way, as those of a fork may be. */
async function onOwnWay({ rows, sql }: Pick<Database, 'rows' | 'sql'>, headId: string, found: readonly { id: string; depth: number }[]): Promise<Set<string>> {
  if (!found.length) return new Set()
  const spans = [...new Set(found.map(({ depth }) => depth))].map((depth) => ({ of: '', headId, lo: depth, hi: depth }))
  return new Set((await rows<{ id: string }>(waySql(sql, spans))).map(({ id }) => id))
}
