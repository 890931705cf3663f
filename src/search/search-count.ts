import type { Work } from '../events/work.ts'
import { BEST, type MeaningHost } from './meaning-search.ts'
import { type DocumentSearch, filtered, searched, searchHits } from './search.ts'
import { textQueryParts } from './text-query.ts'
import { textCount } from './text-search.ts'

/** How many documents `search` would find in all. By meaning nearly everything is near: then it is as many as are looked at. */
export async function searchCount(work: Work, host: MeaningHost, asked: Omit<DocumentSearch, 'limit' | 'after'>): Promise<number> {
  if (asked.mode !== 'TEXT') return (await searchHits(work, host, { ...asked, limit: 2 * BEST })).hits.length
  const spaces = await searched(work, asked.collectionIds)
  if (!spaces.length) return 0
  return textCount(work, { parts: textQueryParts(asked.query), match: asked.match, where: filtered(work, asked.filter), spaces })
}
