import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { streamsDiscard } from '../streams/streams-discard.ts'
import { producedBy, streamsEnd } from '../streams/streams-end.ts'
import { isFinalTask, TASK_VALUES, type TaskValues, toTaskValues } from './task.ts'
import { taskChanged, taskIn } from './task-move.ts'
import { tasksEnded } from './tasks-ended.ts'

/**
 * Removes tasks that do not run, and are held so that none is claimed, with their streams; those they were to write for others
 * are CANCELLED. What the log says of them stays.
 */
export async function tasksRemove(work: Work, tasks: readonly TaskValues[]): Promise<void> {
  if (!tasks.length) return
  const ids = tasks.map(({ id }) => id)
  const belong = taskIn(work, ids, '"taskId"')
  await streamsEnd(work, Prisma.sql`${producedBy(ids)} AND ("taskId" IS NULL OR NOT ${belong})`, { status: 'CANCELLED' })
  const waiting = tasks.filter(({ status }) => !isFinalTask(status))
  if (waiting.length) {
    // None of them need be told of the end of another.
    await work.execute(Prisma.sql`DELETE FROM "TaskDependency" WHERE ${belong}`)
    await work.execute(Prisma.sql`UPDATE "Task" SET "parentId" = NULL WHERE ${taskIn(work, ids)} AND ${taskIn(work, ids, '"parentId"')}`)
    // For those that wait for them, it is as if they were cancelled.
    await tasksEnded(
      work,
      waiting.map((task) => ({ ...task, status: 'CANCELLED' as const })),
    )
  }
  await streamsDiscard(work, belong)
  // As they were in the end: the end of one that was waited for may have cancelled another of them.
  const rows = await work.rows<Record<string, unknown>>(Prisma.sql`DELETE FROM "Task" WHERE ${taskIn(work, ids)} RETURNING ${TASK_VALUES}`)
  for (const task of rows.map(toTaskValues)) taskChanged(work, 'DELETED', { before: null, after: task })
}
