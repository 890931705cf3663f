/** Asks the full-text index: what was found, best first, by pages. */
import { BadUserInput } from '../core/errors.ts'
import { languageOf } from './language.ts'
import { type Asked, type Reader, stemsWanted, type TextHits, type TextSearch } from './text-asked.ts'
import { MAX_TERMS, termsOf } from './text-query.ts'
import { searchPostgresql } from './text-search-postgresql.ts'
import { searchSqlite } from './text-search-sqlite.ts'
import { spacesOf, type TextSpace } from './text-space.ts'

export const MAX_SPACES = 20
/** SQLite takes a statement of 500 parts. */
const MAX_LOOKUPS = 400

export async function textSearch(reader: Reader, search: TextSearch): Promise<TextHits> {
  if (!search.spaces.length || search.spaces.length > MAX_SPACES) throw new Error(`1 to ${MAX_SPACES} spaces are searched at once.`)
  // What cannot be searched is refused also where there is nothing yet to be searched.
  termsOf(search.parts, await languageOf('SIMPLE'))
  const spaces = await reader.rows<TextSpace>(spacesOf(search.spaces))
  const asked: Asked[] = []
  for (const space of spaces) {
    const language = await languageOf(space.language)
    asked.push({ space, language, terms: termsOf(search.parts, language) })
  }
  if (!asked.length) return { hits: [], asked: new Map() }
  const lookups = asked.reduce((sum, { terms }) => sum + stemsWanted(terms).length, 0)
  if (lookups > MAX_LOOKUPS)
    throw new BadUserInput(`So many words are searched in ${Math.floor(MAX_LOOKUPS / (2 * MAX_TERMS))} collections at once.`, ['input', 'query'])
  const hits = reader.dialect === 'sqlite' ? await searchSqlite(reader, asked, search) : await searchPostgresql(reader, asked, search)
  return { hits, asked: new Map(asked.map((each) => [each.space.no, each])) }
}
