import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { randomToken } from '../secrets.ts'
import type { Lease, TaskValues } from './task.ts'
import { status, taskChanged, tasksMove } from './task-move.ts'

export interface Claim {
  /** Names of task types this worker can run. */
  types: readonly string[]
  limit: number
  worker: string
  leaseSeconds: number
}

export interface Claimed extends Lease {
  task: TaskValues
}

/**
 * Takes waiting tasks, those with the highest priority and then the longest wait first, each under a lease. Workers never
 * wait for each other: what another is just taking is passed over.
 */
export async function tasksClaim(work: Work, claim: Claim): Promise<Claimed[]> {
  if (!claim.types.length || claim.limit < 1) return []
  const now = work.sql.nowMs
  // One token for all that is claimed together: it is proof only together with the task's id.
  const leaseToken = randomToken()
  const claimed = await tasksMove(work, {
    guard: Prisma.sql`"status" = ${status('QUEUED')} AND "type" IN (${Prisma.join([...claim.types])}) AND "runAtMs" <= ${now}`,
    orderBy: Prisma.sql`"priority" DESC, "runAtMs", "id"`,
    limit: claim.limit,
    set: Prisma.sql`"status" = ${status('RUNNING')}, "attempt" = "attempt" + 1, "worker" = ${claim.worker}, "leaseToken" = ${leaseToken}, "leaseSeconds" = CAST(${claim.leaseSeconds} AS INTEGER),
      "leaseExpiresAtMs" = ${now} + CAST(${claim.leaseSeconds * 1000} AS INTEGER), "startedAtMs" = ${now}, "progress" = NULL, "progressMessage" = NULL, "error" = NULL`,
  })
  for (const moved of claimed) taskChanged(work, 'STARTED', moved)
  return claimed.map(({ after }) => ({ id: after.id, leaseToken, task: after }))
}
