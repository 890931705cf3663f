import { DomainError } from '../core/errors.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { parentsEndedBadly } from './retry-parents.ts'
import type { TaskStatus } from './task.ts'
import { TaskNotRetryable } from './task-errors.ts'
import { taskIn } from './task-move.ts'
import { taskRequeue, taskRetry, tasksRequeue } from './task-retry.ts'
import { mineOf, type ToldApart, tasksToldApart } from './tasks-told-apart.ts'
import { inOrder, whoCan } from './waiting-graph.ts'

/**
 * Queues many tasks anew, as `taskRetry` does one: each after those of them that it depends on. What belongs to a task that is
 * retried with it goes on, and where that waits for its children, for these too.
 */
export async function tasksRetry(work: Work, ids: readonly string[]): Promise<ToldApart> {
  const parents = await parentsEndedBadly(work, ids)
  const rows = await work.rows<{ id: string }>(
    Prisma.sql`SELECT "id" FROM "Task" WHERE ${mineOf(work, ids)} AND "status" IN ('FAILED', 'CANCELLED') ORDER BY "id" ${work.sql.forUpdate}`,
  )
  const ended = rows.map(({ id }) => id)
  const edges = await dependenciesHold(work, ended)
  const dependsOn = (id: string) => edges.get(id) ?? []
  const can = whoCan(
    new Map(
      ended.map((id) => [id, [...dependsOn(id).flatMap((edge) => (edge.isBroken ? edge.dependsOnId : [])), ...(parents.has(id) ? [parents.get(id)!.id] : [])]]),
    ),
  )
  const plain = [...can].filter((id) => !edges.has(id))
  if (plain.length) await tasksRequeue(work, mineOf(work, plain), 0)
  const waits = new Map([...can].filter((id) => edges.has(id)).map((id) => [id, dependsOn(id).map((edge) => edge.dependsOnId)]))
  for (const id of inOrder(waits)) await taskRequeue(work, id)

  const errors = new Map<string, DomainError>()
  for (const id of ended) if (!can.has(id)) errors.set(id, await refusalOf(work, id))
  const { refused, ...told } = await tasksToldApart(work, ids, can, (now) => new TaskNotRetryable(now))
  return { ...told, refused: refused.map(({ id, error }) => ({ id, error: errors.get(id) ?? error })) }
}

interface Edge {
  dependsOnId: string
  /** Whether nobody can go on who depends on it so: unless it is retried too. */
  isBroken: boolean
}

/** What these tasks depend on, held as it stands. */
async function dependenciesHold(work: Work, ids: readonly string[]): Promise<Map<string, Edge[]>> {
  if (!ids.length) return new Map()
  const edges = await work.rows<{ taskId: string; dependsOnId: string; onFailure: 'CANCEL' | 'RUN' }>(
    Prisma.sql`SELECT "taskId", "dependsOnId", "onFailure" FROM "TaskDependency" WHERE ${taskIn(work, ids, '"taskId"')} ORDER BY "taskId", "dependsOnId"`,
  )
  if (!edges.length) return new Map()
  const others = [...new Set(edges.map(({ dependsOnId }) => dependsOnId))]
  const rows = await work.rows<{ id: string; status: TaskStatus }>(
    Prisma.sql`SELECT "id", "status" FROM "Task" WHERE ${mineOf(work, others)} ORDER BY "id" ${work.sql.forUpdate}`,
  )
  const statuses = new Map(rows.map(({ id, status }) => [id, status]))
  const found = new Map<string, Edge[]>()
  for (const { taskId, dependsOnId, onFailure } of edges) {
    const status = statuses.get(dependsOnId)
    const isBroken = status === undefined || (onFailure === 'CANCEL' && (status === 'FAILED' || status === 'CANCELLED'))
    found.set(taskId, [...(found.get(taskId) ?? []), { dependsOnId, isBroken }])
  }
  return found
}

/** Why it cannot be retried: what is in its way has ended badly, and is not retried either. */
async function refusalOf(work: Work, id: string): Promise<DomainError> {
  try {
    await taskRetry(work, id)
  } catch (error) {
    if (error instanceof DomainError) return error
    throw error
  }
  throw new Error(`Task ${id} was to be refused, and could be retried.`)
}
