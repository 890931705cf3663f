/**
 * A set holds the vectors of what is in a space, all made by one model.
 *
 * BUILDING → LIVE → RETIRED, or BUILDING → RETIRED. What is to be embedded is pending; a task takes it from there, batch by batch. A space
 * has one set that is LIVE at most, and one that is BUILDING: so that another model's set is made aside, and takes over whole.
 */
import { Prisma } from '../generated/sqlite/client.ts'

export type VectorSetStatus = 'BUILDING' | 'LIVE' | 'RETIRED'

export interface VectorSetValues {
  id: string
  ownerId: string
  /** `collection:<id>`, `facts:<userId>`. */
  space: string
  /** As `provider/model`. */
  model: string
  /** Null until the first vectors are there. */
  dimensions: number | null
  status: VectorSetStatus
  items: number
  version: number
  listedTo: string | null
  isListed: boolean
  taskId: string | null
  error: string | null
  createdAtMs: number
  liveAtMs: number | null
}

const COLUMNS = [
  'id',
  'ownerId',
  'space',
  'model',
  'dimensions',
  'status',
  'items',
  'version',
  'listedTo',
  'isListed',
  'taskId',
  'error',
  'createdAtMs',
  'liveAtMs',
] as const satisfies (keyof VectorSetValues)[]

export const VECTOR_SET_VALUES = Prisma.raw(COLUMNS.map((column) => `"VectorSet"."${column}"`).join(', '))

export const toVectorSetValues = (row: Record<string, unknown>): VectorSetValues =>
  ({ ...Object.fromEntries(COLUMNS.map((column) => [column, row[column]])), isListed: Boolean(row.isListed) }) as unknown as VectorSetValues

/** What models make, and pgvector takes, at most. */
export const MAX_DIMENSIONS = 16_000
/** So many ids a statement: SQLite takes 32,766 values. */
export const IDS_AT_ONCE = 5000
