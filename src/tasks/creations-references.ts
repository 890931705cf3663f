/** What tasks that are to be made together refer to: each other, by ids of the client's making and in any order, and what is there already. */
import { actorId, ownedBy } from '../core/actor.ts'
import { type DomainError, NotFound } from '../core/errors.ts'
import { toGlobalId } from '../core/ids.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { Checked, Wanted } from './creations-check.ts'
import { isFinalTask, type TaskStatus } from './task.ts'
import { DependencyCircle, DependencyEnded, DependencyNotFound, ParentCircle, ParentEnded, ReferenceToUnique } from './task-errors.ts'
import { ownedTask, taskIn } from './task-move.ts'
import type { TaskCreation } from './task-prepare.ts'
import { circlesIn } from './waiting-graph.ts'

/** Tasks that are there already, and that the actor may touch. */
export type Known = ReadonlyMap<string, { status: TaskStatus; ownerId: string }>
type Places = ReadonlyMap<string, number>

/** Reads what is referred to and is not of these, and holds it to the end of the transaction, so that it stands as it was found. */
export async function knownHold(work: Work, wanted: readonly Wanted[], places: Places): Promise<Known> {
  const named = wanted.flatMap(({ creation }) => [...(creation?.dependsOn ?? []), ...(creation?.parentId === undefined ? [] : [creation.parentId])])
  const ids = [...new Set(named)].filter((id) => !places.has(id))
  if (!ids.length) return new Map()
  const rows = await work.rows<{ id: string; status: TaskStatus; ownerId: string }>(
    Prisma.sql`SELECT "id", "status", "ownerId" FROM "Task" WHERE ${taskIn(work, ids)} AND ${ownedTask(ownedBy(work.actor))} ORDER BY "id" ${work.sql.forUpdate}`,
  )
  return new Map(rows.map((row) => [row.id, row]))
}

/** The same as a single one is held to; and what is unique may turn out to be another task, so that nobody can refer to it yet. */
export function referencesCheck(work: Work, creation: TaskCreation, wanted: readonly Wanted[], places: Places, known: Known): DomainError[] {
  const { dependsOn = [], parentId, onDependencyFailure } = creation
  const unique = (id: string) => {
    const place = places.get(id)
    return place !== undefined && wanted[place]!.creation?.unique !== undefined ? place : undefined
  }
  const faults: DomainError[] = []
  for (const [i, id] of dependsOn.entries()) {
    const path = ['input', 'dependsOn', String(i)]
    const status = known.get(id)?.status
    if (unique(id) !== undefined) faults.push(new ReferenceToUnique(unique(id)!, path))
    else if (places.has(id)) continue
    else if (!status) faults.push(new DependencyNotFound(id, i))
    else if (onDependencyFailure !== 'RUN' && (status === 'FAILED' || status === 'CANCELLED')) faults.push(new DependencyEnded(id, status, i))
  }
  if (parentId === undefined) return faults
  const parent = known.get(parentId)
  if (unique(parentId) !== undefined) faults.push(new ReferenceToUnique(unique(parentId)!, ['input', 'parentId']))
  else if (places.has(parentId)) return faults
  else if (parent?.ownerId !== actorId(work.actor)) faults.push(new NotFound('Task', ['input', 'parentId']))
  else if (isFinalTask(parent.status)) faults.push(new ParentEnded(parent.status))
  return faults
}

/** Everybody in a circle has the same fault. */
export function circlesCheck(wanted: readonly Wanted[], items: readonly Checked[], places: Places): void {
  const circlesBy = (referred: (creation: TaskCreation) => readonly string[]) =>
    circlesIn(new Map([...places].map(([id, i]) => [id, wanted[i]!.creation ? referred(wanted[i]!.creation) : []])))
  const globalIds = (circle: readonly string[]) => [...circle, circle[0]!].map((id) => toGlobalId('Task', id))
  const tell = (circle: readonly string[], fault: DomainError) => {
    for (const id of circle) items[places.get(id)!]!.faults.push(fault)
  }
  for (const circle of circlesBy(({ dependsOn }) => dependsOn ?? [])) tell(circle, new DependencyCircle(globalIds(circle)))
  for (const circle of circlesBy(({ parentId }) => (parentId === undefined ? [] : [parentId]))) tell(circle, new ParentCircle(globalIds(circle)))
}
