import type { Work } from '../events/work.ts'
import { type DocumentSearch, filtered, searched } from './search.ts'
import { textQueryParts } from './text-query.ts'
import { textCount } from './text-search.ts'

/** How many documents `search` would find in all. */
export async function searchCount(work: Work, asked: Omit<DocumentSearch, 'limit' | 'after'>): Promise<number> {
  const spaces = await searched(work, asked.collectionIds)
  if (!spaces.length) return 0
  return textCount(work, { parts: textQueryParts(asked.query), match: asked.match, where: filtered(work, asked.filter), spaces })
}
