import { actorId, server } from '../core/actor.ts'
import { toGlobalId } from '../core/ids.ts'
import { containsIgnoringCase } from '../db/like.ts'
import type { Dialect } from '../db/sql.ts'
import type { Store } from '../events/store.ts'
import { reading } from '../events/transact.ts'
import type { Work } from '../events/work.ts'
import { inPlaceOf } from '../identity/in-place-of.ts'
import type { MessageRole } from './message.ts'

export const MAX_QUERY = 200
const MAX_WORDS = 10

export interface MessagesSearch {
  query: string
  /** Only what was said there. */
  conversationId?: string | undefined
  /** 20 unless given; at most 100. */
  first?: number | undefined
}

export interface FoundMessage {
  messageId: string
  conversationId: string | null
  role: MessageRole
  text: string
  createdAtMs: number
}

/** The words that must all stand in a text. */
export const wordsOf = (query: string): string[] => [...new Set(query.split(/\s+/).filter(Boolean))].slice(0, MAX_WORDS)

/** The search as a `where` for Prisma. Everybody finds their own words only, an ADMIN too. */
export const searchWhere = (dialect: Dialect, actor: Work['actor'], { query, conversationId }: MessagesSearch): object => ({
  ownerId: actorId(actor) ?? '',
  ...(conversationId !== undefined && { conversationId }),
  AND: wordsOf(query).map((word) => ({ text: containsIgnoringCase(dialect, word) })),
})

/** Searches the actor's own messages, newest first: each of the words must stand in the text, in whatever case. */
export async function messagesSearch({ db, dialect, actor }: Work, search: MessagesSearch): Promise<FoundMessage[]> {
  if (!wordsOf(search.query).length) return []
  const found = await db.message.findMany({
    where: searchWhere(dialect, actor, search),
    select: { id: true, conversationId: true, role: true, text: true, createdAtMs: true },
    orderBy: [{ createdAtMs: 'desc' }, { id: 'desc' }],
    take: Math.min(100, Math.max(1, search.first ?? 20)),
  })
  return found.map(({ id: messageId, createdAtMs, ...message }) => ({ messageId, ...message, createdAtMs: Number(createdAtMs) }))
}

/** The same for somebody's agent: what it finds is what its owner would, with ids that the API takes. */
export async function messagesSearchOf(store: Store, ownerId: string, search: MessagesSearch): Promise<unknown> {
  const found = await messagesSearch(await inPlaceOf(reading(store, server), ownerId), { ...search, query: search.query.slice(0, MAX_QUERY) })
  return found.map(({ messageId, conversationId, createdAtMs, ...message }) => ({
    id: toGlobalId('Message', messageId),
    conversationId: conversationId && toGlobalId('Conversation', conversationId),
    ...message,
    createdAt: new Date(createdAtMs).toISOString(),
  }))
}
