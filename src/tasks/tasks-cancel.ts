import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { isFinalTask } from './task.ts'
import { TaskFinal } from './task-errors.ts'
import { status, taskChanged, tasksMove } from './task-move.ts'
import { tasksCancelWaiting, tasksEnded } from './tasks-ended.ts'
import { mineOf, type ToldApart, tasksToldApart } from './tasks-told-apart.ts'

/**
 * Ends many tasks by request, as `taskCancel` does one: those that wait at once, those that run are asked to stop. What was asked
 * already stays so.
 */
export async function tasksCancel(work: Work, ids: readonly string[]): Promise<ToldApart> {
  const done = new Set<string>()
  for (;;) {
    const mine = mineOf(
      work,
      ids.filter((id) => !done.has(id)),
    )
    const waiting = await tasksCancelWaiting(work, mine, () => null)
    const running = await tasksMove(work, {
      guard: Prisma.sql`${mine} AND "status" = ${status('RUNNING')} AND "cancelRequestedAtMs" IS NULL`,
      set: Prisma.sql`"cancelRequestedAtMs" = ${work.sql.nowMs}`,
    })
    for (const each of running) taskChanged(work, 'CANCEL_REQUESTED', each)
    // Last, for what depends on them, or belongs to them, may be among them.
    await tasksEnded(work, waiting)
    for (const { id } of [...waiting, ...running.map(({ after }) => after)]) done.add(id)
    // One that was queued again, or claimed, between two of these statements: once more.
    const [missed] = await work.rows(
      Prisma.sql`SELECT 1 AS "missed" FROM "Task" WHERE ${mine} AND "completedAtMs" IS NULL AND "cancelRequestedAtMs" IS NULL LIMIT 1`,
    )
    if (!missed) return tasksToldApart(work, ids, done, (now) => (isFinalTask(now) ? new TaskFinal(now) : null))
  }
}
