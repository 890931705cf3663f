import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { producedBy, streamsEnd } from '../streams/streams-end.ts'
import { attemptsKeep } from './attempts-keep.ts'
import type { TaskValues } from './task.ts'
import { ended, type Moved, queued, status, taskChanged, tasksMove, UNLEASED } from './task-move.ts'
import { tasksEnded } from './tasks-ended.ts'

const LOST = 'The worker was lost: its lease ran out.'
const BATCH = 200

/**
 * Takes tasks from workers that were not heard of in time, by the database's clock: queued again while attempts are left,
 * CANCELLED where that was asked for, else FAILED. Their streams end in the same transaction, so whoever wakes up late
 * finds nothing left that it may write to. Any number of servers may do this at once. Answers the rescued ones.
 *
 * `orphans`: also those whose servers are known to be gone, however long their leases.
 */
export async function tasksRescue(work: Work, { orphans = false } = {}): Promise<TaskValues[]> {
  const lapsed = orphans
    ? Prisma.sql`"status" = ${status('RUNNING')} AND "workerKind" = 'SERVER'`
    : Prisma.sql`"status" = ${status('RUNNING')} AND "leaseExpiresAtMs" <= ${work.sql.nowMs}`
  const batch = { orderBy: Prisma.sql`"leaseExpiresAtMs"`, limit: BATCH }
  const cancelled = await tasksMove(work, {
    ...batch,
    guard: Prisma.sql`${lapsed} AND "cancelRequestedAtMs" IS NOT NULL`,
    set: Prisma.sql`"status" = ${status('CANCELLED')}, ${ended(work)}`,
  })
  const again = await tasksMove(work, {
    ...batch,
    guard: Prisma.sql`${lapsed} AND "cancelRequestedAtMs" IS NULL AND "attempt" < "maxAttempts"`,
    set: Prisma.sql`${queued(work, pausedFor(work))}, "error" = ${LOST}, ${UNLEASED}`,
  })
  const failed = await tasksMove(work, {
    ...batch,
    guard: Prisma.sql`${lapsed} AND "cancelRequestedAtMs" IS NULL AND "attempt" >= "maxAttempts"`,
    set: Prisma.sql`"status" = ${status('FAILED')}, "error" = ${LOST}, ${ended(work)}`,
  })
  const ids = (moves: Moved[]) => moves.map((moved) => moved.after.id)
  if (cancelled.length) await streamsEnd(work, producedBy(ids(cancelled)), { status: 'CANCELLED', error: LOST })
  if (again.length) await streamsEnd(work, producedBy(ids(again)), { status: 'INTERRUPTED', error: LOST, pending: false })
  if (failed.length) await streamsEnd(work, producedBy(ids(failed)), { status: 'INTERRUPTED', error: LOST })
  await attemptsKeep(work, again, 'LOST', LOST)
  for (const moved of cancelled) taskChanged(work, 'CANCELLED', moved, { reason: LOST })
  for (const moved of again) taskChanged(work, 'LEASE_LOST', moved, { reason: LOST, lostWorker: moved.before.worker })
  for (const moved of failed) taskChanged(work, 'FAILED', moved, { reason: LOST })
  await tasksEnded(work, [...cancelled, ...failed])
  return [...cancelled, ...again, ...failed].map((moved) => moved.after)
}

/**
 * The first time at once, for a worker is mostly lost by no fault of the task; then after a moment, for it may be the task that takes its
 * workers down. No longer, so that a lost task runs again within 15 s: a lease, a sweep, and this.
 */
const pausedFor = (work: Work) => Prisma.sql`${work.sql.nowMs} + CASE WHEN "attempt" < 2 THEN 0 WHEN "attempt" = 2 THEN 1000 ELSE 2000 END`
