import { ownedBy } from '../core/actor.ts'
import { NotFound } from '../core/errors.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { taskOwned } from './task-create.ts'
import { TaskNotRetryable } from './task-errors.ts'
import { ownedTask, status, taskChanged, tasksMove } from './task-move.ts'

/** Queues a task anew that FAILED or was CANCELLED. Attempts go on counting; there is at least one more. */
export async function taskRetry(work: Work, id: string): Promise<void> {
  const now = work.sql.nowMs
  const [moved] = await tasksMove(work, {
    guard: Prisma.sql`"id" = ${id} AND ${ownedTask(ownedBy(work.actor))} AND "status" IN (${status('FAILED')}, ${status('CANCELLED')})`,
    set: Prisma.sql`"status" = ${status('QUEUED')}, "queuedAtMs" = ${now}, "runAtMs" = ${now}, "completedAtMs" = NULL, "durationMs" = NULL, "cancelRequestedAtMs" = NULL, "error" = NULL, "result" = NULL, "progress" = NULL, "progressMessage" = NULL,
      "maxAttempts" = CASE WHEN "maxAttempts" > "attempt" THEN "maxAttempts" ELSE "attempt" + 1 END`,
  })
  if (moved) return taskChanged(work, 'QUEUED', moved, { reason: 'retried' })
  const task = await taskOwned(work, id)
  if (!task) throw new NotFound('Task', ['input', 'id'])
  throw new TaskNotRetryable(task.status)
}
