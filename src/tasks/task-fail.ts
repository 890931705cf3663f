import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { producedBy, streamsEnd } from '../streams/streams-end.ts'
import { keptText } from './kept-text.ts'
import { backoffMs, type Lease } from './task.ts'
import { TaskNotLeased } from './task-errors.ts'
import { ended, status, taskChanged, tasksMove, UNLEASED } from './task-move.ts'
import { held } from './task-progress.ts'

export interface Failure {
  /** For the user to read. */
  error: string
  /** Whether another attempt may go better. */
  retry: boolean
  /** The earliest next attempt that makes sense, in milliseconds from now. */
  retryAfterMs?: number | undefined
}

/**
 * Only the holder of the lease may fail a task. While attempts are left, and the failure may pass, it is queued again
 * after a growing pause; else it is FAILED. Either way the streams of this attempt are.
 */
export async function taskFail(work: Work, lease: Lease, attempt: number, failure: Failure): Promise<'QUEUED' | 'FAILED'> {
  const error = keptText(failure.error, 4000)
  const guard = held(lease)
  if (failure.retry) {
    const pauseMs = Math.max(backoffMs(attempt), Math.min(failure.retryAfterMs ?? 0, 3_600_000))
    const [again] = await tasksMove(work, {
      guard: Prisma.sql`${guard} AND "attempt" < "maxAttempts" AND "cancelRequestedAtMs" IS NULL`,
      set: Prisma.sql`"status" = ${status('QUEUED')}, "error" = ${error}, "queuedAtMs" = ${work.sql.nowMs}, "runAtMs" = ${work.sql.nowMs} + CAST(${pauseMs} AS INTEGER), ${UNLEASED}`,
    })
    if (again) {
      await streamsEnd(work, producedBy([lease.id]), { status: 'FAILED', error, pending: false })
      taskChanged(work, 'RETRY_SCHEDULED', again, { reason: error })
      return 'QUEUED'
    }
  }
  const [moved] = await tasksMove(work, { guard, set: Prisma.sql`"status" = ${status('FAILED')}, "error" = ${error}, ${ended(work)}` })
  if (!moved) throw new TaskNotLeased()
  await streamsEnd(work, producedBy([lease.id]), { status: 'FAILED', error })
  taskChanged(work, 'FAILED', moved, { reason: error })
  return 'FAILED'
}
