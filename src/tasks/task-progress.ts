import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { keptText } from './kept-text.ts'
import type { Lease } from './task.ts'
import { TaskNotLeased } from './task-errors.ts'
import { status, taskChanged, tasksMove } from './task-move.ts'

/** Only the holder of the lease may say how far a task is. What is below 0 or above 1 is taken for that; what is no number tells nothing. */
export async function taskProgress(work: Work, lease: Lease, progress: { fraction: number; message?: string | undefined }): Promise<void> {
  const fraction = Number.isNaN(progress.fraction) ? null : Math.min(1, Math.max(0, progress.fraction))
  const message = progress.message === undefined ? null : keptText(progress.message, 1000)
  const [moved] = await tasksMove(work, {
    guard: held(lease),
    set: Prisma.sql`"progress" = CAST(${fraction} AS DOUBLE PRECISION), "progressMessage" = CAST(${message} AS TEXT)`,
  })
  if (!moved) throw new TaskNotLeased()
  taskChanged(work, 'PROGRESSED', moved, { progressMessage: message })
}

/** The guard of every statement a worker makes. */
export const held = (lease: Lease): Prisma.Sql => Prisma.sql`"id" = ${lease.id} AND "status" = ${status('RUNNING')} AND "leaseToken" = ${lease.leaseToken}`
