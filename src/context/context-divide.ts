import { type Candidate, HEADER, labelled, labelOf, type Piece, type PieceKind, quoted } from './context-piece.ts'

export type Count = (text: string) => Promise<number>

/** What may go of one kind, in the order in which it goes. */
export interface Share {
  kind: PieceKind
  candidates: readonly Candidate[]
  /** Whether nothing goes after the first that does not fit, so that there is no hole. */
  isUnbroken?: boolean
}

/**
 * Divides a budget of tokens among kinds of pieces, of those of which there are any: turns have half, and the others the other half in equal
 * parts. Each first takes, in its order, what fits its own part; what is left of all parts is then taken by the rest, kind by kind in the
 * order given. A piece goes whole or not at all. Answers the pieces kind by kind, and what they take with all that stands around them.
 */
export async function contextDivide(kinds: readonly Share[], budget: number, count: Count): Promise<{ pieces: Piece[]; tokens: number; omitted: number }> {
  const header = await count(HEADER)
  const shares = kinds.filter(({ candidates }) => candidates.length)
  const others = shares.filter(({ kind }) => kind !== 'TURN').length
  const weights = shares.map(({ kind }) => (kind === 'TURN' ? Math.max(1, others) : 1))
  const all = weights.reduce((sum, weight) => sum + weight, 0)
  const taken = await Promise.all(
    shares.map(async ({ kind, candidates }) =>
      Promise.all(
        candidates.map(async (candidate, place) => {
          const label = labelOf(kind, place)
          // And the blank line before it.
          return { ...candidate, label, tokens: (await count(quoted({ ...candidate, label }))) + 1, isIn: false }
        }),
      ),
    ),
  )
  let left = budget - header
  const take = (share: number, room: number) => {
    let own = room
    for (const piece of taken[share]!) {
      if (piece.isIn) continue
      if (piece.tokens <= own) {
        piece.isIn = true
        own -= piece.tokens
        left -= piece.tokens
      } else if (shares[share]!.isUnbroken) break
    }
  }
  const whole = Math.max(0, left)
  for (const [i, weight] of weights.entries()) take(i, Math.floor((whole * weight) / all))
  for (const i of shares.keys()) take(i, left)
  const pieces = labelled(taken.flatMap((some) => some.filter(({ isIn }) => isIn).map(({ isIn: _isIn, ...piece }) => piece)))
  return {
    pieces,
    tokens: pieces.length ? header + pieces.reduce((sum, { tokens }) => sum + tokens, 0) : 0,
    omitted: taken.flat().length - pieces.length,
  }
}
