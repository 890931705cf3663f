/** What has to do with a text, among what somebody has stored. */
import { toGlobalId } from '../core/ids.ts'
import type { Work } from '../events/work.ts'
import { factsFind } from '../facts/facts-find.ts'
import { Prisma } from '../generated/sqlite/client.ts'
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
