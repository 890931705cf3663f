import type { Store } from '../events/store.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { ExactVectors, type NearItem } from './exact-vectors.ts'
import { measureOf } from './measure.ts'
import { toBytes } from './vector-bytes.ts'
import { DimensionMismatch } from './vector-errors.ts'
import type { VectorSetValues } from './vector-set.ts'

export interface Nearest {
  set: Pick<VectorSetValues, 'id' | 'model' | 'dimensions'>
  /** Of length 1. */
  query: Float32Array
  /** So many at most. */
  k: number
  /** A SELECT of the only ids that count, as `"itemId"`; left out: all of the set. */
  among?: Prisma.Sql | undefined
}

/**
 * What is nearest to a vector in a set, as a table of `"itemId"` and `"similarity"` (the cosine) to select from, in what is read aside. Where
 * the database compares vectors the statement does all of it; else what it holds is found before.
 */
export async function nearestTable(store: Store, nearest: Nearest): Promise<Prisma.Sql> {
  const { set, query, k, among } = nearest
  const { database } = store
  if (set.dimensions !== null && set.dimensions !== query.length) throw new DimensionMismatch(set.model, set.dimensions, query.length)
  const measure = await measureOf(database)
  if (measure)
    return Prisma.sql`(SELECT "itemId", ${measure(Prisma.sql`"bytes"`, toBytes(query))} AS "similarity" FROM "Vector" WHERE "setId" = ${set.id}
      ${among ? Prisma.sql`AND "itemId" IN (${among})` : Prisma.empty} ORDER BY "similarity" DESC, "itemId" LIMIT ${k})`
  const ids = among ? (await database.rows<{ itemId: string }>(among)).map(({ itemId }) => itemId) : null
  const found = await exactOf(store).nearest({ setId: set.id, query, k, among: ids })
  if (!found.length) return Prisma.sql`(SELECT '' AS "itemId", 0.0 AS "similarity" WHERE 1 = 0)`
  return Prisma.sql`(SELECT "itemId", "similarity" FROM ${database.sql.table('near', {
    itemId: { kind: 'text', values: found.map(({ itemId }) => itemId) },
    similarity: { kind: 'float', values: found.map(({ similarity }) => similarity) },
  })})`
}

/** The same as rows, the nearest first. */
export async function vectorsNearest(store: Store, nearest: Nearest): Promise<NearItem[]> {
  const table = await nearestTable(store, nearest)
  return store.database.rowsAside<NearItem>(Prisma.sql`SELECT "itemId", "similarity" FROM ${table} AS "near" ORDER BY "similarity" DESC, "itemId"`)
}

const exact = new WeakMap<Store, ExactVectors>()

export function exactOf(store: Store): ExactVectors {
  const known = exact.get(store) ?? new ExactVectors(store)
  exact.set(store, known)
  return known
}
