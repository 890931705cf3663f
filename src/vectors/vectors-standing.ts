import { Prisma } from '../generated/sqlite/client.ts'
import { toVectorSetValues, VECTOR_SET_VALUES, type VectorSetValues } from './vector-set.ts'
import type { Reader } from './vector-space.ts'

/** How the vectors of a space stand. */
export interface VectorsStanding {
  /** What answers. */
  live: VectorSetValues | null
  /** What is being made aside. */
  building: VectorSetValues | null
  /** How many items are to be embedded for the one that is being made, else for the one that answers. */
  pending: number
  /** How much of it is embedded, 0 to 1. */
  progress: number
}

/** Null: the space has no vectors, and none are being made. */
export const vectorsStanding = async (reader: Reader, space: string): Promise<VectorsStanding | null> =>
  (await vectorsStandings(reader, [space])).get(space) ?? null

/** The same of many spaces; those without are not among them. */
export async function vectorsStandings(reader: Reader, spaces: readonly string[]): Promise<Map<string, VectorsStanding>> {
  const standings = new Map<string, VectorsStanding>()
  if (!spaces.length) return standings
  const rows = await reader.rows<Record<string, unknown>>(Prisma.sql`
    SELECT ${VECTOR_SET_VALUES}, (SELECT COUNT(*) FROM "VectorPending" WHERE "VectorPending"."setId" = "VectorSet"."id") AS "pending" FROM "VectorSet"
    WHERE "space" IN (${Prisma.join([...spaces])}) AND "status" <> 'RETIRED'`)
  for (const space of spaces) {
    const sets = rows.filter((row) => row.space === space).map((row) => ({ ...toVectorSetValues(row), pending: Number(row.pending) }))
    const live = sets.find(({ status }) => status === 'LIVE') ?? null
    const building = sets.find(({ status }) => status === 'BUILDING') ?? null
    const current = building ?? live
    if (!current) continue
    const { items, pending } = current
    const isListed = current.status === 'LIVE' || current.isListed
    standings.set(space, { live, building, pending, progress: !isListed ? 0 : pending ? items / (items + pending) : 1 })
  }
  return standings
}
