import { conversationWayBack } from '../conversations/conversation-way-back.ts'
import type { Said } from '../conversations/history.ts'
import { actorId } from '../core/actor.ts'
import { toGlobalId } from '../core/ids.ts'
import { reading } from '../events/transact.ts'
import type { Work } from '../events/work.ts'
import type { MeaningHost } from '../search/meaning-search.ts'
import { countTokens } from '../usage/tokens.ts'
import { collectionSpaces } from './context-collections.ts'
import { contextDivide, type Share } from './context-divide.ts'
import { documentsAbout, factsAbout } from './context-find.ts'
import { type Candidate, labelled, PIECE_KINDS, type Piece, type PieceKind, promptOf } from './context-piece.ts'

export interface ContextAsked {
  /** Inner id. */
  conversationId?: string | undefined
  /** Left out: what the user said last in the conversation. */
  query?: string | undefined
  budgetTokens: number
  include: readonly PieceKind[]
  factTags?: readonly string[] | undefined
  /** Inner ids; left out: all of the actor's. */
  collectionIds?: readonly string[] | undefined
}

export interface ContextGathered {
  query: string
  pieces: Piece[]
  tokens: number
  omitted: number
  prompt: string
}

/** Turns further back are not looked at. */
const MOST_TURNS = 200

/** Gathers what fits a budget of what the actor has: turns of the conversation, facts, documents. Null where there is no such conversation of theirs. */
export async function contextFor(host: MeaningHost, actor: Work['actor'], asked: ContextAsked): Promise<ContextGathered | null> {
  const work = reading(host.store, actor)
  const ownerId = actorId(actor) ?? ''
  const { conversationId, include } = asked
  const said = conversationId === undefined ? [] : await turnsOf(work, ownerId, conversationId, asked.budgetTokens)
  if (!said) return null
  const query = asked.query ?? said.find(({ role }) => role === 'USER')?.content ?? ''
  const kinds: Record<PieceKind, () => Promise<Share>> = {
    TURN: async () => ({ kind: 'TURN', candidates: said.map(toTurn), isUnbroken: true }),
    FACT: async () => ({ kind: 'FACT', candidates: await factsAbout(work, host, { ownerId, query, factTags: asked.factTags }) }),
    DOCUMENT: async () => ({
      kind: 'DOCUMENT',
      candidates: await documentsAbout(work, host, { ownerId, query }, await collectionSpaces(work, ownerId, asked.collectionIds)),
    }),
  }
  const shares: Share[] = []
  for (const kind of PIECE_KINDS) if (include.includes(kind)) shares.push(await kinds[kind]())
  const { pieces, ...rest } = await contextDivide(shares, asked.budgetTokens, countTokens)
  // Turns were taken from the last one back, and are read as they were said.
  const turns = pieces.filter(({ kind }) => kind === 'TURN').reverse()
  const inOrder = labelled([...turns, ...pieces.filter(({ kind }) => kind !== 'TURN')])
  return { query, pieces: inOrder, ...rest, prompt: promptOf(inOrder) }
}

const toTurn = ({ id, role, content }: Said): Candidate => ({ kind: 'TURN', sourceId: toGlobalId('Message', id), title: role, text: content, score: null })

/** Newest first, no more than can fit; null where the conversation is not the owner's. */
async function turnsOf(work: Work, ownerId: string, conversationId: string, budget: number): Promise<Said[] | null> {
  const newestFirst = await conversationWayBack(work, ownerId, conversationId)
  if (!newestFirst) return null
  const said: Said[] = []
  let characters = 0
  for await (const each of newestFirst) {
    if (!each.content) continue
    said.push(each)
    characters += each.content.length
    // A token is seldom more than so many characters.
    if (said.length >= MOST_TURNS || characters > budget * 16) break
  }
  return said
}
