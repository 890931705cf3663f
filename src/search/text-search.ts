/** Asks the full-text index: what was found, best first, by pages. */
import { BadUserInput } from '../core/errors.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { languageOf } from './language.ts'
import { type Asked, MAX_SPACES, type Reader, stemsWanted, type TextHits, type TextSearch } from './text-asked.ts'
import { MAX_TERMS, termsOf } from './text-query.ts'
import { foundPostgresql, searchPostgresql } from './text-search-postgresql.ts'
import { foundSqlite, searchSqlite } from './text-search-sqlite.ts'
import { spacesOf, type TextSpace } from './text-space.ts'

export async function textSearch(reader: Reader, search: TextSearch): Promise<TextHits> {
  const asked = await askedOf(reader, search)
  if (!asked.length) return { hits: [], asked: new Map() }
  const hits = reader.dialect === 'sqlite' ? await searchSqlite(reader, asked, search) : await searchPostgresql(reader, asked, search)
  return { hits, asked: bySpace(asked) }
}

export const bySpace = (asked: readonly Asked[]): ReadonlyMap<number, Asked> => new Map(asked.map((each) => [each.space.no, each]))

type Found = Omit<TextSearch, 'limit' | 'after'>

/** How many groups would be found in all. */
export async function textCount(reader: Reader, search: Found): Promise<number> {
  const asked = await askedOf(reader, search)
  if (!asked.length) return 0
  const [row] = await reader.rows<{ count: number }>(Prisma.sql`SELECT COUNT(*) AS "count" FROM (
    SELECT DISTINCT "item"."spaceNo", "item"."groupId" FROM "TextItem" AS "item" WHERE ${found(reader, asked, search)}) AS "groups"`)
  return row!.count
}

/** Any items that would be found, not the best. */
export async function textSample(
  reader: Reader,
  search: Found,
  limit: number,
): Promise<{ items: { id: string; groupId: string; spaceNo: number }[]; asked: Asked[] }> {
  const asked = await askedOf(reader, search)
  if (!asked.length) return { items: [], asked }
  const items = await reader.rows<{ id: string; groupId: string; spaceNo: number }>(
    Prisma.sql`SELECT "item"."id", "item"."groupId", "item"."spaceNo" FROM "TextItem" AS "item" WHERE ${found(reader, asked, search)} LIMIT ${limit}`,
  )
  return { items, asked }
}

function found({ dialect }: Reader, asked: readonly Asked[], { match, where }: Found): Prisma.Sql {
  const has = dialect === 'sqlite' ? foundSqlite(asked, match) : foundPostgresql(asked, match)
  return where ? Prisma.sql`${has} AND (${where})` : has
}

/** What is asked in each of the spaces that are there; what cannot be searched is refused also where there is none. */
export async function askedOf(reader: Reader, search: Pick<TextSearch, 'spaces' | 'parts'>): Promise<Asked[]> {
  if (!search.spaces.length || search.spaces.length > MAX_SPACES) throw new Error(`1 to ${MAX_SPACES} spaces are searched at once.`)
  termsOf(search.parts, await languageOf('SIMPLE'))
  const spaces = await reader.rows<TextSpace>(spacesOf(search.spaces))
  const asked: Asked[] = []
  for (const space of spaces) {
    const language = await languageOf(space.language)
    asked.push({ space, language, terms: termsOf(search.parts, language) })
  }
  const lookups = asked.reduce((sum, { terms }) => sum + stemsWanted(terms).length, 0)
  if (lookups > MAX_LOOKUPS)
    throw new BadUserInput(`So many words are searched in ${Math.floor(MAX_LOOKUPS / (2 * MAX_TERMS))} collections at once.`, ['input', 'query'])
  return asked
}

/** SQLite takes a statement of 500 parts. */
const MAX_LOOKUPS = 400
