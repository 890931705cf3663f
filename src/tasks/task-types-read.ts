/** What can be run, and who would. */
import { actorId } from '../core/actor.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { ADMINS } from './outside-type.ts'

export interface OutsideTypeRow {
  id: string
  ownerId: string
  name: string
  description: string | null
  retryPolicy: unknown
  maxAttempts: number | null
  timeoutSeconds: number | null
  rateLimit: number | null
  rateSeconds: number | null
  createdAtMs: number
  updatedAtMs: number
  lastClaimedAtMs: number | null
  /** By an ADMIN, so for everybody's tasks. */
  isForAll: boolean
  /** Whether a worker asked for it within the last minute. */
  hasWorker: boolean
}

const WORKER_HEARD_MS = 60_000

const columns = (
  work: Work,
) => Prisma.sql`"id", "ownerId", "name", "description", "retryPolicy", "maxAttempts", "timeoutSeconds", "rateLimit", "rateSeconds", "createdAtMs", "updatedAtMs", "lastClaimedAtMs",
  CASE WHEN "ownerId" IN (${ADMINS}) THEN 1 ELSE 0 END AS "isForAll", CASE WHEN "lastClaimedAtMs" > ${work.sql.nowMs} - CAST(${WORKER_HEARD_MS} AS INTEGER) THEN 1 ELSE 0 END AS "hasWorker"`

const toRow = (row: OutsideTypeRow): OutsideTypeRow => ({ ...row, isForAll: Boolean(row.isForAll), hasWorker: Boolean(row.hasWorker) })

/** Those the actor's tasks may be of. Of several of one name that is the own one, else the eldest. */
export async function outsideTypesSeen(work: Work): Promise<OutsideTypeRow[]> {
  const mine = actorId(work.actor) ?? ''
  const rows = await work.rows<OutsideTypeRow>(Prisma.sql`
    SELECT ${columns(work)} FROM "OutsideTaskType" WHERE "ownerId" = ${mine} OR "ownerId" IN (${ADMINS})
    ORDER BY CASE WHEN "ownerId" = ${mine} THEN 0 ELSE 1 END, "createdAtMs", "id"`)
  const byName = new Map<string, OutsideTypeRow>()
  for (const row of rows) if (!byName.has(row.name)) byName.set(row.name, toRow(row))
  return [...byName.values()]
}

export async function outsideTypeRead(work: Work, id: string): Promise<OutsideTypeRow | null> {
  const [row] = await work.rows<OutsideTypeRow>(Prisma.sql`SELECT ${columns(work)} FROM "OutsideTaskType" WHERE "id" = ${id}`)
  return row ? toRow(row) : null
}

/** The schemas of these registrations, in their order; they are long, so nobody reads them unasked. */
export async function outsideSchemas(work: Work, ids: readonly string[]): Promise<unknown[]> {
  const rows = await work.rows<{ id: string; paramsSchema: unknown }>(
    Prisma.sql`SELECT "id", "paramsSchema" FROM "OutsideTaskType" WHERE "id" IN (${Prisma.join([...ids])})`,
  )
  const found = new Map(rows.map((row) => [row.id, row.paramsSchema]))
  return ids.map((id) => found.get(id) ?? null)
}
