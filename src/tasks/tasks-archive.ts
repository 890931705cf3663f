import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { isFinalTask } from './task.ts'
import { TaskNotFinal } from './task-errors.ts'
import { taskChanged, tasksMove } from './task-move.ts'
import { mineOf, type ToldApart, tasksToldApart } from './tasks-told-apart.ts'

/** Puts tasks away that have ended, or takes them out again. Those that are there already stay there. */
export async function tasksArchive(work: Work, ids: readonly string[], isArchived = true): Promise<ToldApart> {
  const moved = await tasksMove(work, {
    guard: Prisma.sql`${mineOf(work, ids)} AND "completedAtMs" IS NOT NULL AND "archivedAtMs" ${isArchived ? Prisma.sql`IS NULL` : Prisma.sql`IS NOT NULL`}`,
    set: Prisma.sql`"archivedAtMs" = ${isArchived ? work.sql.nowMs : Prisma.sql`NULL`}`,
  })
  for (const each of moved) taskChanged(work, isArchived ? 'ARCHIVED' : 'UNARCHIVED', each)
  return tasksToldApart(work, ids, new Set(moved.map(({ after }) => after.id)), (now) => (isFinalTask(now) ? null : new TaskNotFinal(now)))
}
