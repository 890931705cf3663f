import { Prisma } from '../generated/sqlite/client.ts'
import { type Asked, behind, type Lookup, type Reader, rarity, stemsWanted, type TextHit, type TextMatch, type TextSearch, wholeOf } from './text-asked.ts'
import { formToken, STEPS, stemToken } from './text-index.ts'
import type { Term, Terms } from './text-query.ts'
import type { TextSpace } from './text-space.ts'

/** FTS5 sees words made here, in quotation marks. */
const matched = (space: TextSpace, term: Term): string =>
  term.kind === 'PREFIX' ? `"${formToken(space, term.form)}" *` : `"${term.stems.map((stem) => stemToken(space, stem)).join(' ')}"`

function expression({ space, terms: { wanted, excluded } }: Asked, match: TextMatch): string {
  const positive = `(${wanted.map((term) => matched(space, term)).join(match === 'ALL' ? ' AND ' : ' OR ')})`
  return excluded.length ? `(${positive} NOT (${excluded.map((term) => matched(space, term)).join(' OR ')}))` : positive
}

const expressionOfAll = (asked: readonly Asked[], match: TextMatch): string => asked.map((each) => expression(each, match)).join(' OR ')

/** The condition on an item that it is found. */
export const foundSqlite = (asked: readonly Asked[], match: TextMatch): Prisma.Sql =>
  Prisma.sql`"item"."row" IN (SELECT "rowid" FROM "TextTerms" WHERE "TextTerms" MATCH ${expressionOfAll(asked, match)})`

interface Weighed {
  space: TextSpace
  lookup: Lookup
  weight: number
}

/**
 * FTS5's own bm25 counts all rows of the table, other spaces' too, and would tell of them. So what each word says about its text stands in
 * the index beside it, and how rare the word is in its space is counted here.
 */
export async function searchSqlite(reader: Reader, asked: readonly Asked[], search: TextSearch): Promise<TextHit[]> {
  // Of those behind a filter the best may be few among the best.
  const among = search.where ? null : Math.max(AMONG, 10 * search.limit)
  const hits = await reader.rows<TextHit & { isCut: number }>(await statementSqlite(reader, asked, search, among))
  // Many of the best were parts of the same.
  const isShort = among !== null && hits.length < search.limit && (hits[0] ? hits[0].isCut === 1 : search.after !== undefined)
  return isShort ? reader.rows<TextHit>(await statementSqlite(reader, asked, search, null)) : hits
}

/** Which group an item is of is looked up for so many, and those that are as good as the last of them: it takes longer than scoring them all. */
const AMONG = 500

/**
 * The statement, whole: it can stand within another one. `cover` is how much of what is wanted a hit has, by its weight, 0 to 1. `among`: only
 * of so many best items; null: of all. `isCut`: there are more than these.
 */
export async function statementSqlite(reader: Reader, asked: readonly Asked[], search: TextSearch, among: number | null): Promise<Prisma.Sql> {
  const weighed = await weigh(reader, asked)
  const isPlain = asked.every(({ terms }) => isOfWords(terms) && (search.match === 'ANY' || terms.wanted.length === 1))
  const scores = weighed.map(({ space, lookup, weight }) => scoresOf(space, lookup, { weight, share: weight / wholeOf(weighed, space) }, isPlain))
  // What only begins as the query says may have another stem; and what has none of the words counted is still a hit.
  const all = Prisma.sql`SELECT "row", 0.0 AS "score", 0.0 AS "cover" FROM "hit"`
  const each = needsAll(asked) ? [all, ...scores] : scores
  const sum = (column: string) => Prisma.raw(each.length > 1 ? `SUM("${column}")` : `"${column}"`)
  const match = expressionOfAll(asked, search.match)
  return Prisma.sql`
    WITH "step"("letter", "n") AS (VALUES ${STEP_LETTERS}),
      "hit" AS MATERIALIZED (SELECT "rowid" AS "row" FROM "TextTerms" WHERE "TextTerms" MATCH ${match}),
      "scored" AS MATERIALIZED (SELECT "row", CAST(ROUND(${sum('score')} * 1000000) AS INTEGER) AS "score", ${sum('cover')} AS "cover"
        FROM (${Prisma.join(each, ' UNION ALL ')}) ${each.length > 1 ? Prisma.sql`GROUP BY "row"` : Prisma.empty}),
      "best" AS (SELECT "item"."id", "item"."groupId", "item"."spaceNo", MAX("scored"."score") AS "score", "scored"."cover"
        FROM "scored" CROSS JOIN "TextItem" AS "item" ON "item"."row" = "scored"."row" WHERE ${search.where ?? Prisma.sql`TRUE`} ${leastOf(among, search)}
        GROUP BY "item"."spaceNo", "item"."groupId")
    SELECT *, ${among === null ? Prisma.sql`0` : Prisma.sql`(SELECT COUNT(*) FROM "scored") > ${among}`} AS "isCut" FROM "best" ${behind(search)} ORDER BY "score" DESC, "groupId" LIMIT ${search.limit}`
}

/** None that has the score of the last is left out, so whatever is found is found with its best item, and stands where it would among all. */
function leastOf(among: number | null, { after }: TextSearch): Prisma.Sql {
  if (among === null) return Prisma.empty
  const behindIt = after ? Prisma.sql`WHERE "score" < ${after.score}` : Prisma.empty
  return Prisma.sql`AND "scored"."score" >= COALESCE((SELECT "score" FROM "scored" ${behindIt} ORDER BY "score" DESC LIMIT 1 OFFSET ${among - 1}), 0)`
}

/** Items that have what the query excludes. */
export const excludedSqlite = ({ space, terms: { excluded } }: Asked): Prisma.Sql =>
  Prisma.sql`"item"."row" IN (SELECT "rowid" FROM "TextTerms" WHERE "TextTerms" MATCH ${excluded.map((term) => matched(space, term)).join(' OR ')})`

/** Whether whatever has one of the words is a hit. */
const isOfWords = ({ wanted, excluded }: Terms): boolean => !excluded.length && wanted.every((term) => term.kind === 'EXACT' && term.stems.length === 1)

const needsAll = (asked: readonly Asked[]): boolean => asked.some(({ terms }) => terms.wanted.some(({ kind }) => kind === 'PREFIX'))

function scoresOf(space: TextSpace, lookup: Lookup, { weight, share }: { weight: number; share: number }, isPlain: boolean): Prisma.Sql {
  const word = stemToken(space, lookup.kind === 'STEM' ? lookup.stem : lookup.form)
  // Step by step nothing need be read out of the words found, which would take as long again; but then there is more to compare with the hits.
  if (isPlain)
    return Prisma.sql`SELECT "doc" AS "row", ${weight / STEPS} * "step"."n" AS "score", ${share} AS "cover"
      FROM "step" CROSS JOIN "TextImpactsOf" WHERE "term" = ${`${word}_`} || "step"."letter"`
  const step = Prisma.sql`${weight / STEPS} * (unicode(substr("term", -1)) - 96)`
  const [from, to] = lookup.kind === 'STEM' ? [`${word}_`, `${word}_~`] : [word, `${word}\u{10ffff}`]
  const range = Prisma.sql`FROM "TextImpactsOf" WHERE "term" >= ${from} AND "term" < ${to} AND "doc" IN "hit"`
  if (lookup.kind === 'STEM') return Prisma.sql`SELECT "doc" AS "row", ${step} AS "score", ${share} AS "cover" ${range}`
  return Prisma.sql`SELECT "row", MAX("score"), ${share} FROM (SELECT "doc" AS "row", ${step} AS "score" ${range}) GROUP BY "row"`
}

const STEP_LETTERS = Prisma.raw(Array.from({ length: STEPS }, (_, i) => `('${String.fromCharCode('a'.charCodeAt(0) + i)}', ${i + 1})`).join(', '))

async function weigh(reader: Reader, asked: readonly Asked[]): Promise<Weighed[]> {
  const lookups = asked.flatMap(({ space, terms }) => stemsWanted(terms).map((lookup) => ({ space, lookup })))
  const counts = Prisma.join(
    [
      ...asked.map(({ space }) => Prisma.sql`SELECT COALESCE((SELECT "items" FROM "TextSpaceItems" WHERE "spaceNo" = ${space.no}), 0) AS "count"`),
      ...lookups.map(
        ({ space, lookup }) =>
          Prisma.sql`SELECT COUNT(*) FROM "TextTerms" WHERE "TextTerms" MATCH ${matched(space, lookup.kind === 'STEM' ? { kind: 'EXACT', stems: [lookup.stem] } : lookup)}`,
      ),
    ],
    ' UNION ALL ',
  )
  const found = (await reader.rows<{ count: number }>(counts)).map(({ count }) => count)
  const itemsOf = new Map(asked.map(({ space }, i) => [space.no, found[i]!]))
  return lookups.map((each, i) => ({ ...each, weight: rarity(itemsOf.get(each.space.no)!, found[asked.length + i]!) }))
}
