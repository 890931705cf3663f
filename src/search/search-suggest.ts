/** What somebody who is typing may mean. */
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { languageOf } from './language.ts'
import { searched } from './search.ts'
import { type QueryPart, textQueryParts } from './text-query.ts'
import { textSample } from './text-search.ts'
import { wordsOf } from './words.ts'

export const MAX_TYPED = 200
export const MAX_SUGGESTIONS = 20
/** Whoever types does not wait: so many chunks are looked at, whichever they are. */
const LOOKED_AT = 200
const MIN_LETTERS = 2
const MAX_WORDS_BEFORE = 8

export interface Suggestion {
  text: string
  /** In how many of the chunks that were looked at the word is. */
  count: number
}

/** How the last word of what was typed may go on, among documents that have the words before it; the most common first. */
export async function searchSuggest(work: Work, asked: { typed: string; collectionIds?: readonly string[] | undefined; first: number }): Promise<Suggestion[]> {
  const spaces = await searched(work, asked.collectionIds)
  const simple = await languageOf('SIMPLE')
  const { typed } = asked
  const last = wordsOf(typed, simple).at(-1)
  if (!spaces.length || !last || last.end !== typed.length || last.form.length < MIN_LETTERS) return []
  const before = typed.slice(0, last.start)
  const words = wordsOf(before, simple).slice(-MAX_WORDS_BEFORE)
  const parts: QueryPart[] = [
    ...(words.length ? textQueryParts(words.map(({ form }) => form).join(' ')) : []),
    { kind: 'PREFIX', isExcluded: false, text: `${last.form}*` },
  ]
  const { items } = await textSample(work, { spaces, parts, match: 'ALL' }, LOOKED_AT)
  const counted = new Map<string, { count: number; spellings: Map<string, number> }>()
  for (const text of await texts(
    work,
    items.map(({ id }) => id),
  )) {
    const seen = new Set<string>()
    for (const { form, start, end } of wordsOf(text, simple)) {
      if (!form.startsWith(last.form)) continue
      const entry = counted.get(form) ?? { count: 0, spellings: new Map() }
      counted.set(form, entry)
      const spelling = text.slice(start, end)
      entry.spellings.set(spelling, (entry.spellings.get(spelling) ?? 0) + 1)
      if (!seen.has(form)) entry.count++
      seen.add(form)
    }
  }
  return [...counted]
    .sort(([a, x], [b, y]) => y.count - x.count || (a < b ? -1 : 1))
    .slice(0, asked.first)
    .map(([, { count, spellings }]) => ({ text: before + mostCommon(spellings), count }))
}

const mostCommon = (spellings: ReadonlyMap<string, number>): string => [...spellings].reduce((best, each) => (each[1] > best[1] ? each : best))[0]

async function texts(work: Pick<Work, 'rows'>, chunkIds: readonly string[]): Promise<string[]> {
  if (!chunkIds.length) return []
  const rows = await work.rows<{ title: string | null; text: string }>(Prisma.sql`
    SELECT "document"."title", substr("document"."content", "chunk"."startAt" + 1, "chunk"."endAt" - "chunk"."startAt") AS "text"
    FROM "SearchChunk" AS "chunk" JOIN "SearchDocument" AS "document" ON "document"."id" = "chunk"."documentId" WHERE "chunk"."id" IN (${Prisma.join([...chunkIds])})`)
  return rows.map(({ title, text }) => (title ? `${title}\n${text}` : text))
}
