/** What came of each of many tasks that were named by their ids. */
import { ownedBy } from '../core/actor.ts'
import { type DomainError, NotFound } from '../core/errors.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { TaskStatus } from './task.ts'
import { ownedTask, taskIn } from './task-move.ts'

export interface ToldApart {
  /** Those that are now as was asked for. */
  done: string[]
  /** Those that were left alone, and why. */
  refused: { id: string; error: DomainError }[]
}

/** The tasks an actor may touch, of those with these ids. */
export const mineOf = (work: Work, ids: readonly string[]): Prisma.Sql => Prisma.sql`${taskIn(work, ids)} AND ${ownedTask(ownedBy(work.actor))}`

/** In the order of `ids`. Why the others were left alone is read once for all; null: they are already as was asked for. */
export async function tasksToldApart(
  work: Work,
  ids: readonly string[],
  changed: ReadonlySet<string>,
  why: (status: TaskStatus) => DomainError | null,
): Promise<ToldApart> {
  const rest = ids.filter((id) => !changed.has(id))
  const rows = rest.length ? await work.rows<{ id: string; status: TaskStatus }>(Prisma.sql`SELECT "id", "status" FROM "Task" WHERE ${mineOf(work, rest)}`) : []
  const statuses = new Map(rows.map((row) => [row.id, row.status]))
  const told: ToldApart = { done: [], refused: [] }
  for (const id of ids) {
    const status = statuses.get(id)
    const error = changed.has(id) ? null : status === undefined ? new NotFound('Task', ['input', 'id']) : why(status)
    if (error) told.refused.push({ id, error })
    else told.done.push(id)
  }
  return told
}

/** Of a single one: it was done, or it is refused. */
export function single({ refused: [refusal] }: ToldApart): void {
  if (refusal) throw refusal.error
}
