import type { Work } from '../events/work.ts'
import { OUTSIDE_LEASE_MS } from './stream.ts'
import { streamRefusal } from './stream-refusal.ts'

/** A producer elsewhere says that it lives: its lease begins anew. */
export async function streamHeartbeat(work: Work, id: string): Promise<void> {
  const count = await work.db.$executeRaw`UPDATE "Stream" SET "leaseExpiresAtMs" = ${work.sql.nowMs} + CAST(${OUTSIDE_LEASE_MS} AS INTEGER)
    WHERE "id" = ${id} AND "producer" = 'OUTSIDE' AND "status" IN ('PENDING', 'STREAMING')`
  if (count === 0) throw await streamRefusal(work, id)
}
