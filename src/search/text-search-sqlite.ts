import { Prisma } from '../generated/sqlite/client.ts'
import { type Asked, behind, type Lookup, type Reader, rarity, stemsWanted, type TextHit, type TextMatch, type TextSearch } from './text-asked.ts'
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
export async function searchSqlite(reader: Reader, asked: readonly Asked[], search: TextSearch): Promise<TextHit[]> {
  const weighed = await weigh(reader, asked)
  const isPlain = asked.every(({ terms }) => isOfWords(terms) && (search.match === 'ANY' || terms.wanted.length === 1))
  const only = isPlain ? Prisma.empty : Prisma.sql`AND "doc" IN "hit"`
  const scores = weighed.map(({ space, lookup, weight }) => scoresOf(space, lookup, weight, only))
  // What only begins as the query says may have another stem; and what has none of the words counted is still a hit.
  const all = Prisma.sql`SELECT "row", 0.0 AS "score" FROM "hit"`
  const match = expressionOfAll(asked, search.match)
  return reader.rows<TextHit>(Prisma.sql`
    WITH "hit" AS MATERIALIZED (SELECT "rowid" AS "row" FROM "TextTerms" WHERE "TextTerms" MATCH ${match}),
      "scored" AS (SELECT "row", CAST(ROUND(SUM("score") * 1000000) AS INTEGER) AS "score" FROM (${Prisma.join(needsAll(asked) ? [all, ...scores] : scores, ' UNION ALL ')}) GROUP BY "row"),
      "best" AS (SELECT "item"."id", "item"."groupId", "item"."spaceNo", MAX("scored"."score") AS "score"
        FROM "scored" CROSS JOIN "TextItem" AS "item" ON "item"."row" = "scored"."row" ${search.where ? Prisma.sql`WHERE ${search.where}` : Prisma.empty}
        GROUP BY "item"."spaceNo", "item"."groupId")
    SELECT * FROM "best" ${behind(search)} ORDER BY "score" DESC, "groupId" LIMIT ${search.limit}`)
}

/** Whether whatever has one of the words is a hit. */
const isOfWords = ({ wanted, excluded }: Terms): boolean => !excluded.length && wanted.every((term) => term.kind === 'EXACT' && term.stems.length === 1)

const needsAll = (asked: readonly Asked[]): boolean => asked.some(({ terms }) => terms.wanted.some(({ kind }) => kind === 'PREFIX'))

function scoresOf(space: TextSpace, lookup: Lookup, weight: number, only: Prisma.Sql): Prisma.Sql {
  const step = Prisma.sql`${weight / STEPS} * (unicode(substr("term", -1)) - 96)`
  const word = stemToken(space, lookup.kind === 'STEM' ? lookup.stem : lookup.form)
  const [from, to] = lookup.kind === 'STEM' ? [`${word}_`, `${word}_~`] : [word, `${word}\u{10ffff}`]
  const range = Prisma.sql`FROM "TextImpactsOf" WHERE "term" >= ${from} AND "term" < ${to} ${only}`
  if (lookup.kind === 'STEM') return Prisma.sql`SELECT "doc" AS "row", ${step} AS "score" ${range}`
  return Prisma.sql`SELECT "row", MAX("score") FROM (SELECT "doc" AS "row", ${step} AS "score" ${range}) GROUP BY "row"`
}

/** More are as good as so many. */
const MOST_ITEMS = 100_000

async function weigh(reader: Reader, asked: readonly Asked[]): Promise<Weighed[]> {
  const lookups = asked.flatMap(({ space, terms }) => stemsWanted(terms).map((lookup) => ({ space, lookup })))
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
