/**
 * What hangs on tasks that have ended, in the same transaction: those that depend on them go on, or are cancelled with them, and
 * the children of one that did not end well are cancelled. What is cancelled so has ended too, and so on.
 */
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { producedBy, streamsEnd } from '../streams/streams-end.ts'
import { isFinalTask, type TaskValues } from './task.ts'
import { ended, type Moved, readyIf, status, statusIs, taskChanged, taskIn, tasksMove } from './task-move.ts'
import { tellTasksEnded } from './when-tasks-end.ts'

/** Must be called, with what has just become final, by every operation that ends tasks. */
export async function tasksEnded(work: Work, ended: readonly (Moved | TaskValues)[]): Promise<void> {
  let tasks = ended.map((each) => ('after' in each ? each.after : each))
  while (tasks.length) {
    await tellTasksEnded(work, tasks)
    const dependents = await dependentsTell(
      work,
      tasks.filter((task) => task.isAwaited),
    )
    const children = await childrenCancel(
      work,
      tasks.filter((task) => task.status !== 'COMPLETED'),
    )
    tasks = [...dependents, ...children]
  }
}

/** Those that waited for these tasks wait for one less, or are cancelled. Answers the cancelled ones. */
async function dependentsTell(work: Work, tasks: readonly TaskValues[]): Promise<TaskValues[]> {
  if (!tasks.length) return []
  const byId = new Map(tasks.map((task) => [task.id, task]))
  const edges = await work.rows<{ taskId: string; dependsOnId: string; onFailure: 'CANCEL' | 'RUN' }>(Prisma.sql`
    UPDATE "TaskDependency" SET "isPending" = FALSE WHERE ${taskIn(work, [...byId.keys()], '"dependsOnId"')} AND "isPending"
    RETURNING "taskId", "dependsOnId", "onFailure"`)
  const counts = new Map<string, number>()
  const causes = new Map<string, TaskValues>()
  for (const { taskId, dependsOnId, onFailure } of edges) {
    const cause = byId.get(dependsOnId)!
    if (cause.status !== 'COMPLETED' && onFailure === 'CANCEL') causes.set(taskId, cause)
    counts.set(taskId, (counts.get(taskId) ?? 0) + 1)
  }
  await dependenciesSettle(work, counts)
  const cancelled = causes.size
    ? await tasksCancelWaiting(work, taskIn(work, [...causes.keys()]), (task) => `It depends on ${name(causes.get(task.id)!)}.`)
    : []
  return cancelled
}

const name = (task: TaskValues) => `Task:${task.id}, which ${task.status === 'FAILED' ? 'FAILED' : `was ${task.status}`}`

/** So many of what these tasks waited for have ended. In the order of ids, so that two that do this never wait in a circle. */
export async function dependenciesSettle(work: Work, counts: ReadonlyMap<string, number>): Promise<void> {
  if (!counts.size) return
  const ids = [...counts.keys()].sort()
  const moved = await tasksMove(work, {
    given: { ids, columns: { given_count: { kind: 'integer', values: ids.map((id) => counts.get(id)!) } } },
    guard: Prisma.sql`(${statusIs('CREATED')} OR ${statusIs('QUEUED')})`,
    set: Prisma.sql`"waitingFor" = "waitingFor" - "given_count", ${readyIf(work, Prisma.sql`"waitingFor" = "given_count" AND "status" = ${status('QUEUED')} AND "runAtMs" <= ${work.sql.nowMs}`)}`,
  })
  for (const each of moved) taskChanged(work, 'DEPENDENCY_ENDED', each)
}

/** Children of tasks that did not end well: nobody waits for what they do. Those that run are asked to stop. */
async function childrenCancel(work: Work, parents: readonly TaskValues[]): Promise<TaskValues[]> {
  if (!parents.length) return []
  const ofParents = taskIn(
    work,
    parents.map((parent) => parent.id),
    '"parentId"',
  )
  // Held first: one that is claimed, or given back, between the next two statements would be found by neither.
  const held = await work.rows(Prisma.sql`SELECT "id" FROM "Task" WHERE ${ofParents} AND "completedAtMs" IS NULL ORDER BY "id" ${work.sql.forUpdate}`)
  if (!held.length) return []
  const byId = new Map(parents.map((parent) => [parent.id, parent]))
  const stopping = await tasksMove(work, {
    guard: Prisma.sql`${ofParents} AND "status" = ${status('RUNNING')} AND "cancelRequestedAtMs" IS NULL`,
    set: Prisma.sql`"cancelRequestedAtMs" = ${work.sql.nowMs}`,
  })
  const reason = (task: TaskValues) => `It belongs to ${name(byId.get(task.parentId!)!)}.`
  for (const each of stopping) taskChanged(work, 'CANCEL_REQUESTED', each, { reason: reason(each.after) })
  return tasksCancelWaiting(work, ofParents, reason)
}

/** Cancels those of the tasks that do not run yet, with their streams. What hangs on them is the caller's to see to. */
export async function tasksCancelWaiting(work: Work, which: Prisma.Sql, reason: (task: TaskValues) => string | null): Promise<TaskValues[]> {
  const moved = await tasksMove(work, {
    guard: Prisma.sql`${which} AND "status" IN (${status('CREATED')}, ${status('QUEUED')})`,
    set: Prisma.sql`"status" = ${status('CANCELLED')}, ${ended(work)}`,
  })
  if (!moved.length) return []
  await streamsEnd(work, producedBy(moved.map(({ after }) => after.id)), { status: 'CANCELLED' })
  for (const each of moved) {
    const why = reason(each.after)
    taskChanged(work, 'CANCELLED', each, why === null ? {} : { reason: why })
  }
  return moved.map(({ after }) => after).filter(({ status: now }) => isFinalTask(now))
}
