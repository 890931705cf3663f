import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { Lease } from './task.ts'

/**
 * Renews the leases that are still held, all in one statement, also those just run out that nobody has taken over yet.
 * Answers the held ones, and which of them were asked to stop. It changes nothing but the lease, so it writes no event.
 */
export async function leasesRenew(work: Work, leases: readonly Lease[]): Promise<Map<string, { cancelRequested: boolean }>> {
  if (!leases.length) return new Map()
  const held = work.sql.table('held', {
    taskId: { kind: 'text', values: leases.map((lease) => lease.id) },
    token: { kind: 'text', values: leases.map((lease) => lease.leaseToken) },
  })
  const rows = await work.db.$queryRaw<{ id: string; cancelRequestedAtMs: bigint | null }[]>`
    UPDATE "Task" SET "leaseExpiresAtMs" = ${work.sql.nowMs} + "leaseSeconds" * 1000 FROM ${held}
    WHERE "id" = "held"."taskId" AND "leaseToken" = "held"."token" AND "status" = ${Prisma.raw("'RUNNING'")}
    RETURNING "id", "cancelRequestedAtMs"`
  return new Map(rows.map((row) => [row.id, { cancelRequested: row.cancelRequestedAtMs !== null }]))
}
