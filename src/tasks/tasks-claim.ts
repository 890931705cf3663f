import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { randomToken } from '../secrets.ts'
import { claimCandidates, type Turns } from './claim-candidates.ts'
import type { Lanes } from './lanes.ts'
import { type Lease, TASKS_TOPIC, type TaskValues } from './task.ts'
import { status, statusIs, taskChanged, taskIn, tasksMove } from './task-move.ts'
import type { Rate } from './task-rates.ts'

export interface Claim {
  /** What this worker can run. */
  lanes: Lanes
  limit: number
  worker: string
  kind: 'SERVER' | 'OUTSIDE'
  leaseSeconds: number
  rates?: ReadonlyMap<string, Rate | null>
  turns?: Turns
}

export interface Claimed extends Lease {
  task: TaskValues
  params: unknown
  traceparent: string | null
  leaseExpiresAtMs: number
}

/**
 * Takes waiting tasks, those with the highest priority and then the longest wait first, each under a lease. Workers never
 * wait for each other: what another is just taking is passed over.
 */
export async function tasksClaim(work: Work, claim: Claim): Promise<Claimed[]> {
  if (claim.limit < 1) return []
  const candidates = await claimCandidates(work, { ...claim, rates: claim.rates ?? new Map() })
  if (!candidates.length) return []
  // One token for all that is claimed together: it is proof only together with the task's id.
  const leaseToken = randomToken()
  const leaseMs = claim.leaseSeconds * 1000
  const claimed = await tasksMove(work, {
    guard: Prisma.sql`${taskIn(
      work,
      candidates.map(({ id }) => id),
    )} AND ${statusIs('QUEUED')} AND "readyAtMs" IS NOT NULL`,
    set: (now) => {
      const limit = Prisma.sql`${now} + "timeoutSeconds" * CAST(1000 AS BIGINT)`
      return Prisma.sql`"status" = ${status('RUNNING')}, "attempt" = "attempt" + 1, "worker" = ${claim.worker}, "lastWorker" = ${claim.worker},
        "workerKind" = ${work.sql.asEnum('WorkerKind', claim.kind)}, "leaseToken" = ${leaseToken},
        "leaseSeconds" = CAST(${claim.leaseSeconds} AS INTEGER), "leaseExpiresAtMs" = ${now} + CAST(${leaseMs} AS INTEGER),
        "startedAtMs" = ${now}, "readyAtMs" = NULL, "progress" = NULL, "progressMessage" = NULL, "error" = NULL,
        "attemptEndsAtMs" = CASE WHEN "timeoutSeconds" IS NULL OR "deadlineAtMs" < ${limit} THEN "deadlineAtMs" ELSE ${limit} END`
    },
    becomes: ({ attempt, timeoutSeconds, deadlineAtMs }, nowMs) => ({
      status: 'RUNNING',
      attempt: attempt + 1,
      worker: claim.worker,
      lastWorker: claim.worker,
      startedAtMs: nowMs,
      progress: null,
      error: null,
      attemptEndsAtMs: timeoutSeconds === null ? deadlineAtMs : Math.min(deadlineAtMs ?? Number.POSITIVE_INFINITY, nowMs + timeoutSeconds * 1000),
    }),
    reading: ['params', 'traceparent'],
  })
  for (const moved of claimed) taskChanged(work, 'STARTED', moved)
  // More may wait than was taken: whoever looked just now passed over what was held here.
  if (claimed.length === claim.limit) work.signals.add(TASKS_TOPIC)
  return claimed.map(({ after, row }) => ({
    id: after.id,
    leaseToken,
    task: after,
    params: typeof row.params === 'string' && work.dialect === 'sqlite' ? JSON.parse(row.params) : row.params,
    traceparent: row.traceparent as string | null,
    leaseExpiresAtMs: after.updatedAtMs + leaseMs,
  }))
}
