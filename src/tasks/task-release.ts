import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { producedBy, streamsEnd } from '../streams/streams-end.ts'
import { attemptsKeep } from './attempts-keep.ts'
import type { Lease } from './task.ts'
import { TaskNotLeased } from './task-errors.ts'
import { held } from './task-heartbeat.ts'
import { ended, queued, status, taskChanged, tasksMove, UNLEASED } from './task-move.ts'
import { tasksEnded } from './tasks-ended.ts'

/** The holder of the lease gives a task up as it was asked to: it is CANCELLED, and so are its streams; their text is kept. */
export async function taskReleaseCancelled(work: Work, lease: Lease): Promise<void> {
  const [moved] = await tasksMove(work, { guard: held(lease), set: Prisma.sql`"status" = ${status('CANCELLED')}, ${ended(work)}` })
  if (!moved) throw new TaskNotLeased()
  await streamsEnd(work, producedBy([lease.id]), { status: 'CANCELLED' })
  taskChanged(work, 'CANCELLED', moved)
  await tasksEnded(work, [moved])
}

/**
 * The holder of the lease stops before the task ends, because its server or program does. Another takes it up at once; it
 * costs the task no attempt, for it gets one more. A task that was asked to stop just then is CANCELLED.
 */
export async function taskReleaseUnfinished(work: Work, lease: Lease, reason = 'The server stopped.'): Promise<'QUEUED' | 'CANCELLED'> {
  const [moved] = await tasksMove(work, {
    guard: Prisma.sql`${held(lease)} AND "cancelRequestedAtMs" IS NULL`,
    set: Prisma.sql`${queued(work)}, "maxAttempts" = "maxAttempts" + 1, ${UNLEASED}`,
  })
  if (!moved) {
    await taskReleaseCancelled(work, lease)
    return 'CANCELLED'
  }
  await streamsEnd(work, producedBy([lease.id]), { status: 'INTERRUPTED', error: reason, pending: false })
  await attemptsKeep(work, [moved], 'RELEASED', reason)
  taskChanged(work, 'RELEASED', moved, { reason })
  return 'QUEUED'
}
