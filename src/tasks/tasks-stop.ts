import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { producedBy, streamsEnd } from '../streams/streams-end.ts'
import { attemptsKeep } from './attempts-keep.ts'
import { STOP_GRACE_MS, type TaskValues } from './task.ts'
import { ended, type Moved, queued, status, taskChanged, tasksMove, UNLEASED } from './task-move.ts'
import { tasksEnded } from './tasks-ended.ts'

const BATCH = 200
const IGNORED = 'The worker went on though it was asked to stop.'
const OVER = 'The attempt took longer than the task allows.'
const ALL_OVER = 'The task took longer in all than it is allowed to.'

/**
 * Takes tasks from workers that live and do not stop: a while after they were asked to, or after their time was over, for a
 * worker elsewhere hears of it only by its heartbeats. And ends what waits and should have ended by now. By the database's clock;
 * any number of servers may do this at once.
 */
export async function tasksStop(work: Work): Promise<TaskValues[]> {
  const now = work.sql.nowMs
  const running = Prisma.sql`"status" = ${status('RUNNING')}`
  const grace = Prisma.raw(`(CASE WHEN "leaseSeconds" * 1000 > ${STOP_GRACE_MS} THEN "leaseSeconds" * 1000 ELSE ${STOP_GRACE_MS} END)`)
  const stubborn = await tasksMove(work, {
    guard: Prisma.sql`${running} AND "cancelRequestedAtMs" IS NOT NULL AND "cancelRequestedAtMs" <= ${now} - ${grace}`,
    orderBy: Prisma.sql`"cancelRequestedAtMs"`,
    limit: BATCH,
    set: Prisma.sql`"status" = ${status('CANCELLED')}, ${ended(work)}`,
  })
  const over = Prisma.sql`${running} AND "attemptEndsAtMs" IS NOT NULL AND "attemptEndsAtMs" <= ${now} - ${grace} AND "cancelRequestedAtMs" IS NULL`
  const mayRetry = Prisma.sql`"attempt" < "maxAttempts" AND ("deadlineAtMs" IS NULL OR "deadlineAtMs" > ${now})`
  const batch = { orderBy: Prisma.sql`"attemptEndsAtMs"`, limit: BATCH }
  const again = await tasksMove(work, {
    ...batch,
    guard: Prisma.sql`${over} AND ${mayRetry}`,
    set: Prisma.sql`${queued(work)}, "error" = ${OVER}, ${UNLEASED}`,
  })
  const failed = await tasksMove(work, {
    ...batch,
    guard: Prisma.sql`${over} AND NOT (${mayRetry})`,
    set: Prisma.sql`"status" = ${status('FAILED')}, "error" = ${OVER}, ${ended(work)}`,
  })
  const late = await tasksMove(work, {
    guard: Prisma.sql`"status" = ${status('QUEUED')} AND "deadlineAtMs" IS NOT NULL AND "deadlineAtMs" <= ${now}`,
    orderBy: Prisma.sql`"deadlineAtMs"`,
    limit: BATCH,
    set: Prisma.sql`"status" = ${status('FAILED')}, "error" = ${ALL_OVER}, ${ended(work)}`,
  })
  const tell = async (moved: Moved[], kind: 'CANCELLED' | 'TIMED_OUT' | 'FAILED', reason: string) => {
    if (!moved.length) return
    await streamsEnd(work, producedBy(moved.map(({ after }) => after.id)), {
      status: kind === 'CANCELLED' ? 'CANCELLED' : 'FAILED',
      error: reason,
      pending: kind !== 'TIMED_OUT',
    })
    if (kind === 'TIMED_OUT') await attemptsKeep(work, moved, 'TIMED_OUT', reason)
    for (const each of moved) taskChanged(work, kind, each, { reason })
    if (kind !== 'TIMED_OUT') await tasksEnded(work, moved)
  }
  await tell(stubborn, 'CANCELLED', IGNORED)
  await tell(again, 'TIMED_OUT', OVER)
  await tell(failed, 'FAILED', OVER)
  await tell(late, 'FAILED', ALL_OVER)
  return [...stubborn, ...again, ...failed, ...late].map(({ after }) => after)
}
