import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { TASK_VALUES, toTaskValues } from './task.ts'
import { TaskRunning } from './task-errors.ts'
import { tasksRemove } from './tasks-remove.ts'
import { mineOf, type ToldApart, tasksToldApart } from './tasks-told-apart.ts'

/** Removes tasks that do not run; once it is committed, `discardedClear` is to follow. */
export async function tasksDelete(work: Work, ids: readonly string[]): Promise<ToldApart> {
  // Held, so that no worker claims them and no stream is opened for them before they are gone.
  const rows = await work.rows<Record<string, unknown>>(
    Prisma.sql`SELECT ${TASK_VALUES} FROM "Task" WHERE ${mineOf(work, ids)} AND "status" <> 'RUNNING' ORDER BY "id" ${work.sql.forUpdate}`,
  )
  const tasks = rows.map(toTaskValues)
  await tasksRemove(work, tasks)
  return tasksToldApart(work, ids, new Set(tasks.map(({ id }) => id)), () => new TaskRunning())
}
