import { keptText } from '../core/kept-text.ts'
import { fromJson } from '../db/statement-values.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { producedBy, streamsEnd } from '../streams/streams-end.ts'
import { attemptsKeep } from './attempts-keep.ts'
import { backoffMs, type RetryPolicyInput } from './retry-policy.ts'
import type { Lease } from './task.ts'
import { TaskNotLeased } from './task-errors.ts'
import { held } from './task-heartbeat.ts'
import { ended, queued, status, taskChanged, tasksMove, UNLEASED } from './task-move.ts'
import { tasksEnded } from './tasks-ended.ts'

export interface Failure {
  /** For the user to read. */
  error: string
  /** Whether another attempt may go better. */
  retry: boolean
  /** The earliest next attempt that makes sense, in milliseconds from now. */
  retryAfterMs?: number | undefined
  /** Its time was over. */
  timedOut?: boolean
}

/**
 * Only the holder of the lease may fail a task. While attempts and time are left, and the failure may pass, it is queued again
 * after a growing pause; else it is FAILED. Either way the streams of this attempt are.
 */
export async function taskFail(work: Work, lease: Lease, failure: Failure): Promise<'QUEUED' | 'FAILED'> {
  const error = keptText(failure.error, 4000)
  const guard = held(lease)
  if (failure.retry) {
    const [task] = await work.rows<{ attempt: number; retryPolicy: RetryPolicyInput | string | null }>(
      Prisma.sql`SELECT "attempt", "retryPolicy" FROM "Task" WHERE ${guard} ${work.sql.forUpdate}`,
    )
    if (!task) throw new TaskNotLeased()
    const pauseMs = Math.max(backoffMs(task.attempt, fromJson<RetryPolicyInput | null>(task.retryPolicy)), Math.min(failure.retryAfterMs ?? 0, 86_400_000))
    const again = Prisma.sql`${work.sql.nowMs} + CAST(${pauseMs} AS BIGINT)`
    const [moved] = await tasksMove(work, {
      guard: Prisma.sql`${guard} AND "attempt" < "maxAttempts" AND "cancelRequestedAtMs" IS NULL AND ("deadlineAtMs" IS NULL OR "deadlineAtMs" > ${again})`,
      set: Prisma.sql`${queued(work, again)}, "error" = ${error}, ${UNLEASED}`,
    })
    if (moved) {
      await streamsEnd(work, producedBy([lease.id]), { status: 'FAILED', error, pending: false })
      await attemptsKeep(work, [moved], failure.timedOut ? 'TIMED_OUT' : 'FAILED', error)
      taskChanged(work, 'RETRY_SCHEDULED', moved, { reason: error })
      return 'QUEUED'
    }
  }
  const [moved] = await tasksMove(work, { guard, set: Prisma.sql`"status" = ${status('FAILED')}, "error" = ${error}, ${ended(work)}` })
  if (!moved) throw new TaskNotLeased()
  await streamsEnd(work, producedBy([lease.id]), { status: 'FAILED', error })
  taskChanged(work, 'FAILED', moved, { reason: error })
  await tasksEnded(work, [moved])
  return 'FAILED'
}
