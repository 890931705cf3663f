/**
 * Finds by meaning, alone or together with the words.
 *
 * HYBRID fuses ranks, not scores, which cannot be compared: a hit counts 1 / (60 + its rank) on each side (reciprocal rank fusion), by its words
 * only as far as it has what was asked: of a question in quite other words, a text that shares nothing but a common one tells little. Of each side
 * the best 200 are looked at, so a list has an end, and its pages fit together.
 */

import { server } from '../core/actor.ts'
import type { Store } from '../events/store.ts'
import { reading } from '../events/transact.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { Embedders } from '../vectors/embedders.ts'
import { queryVector } from '../vectors/query-vector.ts'
import { toVectorSetValues, VECTOR_SET_VALUES, type VectorSetValues } from '../vectors/vector-set.ts'
import { nearestTable } from '../vectors/vectors-nearest.ts'
import { type Asked, behind, type TextHit, type TextHits, type TextSearch } from './text-asked.ts'
import type { QueryPart } from './text-query.ts'
import { askedOf, bySpace } from './text-search.ts'
import { excludedPostgresql, statementPostgresql } from './text-search-postgresql.ts'
import { excludedSqlite, statementSqlite } from './text-search-sqlite.ts'

export interface MeaningSearch extends TextSearch {
  mode: 'VECTOR' | 'HYBRID'
  /** Who asks: a provider's call is theirs. */
  ownerId: string
}

/** What it takes beside the database. */
export interface MeaningHost {
  store: Store
  embedders: Embedders
}

/** Of each side; of meaning several may be of one group. */
export const BEST = 200
const NEAREST = 600
const MOST_ITEMS = 10 * BEST
const DAMPING = 60
/** Whoever has so much of what is asked, by the weight of its words, counts in full. */
const ENOUGH = 0.5

/** VECTOR finds nothing in a space without vectors, HYBRID by its words alone: whoever asks says so before. */
export async function meaningSearch({ store, embedders }: MeaningHost, search: MeaningSearch): Promise<TextHits> {
  const reader = reading(store, server)
  const asked = await askedOf(reader, search)
  if (!asked.length) return { hits: [], asked: new Map() }
  const sets = await liveSetsOf(
    reader,
    asked.map(({ space }) => space.key),
  )
  const question = questionOf(search.parts)
  const near: Prisma.Sql[] = []
  for (const each of asked) {
    const set = sets.get(each.space.key)
    if (!set?.items) continue
    const query = await queryVector(embedders, search.ownerId, set.model, question)
    const among = amongOf(store.database.dialect, each, search)
    const table = await nearestTable(store, { set, query, k: NEAREST, among })
    near.push(Prisma.sql`SELECT "item"."id", "item"."groupId", "item"."spaceNo", "near"."similarity", ${set.model} AS "model"
      FROM ${table} AS "near" JOIN "TextItem" AS "item" ON "item"."spaceNo" = ${Prisma.raw(String(each.space.no))} AND "item"."id" = "near"."itemId"`)
  }
  const text = { ...search, limit: BEST, after: undefined }
  const words =
    search.mode === 'VECTOR'
      ? null
      : store.database.dialect === 'sqlite'
        ? await statementSqlite(reader, asked, text, search.where ? null : MOST_ITEMS)
        : await statementPostgresql(reader, asked, text)
  if (!near.length && !words) return { hits: [], asked: bySpace(asked) }
  // On SQLite it compares vectors, which is done aside.
  const hits = await store.database.rowsAside<TextHit>(fused(words, near, search))
  return { hits, asked: bySpace(asked) }
}

/** In one statement: the ranks of each side, their sum, and the part of a hit that is shown. */
function fused(words: Prisma.Sql | null, near: readonly Prisma.Sql[], search: MeaningSearch): Prisma.Sql {
  const none = Prisma.sql`SELECT '' AS "id", '' AS "groupId", 0 AS "spaceNo", 0.0 AS "similarity", '' AS "model" WHERE 1 = 0`
  const noWords = Prisma.sql`SELECT '' AS "id", '' AS "groupId", 0 AS "spaceNo", 0 AS "score", 0.0 AS "cover" WHERE 1 = 0`
  const score =
    // Vectors of several models cannot be compared either: then their ranks count.
    words === null
      ? Prisma.sql`CASE WHEN (SELECT COUNT(DISTINCT "model") FROM "near") > 1 THEN SUM("share") * 1000000 ELSE MAX("similarity") * 1000000 END`
      : Prisma.sql`SUM("share") * 1000000`
  return Prisma.sql`
    WITH "words" AS (SELECT * FROM (${words ?? noWords}) AS "found"),
      "near" AS (${near.length ? Prisma.join([...near], ' UNION ALL ') : none}),
      "nearest" AS (SELECT * FROM (SELECT "near".*, ROW_NUMBER() OVER (PARTITION BY "spaceNo", "groupId" ORDER BY "similarity" DESC, "id") AS "place" FROM "near") AS "placed" WHERE "place" = 1),
      "ranked" AS (
        SELECT "id", "groupId", "spaceNo", ROW_NUMBER() OVER (ORDER BY "score" DESC, "groupId") AS "rank", CAST(NULL AS DOUBLE PRECISION) AS "similarity", "cover", 0 AS "side" FROM "words"
        UNION ALL SELECT "id", "groupId", "spaceNo", ROW_NUMBER() OVER (PARTITION BY "model" ORDER BY "similarity" DESC, "groupId"), "similarity", 1.0, 1 FROM "nearest"),
      "shares" AS (SELECT "ranked".*, CASE WHEN "cover" < ${Prisma.raw(String(ENOUGH))} THEN "cover" / ${Prisma.raw(String(ENOUGH))} ELSE 1.0 END / (${Prisma.raw(String(DAMPING))} + "rank") AS "share",
        ROW_NUMBER() OVER (PARTITION BY "spaceNo", "groupId" ORDER BY "rank", "side") AS "turn" FROM "ranked" WHERE "rank" <= ${Prisma.raw(String(BEST))}),
      "fused" AS (SELECT MAX(CASE WHEN "turn" = 1 THEN "id" END) AS "id", "groupId", "spaceNo", CAST(ROUND(${score}) AS BIGINT) AS "score" FROM "shares" GROUP BY "spaceNo", "groupId")
    SELECT * FROM "fused" ${behind(search)} ORDER BY "score" DESC, "groupId" LIMIT ${search.limit}`
}

/** The only items that count; undefined: all of the space. */
function amongOf(dialect: Store['database']['dialect'], asked: Asked, { where }: TextSearch): Prisma.Sql | undefined {
  const conditions = where ? [where] : []
  if (asked.terms.excluded.length) conditions.push(Prisma.sql`NOT (${dialect === 'sqlite' ? excludedSqlite(asked) : excludedPostgresql(asked)})`)
  if (!conditions.length) return undefined
  return Prisma.sql`SELECT "item"."id" AS "itemId" FROM "TextItem" AS "item" WHERE "item"."spaceNo" = ${Prisma.raw(String(asked.space.no))} AND ${Prisma.join(conditions, ' AND ')}`
}

/** What is asked, without what is not to be found. */
const questionOf = (parts: readonly QueryPart[]): string =>
  parts
    .filter(({ isExcluded }) => !isExcluded)
    .map(({ kind, text }) => (kind === 'PREFIX' ? text.replace(/\*$/, '') : text))
    .join(' ')

/** The sets that answer, by their spaces. */
export async function liveSetsOf(reader: Pick<ReturnType<typeof reading>, 'rows'>, spaces: readonly string[]): Promise<Map<string, VectorSetValues>> {
  if (!spaces.length) return new Map()
  const rows = await reader.rows<Record<string, unknown>>(
    Prisma.sql`SELECT ${VECTOR_SET_VALUES} FROM "VectorSet" WHERE "space" IN (${Prisma.join([...spaces])}) AND "status" = 'LIVE'`,
  )
  return new Map(rows.map(toVectorSetValues).map((set) => [set.space, set]))
}
