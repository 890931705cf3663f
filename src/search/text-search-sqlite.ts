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
 * the index beside it, and how rare the word is in its space is counted here. It takes as long as bm25 does.
 */
export const searchSqlite = async (reader: Reader, asked: readonly Asked[], search: TextSearch): Promise<TextHit[]> =>
  reader.rows<TextHit>(await statementSqlite(reader, asked, search))

/** The statement, whole: it can stand within another one. `cover` is how much of what is wanted a hit has, by its weight, 0 to 1. */
export async function statementSqlite(reader: Reader, asked: readonly Asked[], search: TextSearch): Promise<Prisma.Sql> {
  const weighed = await weigh(reader, asked)
  const isPlain = asked.every(({ terms }) => isOfWords(terms) && (search.match === 'ANY' || terms.wanted.length === 1))
  const only = isPlain ? Prisma.empty : Prisma.sql`AND "doc" IN "hit"`
  const scores = weighed.map(({ space, lookup, weight }) => scoresOf(space, lookup, { weight, share: weight / wholeOf(weighed, space) }, only))
  // What only begins as the query says may have another stem; and what has none of the words counted is still a hit.
  const all = Prisma.sql`SELECT "row", 0.0 AS "score", 0.0 AS "cover" FROM "hit"`
  const match = expressionOfAll(asked, search.match)
  return Prisma.sql`
    WITH "hit" AS MATERIALIZED (SELECT "rowid" AS "row" FROM "TextTerms" WHERE "TextTerms" MATCH ${match}),
      "scored" AS (SELECT "row", CAST(ROUND(SUM("score") * 1000000) AS INTEGER) AS "score", SUM("cover") AS "cover" FROM (${Prisma.join(needsAll(asked) ? [all, ...scores] : scores, ' UNION ALL ')}) GROUP BY "row"),
      "best" AS (SELECT "item"."id", "item"."groupId", "item"."spaceNo", MAX("scored"."score") AS "score", "scored"."cover"
        FROM "scored" CROSS JOIN "TextItem" AS "item" ON "item"."row" = "scored"."row" ${search.where ? Prisma.sql`WHERE ${search.where}` : Prisma.empty}
        GROUP BY "item"."spaceNo", "item"."groupId")
    SELECT * FROM "best" ${behind(search)} ORDER BY "score" DESC, "groupId" LIMIT ${search.limit}`
}

/** Items that have what the query excludes. */
export const excludedSqlite = ({ space, terms: { excluded } }: Asked): Prisma.Sql =>
  Prisma.sql`"item"."row" IN (SELECT "rowid" FROM "TextTerms" WHERE "TextTerms" MATCH ${excluded.map((term) => matched(space, term)).join(' OR ')})`

/** Whether whatever has one of the words is a hit. */
const isOfWords = ({ wanted, excluded }: Terms): boolean => !excluded.length && wanted.every((term) => term.kind === 'EXACT' && term.stems.length === 1)

const needsAll = (asked: readonly Asked[]): boolean => asked.some(({ terms }) => terms.wanted.some(({ kind }) => kind === 'PREFIX'))

function scoresOf(space: TextSpace, lookup: Lookup, { weight, share }: { weight: number; share: number }, only: Prisma.Sql): Prisma.Sql {
  const step = Prisma.sql`${weight / STEPS} * (unicode(substr("term", -1)) - 96)`
  const word = stemToken(space, lookup.kind === 'STEM' ? lookup.stem : lookup.form)
  const [from, to] = lookup.kind === 'STEM' ? [`${word}_`, `${word}_~`] : [word, `${word}\u{10ffff}`]
  const range = Prisma.sql`FROM "TextImpactsOf" WHERE "term" >= ${from} AND "term" < ${to} ${only}`
  if (lookup.kind === 'STEM') return Prisma.sql`SELECT "doc" AS "row", ${step} AS "score", ${share} AS "cover" ${range}`
  return Prisma.sql`SELECT "row", MAX("score"), ${share} FROM (SELECT "doc" AS "row", ${step} AS "score" ${range}) GROUP BY "row"`
}

/** More are as good as so many. */
const MOST_ITEMS = 100_000

async function weigh(reader: Reader, asked: readonly Asked[]): Promise<Weighed[]> {
  const lookups = asked.flatMap(({ space, terms }) => stemsWanted(terms).map((lookup) => ({ space, lookup })))
  // Where there is nothing to weigh it against, it does not matter.
  if (lookups.length === 1) return [{ ...lookups[0]!, weight: 1 }]
  const counts = Prisma.join(
    [
      ...asked.map(({ space }) => Prisma.sql`SELECT COUNT(*) AS "count" FROM (SELECT 1 FROM "TextItem" WHERE "spaceNo" = ${space.no} LIMIT ${MOST_ITEMS})`),
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
