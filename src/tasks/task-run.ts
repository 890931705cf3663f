import { ownedBy } from '../core/actor.ts'
import { NotFound } from '../core/errors.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { taskOwned } from './task-create.ts'
import { TaskNotCreated } from './task-errors.ts'
import { ownedTask, status, taskChanged, tasksMove } from './task-move.ts'

/** Puts a task that was only written down into the queue. */
export async function taskRun(work: Work, id: string): Promise<void> {
  const [moved] = await tasksMove(work, {
    guard: Prisma.sql`"id" = ${id} AND ${ownedTask(ownedBy(work.actor))} AND "status" = ${status('CREATED')}`,
    set: Prisma.sql`"status" = ${status('QUEUED')}, "queuedAtMs" = ${work.sql.nowMs}`,
  })
  if (moved) return taskChanged(work, 'QUEUED', moved)
  const task = await taskOwned(work, id)
  if (!task) throw new NotFound('Task', ['input', 'id'])
  throw new TaskNotCreated(task.status)
}
