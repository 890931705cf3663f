/** What has to do with a text, among what somebody has stored. */
import { toGlobalId } from '../core/ids.ts'
import type { Work } from '../events/work.ts'
import { factsFind } from '../facts/facts-find.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { chunkTexts } from '../search/search.ts'
import { textSearch } from '../search/text-search.ts'
import type { Candidate } from './context-piece.ts'
import { contextWords } from './context-words.ts'

/** So many of each kind are looked at. */
const MOST = 50
/** What fits less than this part as well as the best has only a word in common with what is asked. */
const RELEVANT = 0.25

export interface Sought {
  ownerId: string
  /** What it shall have to do with. */
  query: string
  /** Only facts with one of these tags; left out: all. */
  factTags?: readonly string[] | null | undefined
}

type Reading = Pick<Work, 'rows' | 'dialect'>

export async function factsAbout(work: Reading, { ownerId, query, factTags }: Sought): Promise<Candidate[]> {
  const parts = await contextWords(query)
  if (!parts.length) return []
  const filter = factTags?.length ? { tags: { any: factTags } } : null
  const found = relevant(await factsFind(work, { ownerId, parts, match: 'ANY', filter, first: MOST }))
  const tags = await tagsOf(
    work,
    found.map(({ id }) => id),
  )
  return found.map(({ id, text, score }) => ({ kind: 'FACT', sourceId: toGlobalId('Fact', id), title: tags.get(id) ?? null, text, score }))
}

/** The part of each document that fits best. */
export async function documentsAbout(work: Reading, { query, spaces }: { query: string; spaces: readonly string[] }): Promise<Candidate[]> {
  const parts = await contextWords(query)
  if (!parts.length || !spaces.length) return []
  const found = relevant((await textSearch(work, { spaces, parts, match: 'ANY', limit: MOST })).hits)
  const texts = await chunkTexts(
    work,
    found.map(({ id }) => id),
  )
  const titles = await titlesOf(work, [...new Set(found.map(({ groupId }) => groupId))])
  return found.flatMap(({ id, groupId, score }): Candidate[] => {
    const text = texts.get(id)
    // What was removed in this moment is left out.
    return text === undefined
      ? []
      : [{ kind: 'DOCUMENT', sourceId: toGlobalId('SearchDocument', groupId), title: titles.get(groupId) ?? null, text, score: score / 1e6 }]
  })
}

async function titlesOf({ rows }: Reading, ids: readonly string[]): Promise<Map<string, string | null>> {
  if (!ids.length) return new Map()
  const found = await rows<{ id: string; title: string | null }>(
    Prisma.sql`SELECT "id", COALESCE("title", "externalId") AS "title" FROM "SearchDocument" WHERE "id" IN (${Prisma.join([...ids])})`,
  )
  return new Map(found.map(({ id, title }) => [id, title]))
}

const relevant = <Found extends { score: number }>(found: readonly Found[]): Found[] => found.filter(({ score }) => score >= found[0]!.score * RELEVANT)

async function tagsOf({ rows }: Reading, ids: readonly string[]): Promise<Map<string, string>> {
  if (!ids.length) return new Map()
  const found = await rows<{ factId: string; tag: string }>(
    Prisma.sql`SELECT "factId", "tag" FROM "FactTag" WHERE "factId" IN (${Prisma.join([...ids])}) ORDER BY "factId", "tag"`,
  )
  const tags = new Map<string, string>()
  for (const { factId, tag } of found) tags.set(factId, tags.has(factId) ? `${tags.get(factId)}, ${tag}` : tag)
  return tags
}
