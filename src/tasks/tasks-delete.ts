import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { TASK_VALUES, toTaskValues } from './task.ts'
import { TaskRunning } from './task-errors.ts'
import { tasksRemove } from './tasks-remove.ts'
import { mineOf, type ToldApart, tasksToldApart } from './tasks-told-apart.ts'

/** How often a task is tried anew that, between two looks, was made anew or let go. */
const LOOKS = 5

/** Removes tasks that do not run; once it is committed, `discardedClear` is to follow. */
export async function tasksDelete(work: Work, ids: readonly string[]): Promise<ToldApart> {
  const gone = new Set<string>()
  for (let look = 1; ; look++) {
    const left = ids.filter((id) => !gone.has(id))
    // Held, so that no worker claims them and no stream is opened for them before they are gone.
    const rows = await work.rows<Record<string, unknown>>(
      Prisma.sql`SELECT ${TASK_VALUES} FROM "Task" WHERE ${mineOf(work, left)} AND "status" <> 'RUNNING' ORDER BY "id" ${work.sql.forUpdate}`,
    )
    const tasks = rows.map(toTaskValues)
    await tasksRemove(work, tasks)
    for (const { id } of tasks) gone.add(id)
    let changed = false
    const told = await tasksToldApart(work, ids, gone, (status) => {
      changed ||= status !== 'RUNNING'
      return new TaskRunning()
    })
    if (!changed || look === LOOKS) return told
  }
}
