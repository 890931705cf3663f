import { Prisma } from '../generated/sqlite/client.ts'
import { setsOf } from './vector-items-change.ts'
import type { VectorSetValues } from './vector-set.ts'
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
export async function vectorsStanding(reader: Reader, space: string): Promise<VectorsStanding | null> {
  const sets = await setsOf(reader, space)
  const live = sets.find(({ status }) => status === 'LIVE') ?? null
  const building = sets.find(({ status }) => status === 'BUILDING') ?? null
  const current = building ?? live
  if (!current) return null
  const [row] = await reader.rows<{ pending: number }>(Prisma.sql`SELECT COUNT(*) AS "pending" FROM "VectorPending" WHERE "setId" = ${current.id}`)
  const pending = Number(row!.pending)
  const isListed = current.status === 'LIVE' || current.isListed
  const progress = !isListed ? 0 : pending ? current.items / (current.items + pending) : 1
  return { live, building, pending, progress }
}
