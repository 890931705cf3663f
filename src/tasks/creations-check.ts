/** What is wrong with each of many tasks that are to be made together, found before anything is written. */
import { BadUserInput, DomainError, IdTaken } from '../core/errors.ts'
import type * as batch from '../events/batch.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { circlesCheck, type Known, knownHold, referencesCheck } from './creations-references.ts'
import { taskIn } from './task-move.ts'
import { type Prepared, type TaskCreation, taskPrepare } from './task-prepare.ts'
import type { TaskTypes } from './task-type.ts'

export interface Wanted extends batch.Wanted<TaskCreation> {
  /** As far as it is known. */
  id?: string | undefined
}

/** With the paths that they would have alone. */
export interface Checked {
  prepared: Prepared | null
  faults: DomainError[]
}

export interface CheckedAll {
  items: readonly Checked[]
  /** Where among them the ids are that they bring along, and that are free. */
  places: ReadonlyMap<string, number>
  known: Known
}

const MAX_DEPENDENCIES = 10_000

export async function creationsCheck(work: Work, types: TaskTypes, wanted: readonly Wanted[]): Promise<CheckedAll> {
  const dependencies = wanted.reduce((sum, { creation }) => sum + (creation?.dependsOn?.length ?? 0), 0)
  if (dependencies > MAX_DEPENDENCIES) throw new BadUserInput(`All together must have at most ${MAX_DEPENDENCIES} dependencies.`, ['input', 'tasks'])
  const items: Checked[] = []
  for (const each of wanted) items.push(await prepare(work, types, each))
  const places = new Map<string, number>()
  const taken = await idsTaken(work, wanted)
  for (const [i, { id }] of wanted.entries()) {
    if (id === undefined) continue
    if (taken.has(id) || places.has(id)) items[i]!.faults.push(new IdTaken('Task'))
    // Whoever refers to one that is taken means the one that is there.
    else places.set(id, i)
  }
  const known = await knownHold(work, wanted, places)
  for (const [i, { creation }] of wanted.entries()) if (creation) items[i]!.faults.push(...referencesCheck(work, creation, wanted, places, known))
  circlesCheck(wanted, items, places)
  return { items, places, known }
}

async function prepare(work: Work, types: TaskTypes, { creation, faults }: Wanted): Promise<Checked> {
  if (!creation) return { prepared: null, faults: [...faults] }
  try {
    return { prepared: await taskPrepare(work, types, creation), faults: [] }
  } catch (error) {
    if (!(error instanceof DomainError) || error.code === 'UNAUTHENTICATED') throw error
    return { prepared: null, faults: [...(error.faults ?? [error])] }
  }
}

/** Whoever has them. */
async function idsTaken(work: Work, wanted: readonly Wanted[]): Promise<Set<string>> {
  const ids = wanted.flatMap(({ id }) => id ?? [])
  if (!ids.length) return new Set()
  const rows = await work.rows<{ id: string }>(Prisma.sql`SELECT "id" FROM "Task" WHERE ${taskIn(work, ids)}`)
  return new Set(rows.map(({ id }) => id))
}
