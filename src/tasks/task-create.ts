import { actorId, ownedBy } from '../core/actor.ts'
import { IdTaken, NotFound } from '../core/errors.ts'
import { registerConstraint } from '../db/constraints.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { streamOpen } from '../streams/stream-open.ts'
import { dependenciesAdd, dependenciesCheck } from './dependencies.ts'
import { isFinalTask, type TaskStatus, type TaskValues } from './task.ts'
import { ParentEnded } from './task-errors.ts'
import { ownedTask } from './task-move.ts'
import { type Prepared, type TaskCreation, taskPrepare } from './task-prepare.ts'
import type { TaskTypes } from './task-type.ts'
import { taskUnique } from './task-unique.ts'
import { tasksInsert } from './tasks-insert.ts'

registerConstraint({ model: 'Task', fields: ['id'] }, () => new IdTaken('Task'))

export interface TaskMade {
  task: TaskValues
  /** Whether it was there already, and stands for what was asked for. */
  isDuplicate: boolean
}

/**
 * Writes a task down; QUEUED unless it shall not run yet. Its params are checked by its type. Where the type streams, the
 * stream is there with the task, PENDING, so that it can be followed from the beginning.
 */
export async function taskCreate(work: Work, types: TaskTypes, creation: TaskCreation): Promise<TaskValues> {
  return (await taskCreateUnique(work, types, creation)).task
}

/** The same; where a unique task is there already, it is that one. */
export async function taskCreateUnique(work: Work, types: TaskTypes, creation: TaskCreation): Promise<TaskMade> {
  const prepared = await taskPrepare(work, types, creation)
  if (prepared.unique) {
    const known = await taskUnique(work, prepared, prepared.unique.withinSeconds)
    if (known) return { task: known, isDuplicate: true }
  }
  return { task: await taskWrite(work, prepared), isDuplicate: false }
}

/** Writes down what was prepared, with what it waits for and belongs to. */
export async function taskWrite(work: Work, prepared: Prepared): Promise<TaskValues> {
  const { dependsOn = [], onDependencyFailure = 'CANCEL', parentId } = prepared
  if (parentId !== undefined) await parentHold(work, parentId)
  await dependenciesCheck(work, dependsOn, onDependencyFailure)
  const [task] = (await tasksInsert(work, [{ ...prepared, waitingFor: dependsOn.length ? 1 : 0 }])) as [TaskValues]
  const made = dependsOn.length ? await waitFor(work, task, dependsOn, onDependencyFailure) : task
  if (prepared.streams) await streamOpen(work, { taskId: task.id, ...prepared.stream, producer: { taskId: task.id, attempt: null, ownerId: task.ownerId } })
  return made
}

/** The row must be there before the edges, and what it says of them after. */
async function waitFor(work: Work, task: TaskValues, dependsOn: readonly string[], onFailure: 'CANCEL' | 'RUN'): Promise<TaskValues> {
  const waitingFor = await dependenciesAdd(work, task.id, dependsOn, onFailure)
  const count = Prisma.sql`CAST(${waitingFor} AS INTEGER)`
  await work.execute(Prisma.sql`UPDATE "Task" SET "waitingFor" = ${count},
    "readyAtMs" = CASE WHEN ${count} = 0 AND "status" = 'QUEUED' AND "runAtMs" <= "createdAtMs" THEN "createdAtMs" END WHERE "id" = ${task.id}`)
  // The event was collected already, and nobody has read it.
  const event = work.events.findLast((each) => each.subjectId === task.id)
  if (event?.data) event.data.waitingFor = waitingFor
  return { ...task, waitingFor }
}

/** A child belongs to a task of its owner's that has not ended; it cannot end while the child is being made. */
async function parentHold(work: Work, parentId: string): Promise<void> {
  const [parent] = await work.rows<{ status: TaskStatus }>(
    Prisma.sql`SELECT "status" FROM "Task" WHERE "id" = ${parentId} AND "ownerId" = ${actorId(work.actor) ?? ''} ${work.sql.forUpdate}`,
  )
  if (!parent) throw new NotFound('Task', ['input', 'parentId'])
  if (isFinalTask(parent.status)) throw new ParentEnded(parent.status)
}

/** A task the actor may touch, or null. */
export async function taskOwned(
  work: Work,
  id: string,
): Promise<{ id: string; status: TaskStatus; type: string; ownerId: string; cancelRequestedAtMs: number | null } | null> {
  const [task] = await work.rows<{ id: string; status: TaskStatus; type: string; ownerId: string; cancelRequestedAtMs: number | null }>(
    Prisma.sql`SELECT "id", "status", "type", "ownerId", "cancelRequestedAtMs" FROM "Task" WHERE "id" = ${id} AND ${ownedTask(ownedBy(work.actor))}`,
  )
  return task ?? null
}
