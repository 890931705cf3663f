import { Prisma } from '../generated/sqlite/client.ts'
import { type Asked, behind, type Lookup, type Reader, rarity, stemsWanted, type TextHit, type TextMatch, type TextSearch, wholeOf } from './text-asked.ts'
import { formToken, stemToken } from './text-index.ts'
import type { Term } from './text-query.ts'
import type { TextSpace } from './text-space.ts'

/** The database sees words made here, in quotation marks. */
const matched = (space: TextSpace, term: Term): string =>
  term.kind === 'PREFIX' ? `'${formToken(space, term.form)}':*` : `(${term.stems.map((stem) => `'${stemToken(space, stem)}'`).join(' <-> ')})`

function expression({ space, terms: { wanted, excluded } }: Asked, match: TextMatch): string {
  const positive = `(${wanted.map((term) => matched(space, term)).join(match === 'ALL' ? ' & ' : ' | ')})`
  return `(${[positive, ...excluded.map((term) => `!${matched(space, term)}`)].join(' & ')})`
}

/** The condition on an item that it is found. */
export const foundPostgresql = (asked: readonly Asked[], match: TextMatch): Prisma.Sql =>
  Prisma.sql`"item"."terms" @@ CAST(${asked.map((each) => expression(each, match)).join(' | ')} AS tsquery)`

/** What begins so counts by its forms, which have no places, and so little weight, where it has another stem. */
const ranked = (space: TextSpace, lookup: Lookup): string =>
  lookup.kind === 'STEM' ? `'${stemToken(space, lookup.stem)}'` : `('${stemToken(space, lookup.form)}':* | '${formToken(space, lookup.form)}':*)`

/** Of words of the text, and of the title. */
const WEIGHTS = '{0.1, 0.2, 0.4, 1.0}'
/** Divided by 1 + the logarithm of the length. */
const BY_LENGTH = 1

/** ts_rank sees the text alone. How rare a word is in its space is counted here, and each word weighed by it. */
export const searchPostgresql = async (reader: Reader, asked: readonly Asked[], search: TextSearch): Promise<TextHit[]> =>
  reader.rows<TextHit>(await statementPostgresql(reader, asked, search))

/** The statement, whole: it can stand within another one. `cover` is how much of what is wanted a hit has, by its weight, 0 to 1. */
export async function statementPostgresql(reader: Reader, asked: readonly Asked[], search: TextSearch): Promise<Prisma.Sql> {
  const weighed = await weigh(reader, asked)
  const score = Prisma.join(
    weighed.map(
      ({ space, lookup, weight }) =>
        Prisma.sql`CAST(${weight} AS FLOAT8) * ts_rank(CAST(${WEIGHTS} AS real[]), "item"."terms", CAST(${ranked(space, lookup)} AS tsquery), ${Prisma.raw(String(BY_LENGTH))})`,
    ),
    ' + ',
  )
  const cover = Prisma.join(
    weighed.map(
      ({ space, lookup, weight }) =>
        Prisma.sql`CASE WHEN "item"."terms" @@ CAST(${ranked(space, lookup)} AS tsquery) THEN CAST(${weight / wholeOf(weighed, space)} AS FLOAT8) ELSE 0 END`,
    ),
    ' + ',
  )
  return Prisma.sql`
    SELECT * FROM (
      SELECT DISTINCT ON ("spaceNo", "groupId") "id", "groupId", "spaceNo", "score", "cover" FROM (
        SELECT "item"."id", "item"."groupId", "item"."spaceNo", CAST(ROUND((${score}) * 1000000) AS BIGINT) AS "score", ${cover} AS "cover" FROM "TextItem" AS "item"
        WHERE ${foundPostgresql(asked, search.match)} ${search.where ? Prisma.sql`AND (${search.where})` : Prisma.empty}) AS "scored"
      ORDER BY "spaceNo", "groupId", "score" DESC, "id") AS "best"
    ${behind(search)} ORDER BY "score" DESC, "groupId" COLLATE "C" LIMIT ${search.limit}`
}

/** Items that have what the query excludes. */
export const excludedPostgresql = ({ space, terms: { excluded } }: Asked): Prisma.Sql =>
  Prisma.sql`"item"."terms" @@ CAST(${excluded.map((term) => matched(space, term)).join(' | ')} AS tsquery)`

/** More are as good as so many. */
const MOST_ITEMS = 5_000

async function weigh(reader: Reader, asked: readonly Asked[]) {
  const lookups = asked.flatMap(({ space, terms }) => stemsWanted(terms).map((lookup) => ({ space, lookup })))
  // Where there is nothing to weigh it against, it does not matter.
  if (lookups.length === 1) return [{ ...lookups[0]!, weight: 1 }]
  const count = (where: Prisma.Sql) => Prisma.sql`(SELECT COUNT(*) FROM (SELECT 1 FROM "TextItem" WHERE ${where} LIMIT ${MOST_ITEMS}) AS "counted")`
  const counts = [
    ...asked.map(({ space }) => count(Prisma.sql`"spaceNo" = ${space.no}`)),
    ...lookups.map(({ space, lookup }) => count(Prisma.sql`"terms" @@ CAST(${ranked(space, lookup)} AS tsquery)`)),
  ]
  const [row] = await reader.rows<{ counts: string[] }>(Prisma.sql`SELECT ARRAY[${Prisma.join(counts)}]::text[] AS "counts"`)
  const found = row!.counts.map(Number)
  const itemsOf = new Map(asked.map(({ space }, i) => [space.no, found[i]!]))
  return lookups.map((each, i) => ({ ...each, weight: rarity(itemsOf.get(each.space.no)!, found[asked.length + i]!) }))
}
