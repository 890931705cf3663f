import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { Lease } from './task.ts'
import { TaskNotLeased } from './task-errors.ts'
import { status, taskChanged, tasksMove } from './task-move.ts'

/** Only the holder of the lease may say how far a task is. */
export async function taskProgress(work: Work, lease: Lease, progress: { fraction: number; message?: string | undefined }): Promise<void> {
  const [moved] = await tasksMove(work, {
    guard: held(lease),
    set: Prisma.sql`"progress" = CAST(${Math.min(1, Math.max(0, progress.fraction))} AS DOUBLE PRECISION), "progressMessage" = CAST(${progress.message?.slice(0, 1000) ?? null} AS TEXT)`,
  })
  if (!moved) throw new TaskNotLeased()
  taskChanged(work, 'PROGRESSED', moved, { progressMessage: progress.message ?? null })
}

/** The guard of every statement a worker makes. */
export const held = (lease: Lease): Prisma.Sql => Prisma.sql`"id" = ${lease.id} AND "status" = ${status('RUNNING')} AND "leaseToken" = ${lease.leaseToken}`
