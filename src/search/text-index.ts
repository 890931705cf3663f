/** Full-text over spaces: what is put into the index, and taken out of it, in the caller's transaction. `text-search.ts` asks it. */
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { type Language, languageOf } from './language.ts'
import type { TextSpace } from './text-space.ts'
import { type Word, wordsOf } from './words.ts'

export interface TextItem {
  /** Unique in its space. */
  id: string
  /** Items of one group are one hit; left out: the item by itself. */
  groupId?: string | undefined
  /** Its words count three times as much. */
  title?: string | null | undefined
  content: string
}

/** Longer texts are put in as several items. */
export const MAX_ITEM_CHARACTERS = 100_000
const AT_ONCE = 1000

/** Puts texts into a space, in place of those that are there under the same ids. */
export async function textIndexPut(work: Work, space: TextSpace, items: readonly TextItem[]): Promise<void> {
  const language = await languageOf(space.language)
  for (let from = 0; from < items.length; from += AT_ONCE) {
    const indexed = items.slice(from, from + AT_ONCE).map((item) => indexedOf(space, item, language))
    if (work.dialect === 'sqlite') await putSqlite(work, space, indexed)
    else await putPostgresql(work, space, indexed)
  }
}

/** Takes texts out of a space; those that are not there are passed over. */
export async function textIndexRemove(work: Work, key: string, ids: readonly string[]): Promise<void> {
  for (let from = 0; from < ids.length; from += AT_ONCE)
    await work.execute(Prisma.sql`DELETE FROM "TextItem" WHERE "spaceNo" = (SELECT "no" FROM "TextSpace" WHERE "key" = ${key})
      AND "id" IN (SELECT "id" FROM ${work.sql.table('gone', { id: { kind: 'text', values: ids.slice(from, from + AT_ONCE) } })})`)
}

/** An item's words as both databases take them: each with its space, so that nobody else's row is ever read, and nobody else's counts. */
interface Indexed {
  id: string
  groupId: string
  title: readonly Word[]
  content: readonly Word[]
  /** `<space>w<form>` of each word, for words that are begun. */
  forms: string[]
}

export const stemToken = (space: TextSpace, stem: string): string => `${space.no}x${stem}`
export const formToken = (space: TextSpace, form: string): string => `${space.no}w${form}`

function indexedOf(space: TextSpace, { id, groupId = id, title, content }: TextItem, language: Language): Indexed {
  if (content.length + (title?.length ?? 0) > MAX_ITEM_CHARACTERS) throw new Error('This text must be put in in parts.')
  const words = { title: title ? wordsOf(title, language) : [], content: wordsOf(content, language) }
  const forms = new Set([...words.title, ...words.content].map(({ form }) => form))
  return { id, groupId, ...words, forms: [...forms].map((form) => formToken(space, form)) }
}

const TITLE_WEIGHT = 3

/** How BM25 has it, but measured by a text of usual length instead of the average one: so that it need never be reckoned again. */
const SATURATION = 1.2
const BY_LENGTH = 0.75
const USUAL_WORDS = 200
/** How much a word says about its text is one of so many steps, a letter each. */
export const STEPS = 26
const BEFORE_A = 'a'.charCodeAt(0) - 1

function impactsOf(space: TextSpace, { title, content }: Indexed): string {
  const counts = new Map<string, number>()
  for (const { stem } of title) counts.set(stem, (counts.get(stem) ?? 0) + TITLE_WEIGHT)
  for (const { stem } of content) counts.set(stem, (counts.get(stem) ?? 0) + 1)
  const damping = SATURATION * (1 - BY_LENGTH + (BY_LENGTH * (title.length + content.length)) / USUAL_WORDS)
  return [...counts]
    .map(([stem, count]) => `${stemToken(space, stem)}_${String.fromCharCode(BEFORE_A + Math.max(1, Math.round((count / (count + damping)) * STEPS)))}`)
    .join(' ')
}

const stemsOf = (space: TextSpace, words: readonly Word[]): string => words.map(({ stem }) => stemToken(space, stem)).join(' ')

async function putSqlite(work: Work, space: TextSpace, items: readonly Indexed[]): Promise<void> {
  await textIndexRemove(
    work,
    space.key,
    items.map(({ id }) => id),
  )
  const rows = await work.rows<{ row: number; id: string }>(Prisma.sql`INSERT INTO "TextItem" ("spaceNo", "id", "groupId")
    SELECT ${space.no}, "new"."id", "new"."groupId" FROM ${work.sql.table('new', {
      id: { kind: 'text', values: items.map(({ id }) => id) },
      groupId: { kind: 'text', values: items.map(({ groupId }) => groupId) },
    })} WHERE TRUE RETURNING "row", "id"`)
  const rowOf = new Map(rows.map(({ row, id }) => [id, row]))
  const row = { kind: 'integer' as const, values: items.map(({ id }) => rowOf.get(id)!) }
  await work.execute(
    Prisma.sql`INSERT INTO "TextTerms" ("rowid", "title", "content", "words") SELECT * FROM ${work.sql.table('new', {
      row,
      title: { kind: 'text', values: items.map(({ title }) => stemsOf(space, title)) },
      content: { kind: 'text', values: items.map(({ content }) => stemsOf(space, content)) },
      words: { kind: 'text', values: items.map(({ forms }) => forms.join(' ')) },
    })}`,
  )
  await work.execute(
    Prisma.sql`INSERT INTO "TextImpacts" ("rowid", "terms") SELECT * FROM ${work.sql.table('new', {
      row,
      terms: { kind: 'text', values: items.map((item) => impactsOf(space, item)) },
    })}`,
  )
}

/** PostgreSQL keeps no place beyond this, and no more places of one word than that. */
const MAX_PLACE = 16_383
const MAX_PLACES = 255

function vectorOf(space: TextSpace, { title, content, forms }: Indexed): string {
  const places = new Map<string, string[]>()
  const put = (words: readonly Word[], first: number, weight: string) => {
    for (const [i, { stem }] of words.entries()) {
      const known = places.get(stem)
      const place = `${Math.min(first + i, MAX_PLACE)}${weight}`
      if (!known) places.set(stem, [place])
      else if (known.length < MAX_PLACES) known.push(place)
    }
  }
  put(title, 1, 'A')
  // A phrase does not go from the title on into the text.
  put(content, title.length + 2, '')
  return [...[...places].map(([stem, at]) => `'${stemToken(space, stem)}':${at.join(',')}`), ...forms.map((form) => `'${form}'`)].join(' ')
}

async function putPostgresql(work: Work, space: TextSpace, items: readonly Indexed[]): Promise<void> {
  const latest = [...new Map(items.map((item) => [item.id, item])).values()]
  await work.execute(Prisma.sql`INSERT INTO "TextItem" ("spaceNo", "id", "groupId", "terms")
    SELECT CAST(${space.no} AS INTEGER), "new"."id", "new"."groupId", "new"."terms"::tsvector FROM ${work.sql.table('new', {
      id: { kind: 'text', values: latest.map(({ id }) => id) },
      groupId: { kind: 'text', values: latest.map(({ groupId }) => groupId) },
      terms: { kind: 'text', values: latest.map((item) => vectorOf(space, item)) },
    })} ORDER BY "new"."id"
    ON CONFLICT ("spaceNo", "id") DO UPDATE SET "groupId" = excluded."groupId", "terms" = excluded."terms"`)
}
