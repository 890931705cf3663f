import { ownedBy } from '../core/actor.ts'
import { NotFound } from '../core/errors.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { taskOwned } from './task-create.ts'
import { TaskNotCreated } from './task-errors.ts'
import { ownedTask, readyIf, status, taskChanged, tasksMove } from './task-move.ts'

/** Puts a task that was only written down into the queue. It runs when it is due, and what it depends on has ended. */
export async function taskRun(work: Work, id: string): Promise<void> {
  const now = work.sql.nowMs
  const [moved] = await tasksMove(work, {
    guard: Prisma.sql`"id" = ${id} AND ${ownedTask(ownedBy(work.actor))} AND "status" = ${status('CREATED')}`,
    set: Prisma.sql`"status" = ${status('QUEUED')}, "queuedAtMs" = ${now}, ${readyIf(work, Prisma.sql`"waitingFor" = 0 AND "runAtMs" <= ${now}`)}, 
      "deadlineAtMs" = (CASE WHEN "runAtMs" > ${now} THEN "runAtMs" ELSE ${now} END) + "totalTimeoutSeconds" * CAST(1000 AS BIGINT)`,
  })
  if (moved) return taskChanged(work, 'QUEUED', moved)
  const task = await taskOwned(work, id)
  if (!task) throw new NotFound('Task', ['input', 'id'])
  throw new TaskNotCreated(task.status)
}
