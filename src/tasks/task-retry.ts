import { ownedBy } from '../core/actor.ts'
import { NotFound } from '../core/errors.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { attemptsKeep } from './attempts-keep.ts'
import { dependenciesAdd, dependenciesCheck, type OnFailure } from './dependencies.ts'
import { parentsEndedBadly } from './retry-parents.ts'
import { taskOwned } from './task-create.ts'
import { TaskNotRetryable, TaskParentEnded } from './task-errors.ts'
import { type Moved, ownedTask, readyIf, status, taskChanged, taskIn, tasksMove } from './task-move.ts'
import { mineOf } from './tasks-told-apart.ts'

/**
 * Queues a task anew that FAILED or was CANCELLED. Attempts go on counting; there is at least one more. What it depends on must
 * have ended well by then, or be retried first; so must the task it belongs to, for a child is cancelled with its parent. Only where that
 * waits for this very child, it comes after it.
 */
export async function taskRetry(work: Work, id: string): Promise<void> {
  const parents = await parentsEndedBadly(work, [id])
  const mine = Prisma.sql`"id" = ${id} AND ${ownedTask(ownedBy(work.actor))} AND "status" IN (${status('FAILED')}, ${status('CANCELLED')})`
  const [held] = await work.rows(Prisma.sql`SELECT "id" FROM "Task" WHERE ${mine} ${work.sql.forUpdate}`)
  if (!held) {
    const task = await taskOwned(work, id)
    if (!task) throw new NotFound('Task', ['input', 'id'])
    throw new TaskNotRetryable(task.status)
  }
  const parent = parents.get(id)
  if (parent) throw new TaskParentEnded(parent.id, parent.status)
  await taskRequeue(work, id)
}

/** Queues one anew whose parent goes on; what it depends on is looked at, and waited for. */
export async function taskRequeue(work: Work, id: string): Promise<void> {
  const mine = mineOf(work, [id])
  const [moved] = await tasksRequeue(work, mine, await dependenciesAgain(work, id))
  if (!moved) throw new TaskNotRetryable((await taskOwned(work, id))!.status)
}

/** Queues those of the tasks anew that have ended, but not well. Each waits for so many others. */
export async function tasksRequeue(work: Work, which: Prisma.Sql, waitsFor: number): Promise<Moved[]> {
  const now = work.sql.nowMs
  const waitingFor = Prisma.sql`CAST(${waitsFor} AS INTEGER)`
  const moved = await tasksMove(work, {
    guard: Prisma.sql`${which} AND "status" IN (${status('FAILED')}, ${status('CANCELLED')})`,
    set: Prisma.sql`"status" = ${status('QUEUED')}, "queuedAtMs" = ${now}, "runAtMs" = ${now}, "waitingFor" = ${waitingFor}, ${readyIf(work, Prisma.sql`${waitingFor} = 0`)},
      "deadlineAtMs" = ${now} + "totalTimeoutSeconds" * CAST(1000 AS BIGINT), "completedAtMs" = NULL, "archivedAtMs" = NULL, "durationMs" = NULL, "cancelRequestedAtMs" = NULL, "error" = NULL, "result" = NULL,
      "progress" = NULL, "progressMessage" = NULL, "maxAttempts" = CASE WHEN "maxAttempts" > "attempt" THEN "maxAttempts" ELSE "attempt" + 1 END`,
  })
  await lastAttemptsKeep(work, moved)
  for (const each of moved) taskChanged(work, 'QUEUED', each, { reason: 'retried' })
  return moved
}

/** The attempts that ended the tasks stood in the tasks themselves; one that was cancelled while it waited has kept its last one already. */
async function lastAttemptsKeep(work: Work, moved: readonly Moved[]): Promise<void> {
  if (!moved.length) return
  const ids = moved.map(({ before }) => before.id)
  const rows = await work.rows<{ taskId: string }>(
    Prisma.sql`SELECT "taskId" FROM "TaskAttempt" WHERE ${taskIn(work, ids, '"taskId"')} AND "attempt" = (SELECT "attempt" FROM "Task" WHERE "id" = "taskId")`,
  )
  const known = new Set(rows.map(({ taskId }) => taskId))
  for (const outcome of ['FAILED', 'CANCELLED'] as const) {
    const last = moved.filter(({ before }) => before.status === outcome && !known.has(before.id))
    await attemptsKeep(work, last, outcome)
  }
}

/** Waits once more for what has not ended. */
async function dependenciesAgain(work: Work, id: string): Promise<number> {
  const edges = await work.rows<{ dependsOnId: string; onFailure: OnFailure }>(
    Prisma.sql`SELECT "dependsOnId", "onFailure" FROM "TaskDependency" WHERE "taskId" = ${id} ORDER BY "dependsOnId"`,
  )
  let count = 0
  for (const onFailure of ['CANCEL', 'RUN'] as const) {
    const ids = edges.filter((edge) => edge.onFailure === onFailure).map((edge) => edge.dependsOnId)
    await dependenciesCheck(work, ids, onFailure)
    count += await dependenciesAdd(work, id, ids, onFailure)
  }
  return count
}
