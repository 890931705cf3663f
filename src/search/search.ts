/** Searches the documents of collections. */
import { ownedBy, requireKnown } from '../core/actor.ts'
import { BadUserInput, NotFound } from '../core/errors.ts'
import type { Filter } from '../core/filter.ts'
import { toGlobalId } from '../core/ids.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { spaceOf } from './collection.ts'
import { documentFilterCheck, documentFilterSql } from './document-filter.ts'
import { liveSetsOf, type MeaningHost, meaningSearch } from './meaning-search.ts'
import type { Asked, TextHit, TextHits, TextMatch, TextSearch } from './text-asked.ts'
import { MAX_SPACES } from './text-asked.ts'
import { textQueryParts } from './text-query.ts'
import { textSearch } from './text-search.ts'
import { type Snippet, textSnippet } from './text-snippet.ts'

export type SearchMode = 'TEXT' | 'VECTOR' | 'HYBRID'

export interface DocumentSearch {
  query: string
  mode: SearchMode
  /** Inner ids; left out: all that the actor owns. */
  collectionIds?: readonly string[] | undefined
  match: TextMatch
  filter?: Filter | null | undefined
  limit: number
  after?: { score: number; groupId: string } | undefined
}

/** A document that was found, by the best of its chunks. */
export interface DocumentHit {
  documentId: string
  chunkId: string
  /** In millionths. */
  score: number
  snippet: Snippet
}

export async function search(work: Work, host: MeaningHost, asked: DocumentSearch): Promise<DocumentHit[]> {
  const { hits, asked: found } = await searchHits(work, host, asked)
  return shown(work, hits, found)
}

export async function searchHits(work: Work, host: MeaningHost, { mode, limit, after, ...asked }: DocumentSearch): Promise<TextHits> {
  const parts = textQueryParts(asked.query)
  const spaces = await searched(work, asked.collectionIds)
  // What cannot be searched is refused also by who has no collection.
  const text = { parts, match: asked.match, limit, after, where: filtered(work, asked.filter), spaces: spaces.length ? spaces : [''] }
  if (mode === 'TEXT') return textSearch(work, text)
  const { userId } = requireKnown(work.actor)
  if (mode === 'VECTOR') await needVectors(work, spaces)
  return meaningSearch(host, { ...text, mode, ownerId: userId })
}

/** Where one has none, what is in it would not be found, and nobody would know why. */
async function needVectors(work: Work, spaces: readonly string[]): Promise<void> {
  const live = await liveSetsOf(work, spaces)
  const without = spaces.find((space) => !live.has(space))
  if (without === undefined) return
  const id = toGlobalId('SearchCollection', without.slice(without.indexOf(':') + 1))
  throw new BadUserInput(`The collection ${id} has no vectors yet: searchCollectionEmbed makes them. The mode HYBRID finds what is in it by its words.`, [
    'input',
    'collections',
  ])
}

/** Which documents may be found at all. */
export function filtered({ dialect }: Pick<Work, 'dialect'>, filter: Filter | null | undefined): TextSearch['where'] {
  if (!filter) return undefined
  documentFilterCheck(dialect, filter, ['input'])
  return Prisma.sql`EXISTS (SELECT 1 FROM "SearchDocument" AS "document" WHERE "document"."id" = "item"."groupId" AND ${documentFilterSql(dialect, filter)})`
}

/** The spaces of collections that are the actor's. What is not theirs is not found, whether it is there or not. */
export async function searched(work: Work, collectionIds: readonly string[] | undefined): Promise<string[]> {
  if (collectionIds && (!collectionIds.length || collectionIds.length > MAX_SPACES))
    throw new BadUserInput(`1 to ${MAX_SPACES} collections are searched at once.`, ['input', 'collections'])
  const { ownerId } = ownedBy(work.actor)
  // An ADMIN who names none means their own.
  const owner = collectionIds ? ownerId : 'userId' in work.actor ? work.actor.userId : ''
  const rows = await work.rows<{ id: string }>(Prisma.sql`SELECT "id" FROM "SearchCollection" WHERE "deletedAtMs" IS NULL
    ${owner === undefined ? Prisma.empty : Prisma.sql`AND "ownerId" = ${owner}`} ${collectionIds ? Prisma.sql`AND "id" IN (${Prisma.join([...collectionIds])})` : Prisma.empty} LIMIT ${MAX_SPACES + 1}`)
  if (collectionIds && rows.length < new Set(collectionIds).size) throw new NotFound('SearchCollection', ['input', 'collections'])
  if (rows.length > MAX_SPACES)
    throw new BadUserInput(`You have more collections than are searched at once, which are ${MAX_SPACES}: name those you mean.`, ['input', 'collections'])
  return rows.map(({ id }) => spaceOf(id))
}

/** What was removed since it was found is left out. */
async function shown(work: Work, hits: readonly TextHit[], asked: ReadonlyMap<number, Asked>): Promise<DocumentHit[]> {
  const texts = await chunkTexts(
    work,
    hits.map(({ id }) => id),
  )
  return hits.flatMap(({ id, groupId, score, spaceNo }) => {
    const text = texts.get(id)
    return text === undefined ? [] : [{ documentId: groupId, chunkId: id, score, snippet: textSnippet(text, asked.get(spaceNo)!) }]
  })
}

/** What chunks say, without the rest of their documents. */
export async function chunkTexts(work: Pick<Work, 'rows'>, ids: readonly string[]): Promise<Map<string, string>> {
  if (!ids.length) return new Map()
  const rows = await work.rows<{ id: string; text: string }>(Prisma.sql`
    SELECT "chunk"."id", substr("document"."content", "chunk"."startAt" + 1, "chunk"."endAt" - "chunk"."startAt") AS "text"
    FROM "SearchChunk" AS "chunk" JOIN "SearchDocument" AS "document" ON "document"."id" = "chunk"."documentId" WHERE "chunk"."id" IN (${Prisma.join([...ids])})`)
  return new Map(rows.map(({ id, text }) => [id, text]))
}
