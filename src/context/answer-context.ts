/** What an answer of a conversation is given beside what was said, where the conversation says so. */
import { server } from '../core/actor.ts'
import { reading } from '../events/transact.ts'
import type { SpokenMessage } from '../providers/provider.ts'
import { spaceOf } from '../search/collection.ts'
import { collectionsOwned } from '../search/collections-owned.ts'
import type { MeaningHost } from '../search/meaning-search.ts'
import { type Count, contextDivide, type Share } from './context-divide.ts'
import { documentsAbout, factsAbout } from './context-find.ts'
import { type Piece, pieceMessage } from './context-piece.ts'
import type { ContextRule } from './context-rule.ts'

/** The part of the model's room that is for it where nobody said how much. */
const USUAL_PART = 0.25
const MOST_PART = 0.5

export interface AnswerContext {
  /** Null where nothing was found, or nothing fits. */
  message: SpokenMessage | null
  pieces: Piece[]
  tokens: number
}

export async function answerContext(
  host: MeaningHost,
  { ownerId, query, rule }: { ownerId: string; query: string; rule: ContextRule },
  room: number,
  count: Count,
): Promise<AnswerContext> {
  const work = reading(host.store, server)
  const { facts, factTags, collections } = rule
  const shares: Share[] = []
  if (facts) shares.push({ kind: 'FACT', candidates: await factsAbout(work, host, { ownerId, query, factTags }) })
  if (collections) {
    const spaces = (await collectionsOwned(work, ownerId, collections)).map(spaceOf)
    shares.push({ kind: 'DOCUMENT', candidates: await documentsAbout(work, host, { ownerId, query }, spaces) })
  }
  const budget = Math.min(rule.budgetTokens ?? Math.floor(room * USUAL_PART), Math.floor(room * MOST_PART))
  const { pieces, tokens } = await contextDivide(shares, budget, count)
  return { message: pieces.length ? pieceMessage(pieces) : null, pieces, tokens }
}
