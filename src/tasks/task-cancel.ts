import { ownedBy } from '../core/actor.ts'
import { NotFound } from '../core/errors.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { isFinalTask } from './task.ts'
import { taskOwned } from './task-create.ts'
import { TaskFinal } from './task-errors.ts'
import { ownedTask, status, taskChanged, tasksMove } from './task-move.ts'
import { tasksCancelWaiting, tasksEnded } from './tasks-ended.ts'

/**
 * Ends a task by request. One that waits is CANCELLED here; one that runs is asked to stop, and its worker, on whichever
 * server, commits what it has and ends it; should the worker be dead, the rescue does, and should it not
 * listen, `tasksStop` does. What depends on it goes with it, and so do its children. Asking twice changes nothing more.
 */
export async function taskCancel(work: Work, id: string): Promise<'CANCELLED' | 'REQUESTED'> {
  const mine = Prisma.sql`"id" = ${id} AND ${ownedTask(ownedBy(work.actor))}`
  for (;;) {
    const waiting = await tasksCancelWaiting(work, mine, () => null)
    if (waiting.length) {
      await tasksEnded(work, waiting)
      return 'CANCELLED'
    }
    const [running] = await tasksMove(work, {
      guard: Prisma.sql`${mine} AND "status" = ${status('RUNNING')} AND "cancelRequestedAtMs" IS NULL`,
      set: Prisma.sql`"cancelRequestedAtMs" = ${work.sql.nowMs}`,
    })
    if (running) {
      taskChanged(work, 'CANCEL_REQUESTED', running)
      return 'REQUESTED'
    }
    const task = await taskOwned(work, id)
    if (!task) throw new NotFound('Task', ['input', 'id'])
    if (isFinalTask(task.status)) throw new TaskFinal(task.status)
    if (task.cancelRequestedAtMs !== null) return 'REQUESTED'
    // It was queued again, or claimed, between two of these statements: once more.
  }
}
