/** What a task waits for. */
import { ownedBy } from '../core/actor.ts'
import { toGlobalId } from '../core/ids.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { isFinalTask, type TaskStatus } from './task.ts'
import { DependencyCircle, DependencyEnded, DependencyNotFound } from './task-errors.ts'
import { ownedTask, taskIn } from './task-move.ts'

export type OnFailure = 'CANCEL' | 'RUN'

/**
 * Makes a task wait for others, which are held meanwhile: what ends just now is seen either as ended here, or this task by the
 * one that ends. Answers for how many it waits. The edges are made anew where they were there.
 */
export async function dependenciesAdd(work: Work, taskId: string, dependsOn: readonly string[], onFailure: OnFailure): Promise<number> {
  const ids = [...new Set(dependsOn)].sort()
  if (!ids.length) return 0
  const found = await dependenciesHold(work, dependsOn)
  // Of those that are held nobody can end meanwhile; before that, one may have.
  endedRefuse(found, dependsOn, onFailure)
  const edges = ids.map((id) => ({ id, isPending: !isFinalTask(found.get(id)!) }))
  const added = work.sql.table('added', {
    dependsOnId: { kind: 'text', values: ids },
    isPending: { kind: 'boolean', values: edges.map(({ isPending }) => isPending) },
  })
  await work.execute(Prisma.sql`INSERT INTO "TaskDependency" ("taskId", "dependsOnId", "isPending", "onFailure", "createdAtMs")
    SELECT CAST(${taskId} AS TEXT), "dependsOnId", "isPending", ${work.sql.asEnum('DependencyFailure', onFailure)}, ${work.sql.nowMs} FROM ${added} WHERE 1 = 1
    ON CONFLICT ("taskId", "dependsOnId") DO UPDATE SET "isPending" = excluded."isPending", "onFailure" = excluded."onFailure"`)
  return edges.filter(({ isPending }) => isPending).length
}

/** Marks tasks as awaited and holds them to the end of the transaction. Answers where they stand; what is not the actor's does not exist. */
async function dependenciesHold(work: Work, dependsOn: readonly string[]): Promise<Map<string, TaskStatus>> {
  const rows = await work.rows<{ id: string; status: TaskStatus }>(
    Prisma.sql`UPDATE "Task" SET "isAwaited" = TRUE WHERE ${taskIn(work, dependsOn)} AND ${ownedTask(ownedBy(work.actor))} RETURNING "id", "status"`,
  )
  return new Map(rows.map((row) => [row.id, row.status]))
}

function endedRefuse(found: ReadonlyMap<string, TaskStatus>, dependsOn: readonly string[], onFailure: OnFailure): void {
  for (const [i, id] of dependsOn.entries()) {
    const status = found.get(id)
    if (!status) throw new DependencyNotFound(id, i)
    if (onFailure === 'CANCEL' && (status === 'FAILED' || status === 'CANCELLED')) throw new DependencyEnded(id, status, i)
  }
}

/** Refuses what ended badly already, where that would cancel whoever depends on it. */
export async function dependenciesCheck(work: Work, dependsOn: readonly string[], onFailure: OnFailure): Promise<void> {
  if (!dependsOn.length) return
  const rows = await work.rows<{ id: string; status: TaskStatus }>(
    Prisma.sql`SELECT "id", "status" FROM "Task" WHERE ${taskIn(work, dependsOn)} AND ${ownedTask(ownedBy(work.actor))}`,
  )
  endedRefuse(new Map(rows.map((row) => [row.id, row.status])), dependsOn, onFailure)
}

/**
 * One at a time changes who waits for whom: of two that would close a circle together, each would see only the other's beginning.
 * To be held before the tasks are, or they wait for each other here.
 */
export async function circlesHold(work: Work): Promise<void> {
  if (work.dialect === 'postgresql') await work.rows(Prisma.sql`SELECT pg_advisory_xact_lock(4711, 43)`)
}

/**
 * Refuses what would make a task wait for itself, through however many others; the circle is named. Looked for from behind:
 * before a task there may be thousands, but behind one that is to wait for more there is seldom anybody.
 */
export async function circlesRefuse(work: Work, taskId: string, dependsOn: readonly string[], path?: string[]): Promise<void> {
  if (dependsOn.includes(taskId)) throw new DependencyCircle([taskId, taskId].map(globalId), path)
  if (!dependsOn.length) return
  await circlesHold(work)
  const wanted = new Set(dependsOn)
  /** By each that waits for the task, what it waits for on the way there. */
  const next = new Map<string, string>()
  for (let front = [taskId]; front.length; ) {
    const edges = await work.rows<{ taskId: string; dependsOnId: string }>(
      Prisma.sql`SELECT "taskId", "dependsOnId" FROM "TaskDependency" WHERE ${taskIn(work, front, '"dependsOnId"')} AND "isPending"`,
    )
    front = []
    for (const { taskId: from, dependsOnId: to } of edges) {
      if (next.has(from)) continue
      next.set(from, to)
      front.push(from)
      if (!wanted.has(from)) continue
      const circle = [taskId]
      for (let at = from; at !== taskId; at = next.get(at)!) circle.push(at)
      throw new DependencyCircle([...circle, taskId].map(globalId), path)
    }
  }
}

const globalId = (id: string) => toGlobalId('Task', id)
