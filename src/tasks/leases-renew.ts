import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { Lease } from './task.ts'
import { statusIs } from './task-move.ts'

/**
 * Renews the leases that are still held, all in one statement, also those just run out that nobody has taken over yet.
 * Answers the held ones, and which of them were asked to stop. It changes nothing but the lease, so it writes no event.
 * A lease of an earlier attempt at the same task may be among them: it is not held any more.
 */
export async function leasesRenew(work: Work, leases: readonly Lease[]): Promise<Map<Lease, { cancelRequested: boolean }>> {
  if (!leases.length) return new Map()
  const held = work.sql.table('held', {
    taskId: { kind: 'text', values: leases.map((lease) => lease.id) },
    token: { kind: 'text', values: leases.map((lease) => lease.leaseToken) },
  })
  const rows = await work.rows<{ id: string; leaseToken: string; cancelRequestedAtMs: number | null }>(Prisma.sql`
    UPDATE "Task" SET "leaseExpiresAtMs" = ${work.sql.nowMs} + "leaseSeconds" * 1000 WHERE "id" IN (
      SELECT "id" FROM ${held}, "Task" WHERE "id" = "held"."taskId" AND "leaseToken" = "held"."token" AND ${statusIs('RUNNING')} ORDER BY "id" ${work.sql.forUpdateOf('Task')})
    RETURNING "id", "leaseToken", "cancelRequestedAtMs"`)
  const renewed = new Map<Lease, { cancelRequested: boolean }>()
  for (const lease of leases) {
    const row = rows.find(({ id, leaseToken }) => id === lease.id && leaseToken === lease.leaseToken)
    if (row) renewed.set(lease, { cancelRequested: row.cancelRequestedAtMs !== null })
  }
  return renewed
}
