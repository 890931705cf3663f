import type { Filter } from '../core/filter.ts'
import { filterSql } from '../db/filter-sql.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { type MeaningHost, meaningSearch } from '../search/meaning-search.ts'
import type { SearchMode } from '../search/search.ts'
import type { TextMatch } from '../search/text-asked.ts'
import type { QueryPart } from '../search/text-query.ts'
import { textSearch } from '../search/text-search.ts'
import { type Snippet, textSnippet } from '../search/text-snippet.ts'
import { taskIn } from '../tasks/task-move.ts'
import { factFilterFields } from './fact-filter.ts'
import { factSpace } from './fact-index.ts'

export interface FactsFind {
  ownerId: string
  parts: readonly QueryPart[]
  match: TextMatch
  /** Left out: TEXT. */
  mode?: SearchMode | undefined
  filter?: Filter | null | undefined
  first: number
}

export interface FoundFact {
  id: string
  text: string
  score: number
  snippet: Snippet
}

/** The owner's facts that the words, or what they mean, lead to, best first. The filter was checked by whoever asks. */
export async function factsFind(
  work: Pick<Work, 'rows' | 'dialect'>,
  host: MeaningHost,
  { ownerId, parts, match, mode = 'TEXT', filter, first }: FactsFind,
): Promise<FoundFact[]> {
  const only = Prisma.sql`"item"."id" IN (SELECT "id" FROM "Fact" WHERE "ownerId" = ${ownerId} AND ${filterSql(filter, factFilterFields(work.dialect, ownerId))})`
  const search = { spaces: [factSpace(ownerId)], parts, match, limit: first, ...(filter && { where: only }) }
  const { hits, asked } = mode === 'TEXT' ? await textSearch(work, search) : await meaningSearch(host, { ...search, mode, ownerId })
  if (!hits.length) return []
  const rows = await work.rows<{ id: string; text: string }>(
    Prisma.sql`SELECT "id", "text" FROM "Fact" WHERE ${taskIn(
      work,
      hits.map(({ id }) => id),
    )} AND "ownerId" = ${ownerId}`,
  )
  const texts = new Map(rows.map(({ id, text }) => [id, text]))
  return hits.flatMap(({ id, score, spaceNo }) => {
    const text = texts.get(id)
    return text === undefined ? [] : [{ id, text, score: score / 1e6, snippet: textSnippet(text, asked.get(spaceNo)!) }]
  })
}
