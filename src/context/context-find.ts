/** What has to do with a text, among what somebody has stored. */
import { DomainError } from '../core/errors.ts'
import { toGlobalId } from '../core/ids.ts'
import type { Work } from '../events/work.ts'
import { factSpace } from '../facts/fact-index.ts'
import { factsFind } from '../facts/facts-find.ts'
import { tagsRead } from '../facts/tags-read.ts'
import { documentTitles } from '../search/document-titles.ts'
import { liveSetsOf, type MeaningHost, meaningSearch } from '../search/meaning-search.ts'
import { chunkTexts } from '../search/search.ts'
import { textSearch } from '../search/text-search.ts'
import type { Candidate } from './context-piece.ts'
import { contextWords } from './context-words.ts'

/** So many of each kind are looked at. */
const MOST = 50
/** What fits less than this part as well as the best has only a word in common with what is asked. */
const RELEVANT = 0.25
/**
 * Where meaning counts, everything is near to a degree, and scores are made of ranks: what is worth half as much as the best is found by words
 * and meaning both, or first by one of them. Of those so many.
 */
const RELEVANT_BY_RANK = 0.5
const MOST_BY_RANK = 8

export interface Sought {
  ownerId: string
  /** What it shall have to do with. */
  query: string
  /** Only facts with one of these tags; left out: all. */
  factTags?: readonly string[] | null | undefined
}

type Reading = Pick<Work, 'rows' | 'dialect'>

export async function factsAbout(work: Reading, host: MeaningHost, { ownerId, query, factTags }: Sought): Promise<Candidate[]> {
  const parts = await contextWords(query)
  if (!parts.length) return []
  const filter = factTags?.length ? { tags: { any: factTags } } : null
  const found = await byBoth(work, [factSpace(ownerId)], (mode) => factsFind(work, host, { ownerId, parts, match: 'ANY', mode, filter, first: MOST }))
  const tags = await tagsRead(
    work,
    ownerId,
    found.map(({ id }) => id),
  )
  return found.map(({ id, text, score }) => ({ kind: 'FACT', sourceId: toGlobalId('Fact', id), title: tags.get(id)?.join(', ') ?? null, text, score }))
}

/** By words and meaning where any of the spaces has vectors, else by words. */
async function byBoth<Found extends { score: number }>(
  work: Reading,
  spaces: readonly string[],
  find: (mode: 'TEXT' | 'HYBRID') => Promise<Found[]>,
): Promise<Found[]> {
  if ((await liveSetsOf(work, spaces)).size) {
    try {
      return relevant(await find('HYBRID'), RELEVANT_BY_RANK).slice(0, MOST_BY_RANK)
    } catch (error) {
      // The model that knows what words mean does not answer now, or costs more than there is: words are better than nothing.
      if (!(error instanceof DomainError || isTimeout(error))) throw error
    }
  }
  return relevant(await find('TEXT'), RELEVANT)
}

const isTimeout = (error: unknown): boolean => error instanceof DOMException && error.name === 'TimeoutError'

const relevant = <Found extends { score: number }>(found: readonly Found[], part: number): Found[] =>
  found.filter(({ score }) => score >= found[0]!.score * part)

/** The part of each document that fits best. */
export async function documentsAbout(work: Reading, host: MeaningHost, { ownerId, query }: Sought, spaces: readonly string[]): Promise<Candidate[]> {
  const parts = await contextWords(query)
  if (!parts.length || !spaces.length) return []
  const search = { spaces, parts, match: 'ANY', limit: MOST } as const
  const found = await byBoth(
    work,
    spaces,
    async (mode) => (await (mode === 'TEXT' ? textSearch(work, search) : meaningSearch(host, { ...search, mode, ownerId }))).hits,
  )
  const texts = await chunkTexts(
    work,
    found.map(({ id }) => id),
  )
  const titles = await documentTitles(work, ownerId, [...new Set(found.map(({ groupId }) => groupId))])
  return found.flatMap(({ id, groupId, score }): Candidate[] => {
    const text = texts.get(id)
    // What was removed in this moment is left out.
    return text === undefined
      ? []
      : [{ kind: 'DOCUMENT', sourceId: toGlobalId('SearchDocument', groupId), title: titles.get(groupId) ?? null, text, score: score / 1e6 }]
  })
}
