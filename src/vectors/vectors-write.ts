import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { toBytes } from './vector-bytes.ts'
import { DimensionMismatch } from './vector-errors.ts'
import type { VectorSetValues } from './vector-set.ts'

/** An item as it was pending when it was read. */
export interface PendingItem {
  itemId: string
  stamp: string
}

/**
 * Writes what was embedded, and takes it off what is pending: in one transaction, so that nothing is embedded twice and nothing is left out,
 * whenever it ends. What was removed or changed meanwhile is not written; the latter stays pending. An item without a vector is there no more.
 */
export async function vectorsWrite(
  work: Work,
  { id: setId, model }: Pick<VectorSetValues, 'id' | 'model'>,
  batch: readonly PendingItem[],
  vectors: ReadonlyMap<string, Float32Array>,
): Promise<void> {
  const table = work.sql.table('done', {
    itemId: { kind: 'text', values: batch.map(({ itemId }) => itemId) },
    stamp: { kind: 'text', values: batch.map(({ stamp }) => stamp) },
  })
  const taken = await work.rows<{ itemId: string }>(Prisma.sql`
    DELETE FROM "VectorPending" WHERE "setId" = ${setId} AND ("itemId", "stamp") IN (SELECT "itemId", "stamp" FROM ${table}) RETURNING "itemId"`)
  const written = taken.flatMap(({ itemId }) => (vectors.has(itemId) ? [{ itemId, vector: vectors.get(itemId)! }] : []))
  if (!written.length) return
  const dimensions = written[0]!.vector.length
  const other = written.find(({ vector }) => vector.length !== dimensions)
  if (other) throw new DimensionMismatch(model, dimensions, other.vector.length)
  const version = await nextVersion(work, setId, model, dimensions)
  const ids = Prisma.join(written.map(({ itemId }) => itemId))
  const [known] = await work.rows<{ count: number }>(Prisma.sql`SELECT COUNT(*) AS "count" FROM "Vector" WHERE "setId" = ${setId} AND "itemId" IN (${ids})`)
  const rows = work.sql.table('made', {
    itemId: { kind: 'text', values: written.map(({ itemId }) => itemId) },
    bytes: { kind: 'bytes', values: written.map(({ vector }) => toBytes(vector)) },
  })
  await work.execute(Prisma.sql`
    INSERT INTO "Vector" ("setId", "itemId", "version", "bytes") SELECT ${setId}, "itemId", CAST(${version} AS BIGINT), "bytes" FROM ${rows} WHERE 1 = 1
    ON CONFLICT ("setId", "itemId") DO UPDATE SET "version" = EXCLUDED."version", "bytes" = EXCLUDED."bytes"`)
  await work.execute(Prisma.sql`UPDATE "VectorSet" SET "items" = "items" + CAST(${written.length - Number(known!.count)} AS INTEGER) WHERE "id" = ${setId}`)
}

/** The set is held from here on: versions become visible in their order. */
async function nextVersion(work: Work, setId: string, model: string, dimensions: number): Promise<number> {
  const size = Prisma.sql`CAST(${dimensions} AS INTEGER)`
  const [set] = await work.rows<{ version: number }>(Prisma.sql`
    UPDATE "VectorSet" SET "version" = "version" + 1, "dimensions" = ${size} WHERE "id" = ${setId} AND ("dimensions" IS NULL OR "dimensions" = ${size}) RETURNING "version"`)
  if (set) return set.version
  const [found] = await work.rows<{ dimensions: number }>(Prisma.sql`SELECT "dimensions" FROM "VectorSet" WHERE "id" = ${setId}`)
  throw new DimensionMismatch(model, found?.dimensions ?? 0, dimensions)
}
