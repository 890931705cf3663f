/** What the full-text index is asked, and what it answers. */
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { Language } from './language.ts'
import type { QueryPart, Terms } from './text-query.ts'
import type { TextSpace } from './text-space.ts'

/** Whether every word must be there, or any. What is in quotation marks or excluded always counts. */
export type TextMatch = 'ALL' | 'ANY'

export interface TextSearch {
  /** Keys of spaces, 1 to 20. What is searched is the caller's to decide: nothing here asks whose they are. */
  spaces: readonly string[]
  parts: readonly QueryPart[]
  match: TextMatch
  /** So many hits at most. */
  limit: number
  /** Go on behind this hit of the page before. */
  after?: { score: number; groupId: string } | undefined
  /** A further condition on an item, as `"item"."groupId"` or `"item"."id"`. */
  where?: Prisma.Sql | undefined
}

/** The best item of its group. */
export interface TextHit {
  id: string
  groupId: string
  spaceNo: number
  /** In millionths, so that it is the same whenever it is reckoned. It depends on this space alone. */
  score: number
}

export interface TextHits {
  hits: TextHit[]
  /** What was looked for in each space, for `textSnippet`. */
  asked: ReadonlyMap<number, Asked>
}

export interface Asked {
  space: TextSpace
  language: Language
  terms: Terms
}

export type Reader = Pick<Work, 'rows' | 'dialect'>

/** What the score is made of: each word that is wanted, by itself. */
export type Lookup = { kind: 'STEM'; stem: string } | { kind: 'PREFIX'; form: string }

export const stemsWanted = ({ wanted }: Terms): Lookup[] => {
  const lookups = wanted.flatMap((term): Lookup[] =>
    term.kind === 'PREFIX' ? [{ kind: 'PREFIX', form: term.form }] : term.stems.map((stem) => ({ kind: 'STEM', stem })),
  )
  return [...new Map(lookups.map((lookup) => [JSON.stringify(lookup), lookup])).values()]
}

/** How much a word tells texts of this space apart: rare ones more. */
export const rarity = (items: number, found: number): number => Math.log(1 + (Math.max(items, found) - found + 0.5) / (found + 0.5))

/** All that is wanted in a space, by its weight. */
export const wholeOf = (weighed: readonly { space: TextSpace; weight: number }[], of: TextSpace): number =>
  weighed.reduce((sum, { space, weight }) => (space.no === of.no ? sum + weight : sum), 0)

/** Hits behind the one that the page before ended with. */
export const behind = ({ after }: TextSearch): Prisma.Sql =>
  after ? Prisma.sql`WHERE "score" < ${after.score} OR ("score" = ${after.score} AND "groupId" > ${after.groupId})` : Prisma.empty

export const MAX_SPACES = 20
