import { ownedBy } from '../core/actor.ts'
import { BadUserInput, NotFound } from '../core/errors.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { circlesHold, circlesRefuse, dependenciesAdd, dependenciesCheck } from './dependencies.ts'
import { TaskNotWaiting } from './task-errors.ts'
import { ownedTask, readyIf, status, taskChanged, taskIn, tasksMove } from './task-move.ts'
import { checkedParams } from './task-prepare.ts'
import type { TaskTypes } from './task-type.ts'

/** Undefined leaves a value as it is; null clears it. */
export interface TaskUpdate {
  description?: string | null | undefined
  domain?: string | null | undefined
  driftScore?: number | null | undefined
  sessionKey?: string | null | undefined
  summary?: string | null | undefined
  priority?: number | undefined
  params?: unknown
  runAt?: Date | undefined
  maxAttempts?: number | undefined
  timeoutSeconds?: number | null | undefined
  totalTimeoutSeconds?: number | null | undefined
  /** Inner ids: all it shall depend on from now on. */
  dependsOn?: readonly string[] | undefined
  onDependencyFailure?: 'CANCEL' | 'RUN' | undefined
}

/** What says how the task is run; it holds still once the task is claimed. */
export const BEFORE_RUN = ['priority', 'params', 'runAt', 'maxAttempts', 'timeoutSeconds', 'totalTimeoutSeconds', 'dependsOn', 'onDependencyFailure'] as const

/** Changes what a task says of itself, and, while it waits, how it will be run. */
export async function taskUpdate(work: Work, types: TaskTypes, id: string, update: TaskUpdate): Promise<void> {
  if (update.dependsOn?.length) await circlesHold(work)
  const mine = Prisma.sql`"id" = ${id} AND ${ownedTask(ownedBy(work.actor))}`
  const [task] = await work.rows<{ type: string; status: string; attempt: number }>(
    Prisma.sql`SELECT "type", "status", "attempt" FROM "Task" WHERE ${mine} ${work.sql.forUpdate}`,
  )
  if (!task) throw new NotFound('Task', ['input', 'id'])
  const waitingOnly = BEFORE_RUN.filter((field) => update[field] !== undefined)
  if (waitingOnly.length && task.status !== 'CREATED' && task.status !== 'QUEUED') throw new TaskNotWaiting(task.status, ['input', waitingOnly[0]!])
  // Or it would be run once more than it may.
  if (update.maxAttempts !== undefined && update.maxAttempts <= task.attempt)
    throw new BadUserInput(`Must be at least ${task.attempt + 1}: it has had ${task.attempt} already.`, ['input', 'maxAttempts'])
  const set = await changes(work, types, task.type, id, update)
  if (!set.length) return
  const [moved] = await tasksMove(work, { guard: mine, set: Prisma.join(set), changesAll: true })
  if (!moved) throw new NotFound('Task', ['input', 'id'])
  taskChanged(work, 'UPDATED', moved, { fields: Object.keys(update).filter((field) => update[field as keyof TaskUpdate] !== undefined) })
}

const TEXTS = ['description', 'domain', 'sessionKey', 'summary'] as const
const WHOLES = ['priority', 'maxAttempts', 'timeoutSeconds', 'totalTimeoutSeconds'] as const

async function changes(work: Work, types: TaskTypes, type: string, id: string, update: TaskUpdate): Promise<Prisma.Sql[]> {
  const params = update.params === undefined ? [] : [Prisma.sql`"params" = ${work.sql.json(await checkedParams(work, types, type, update.params))}`]
  const waits = update.dependsOn || update.onDependencyFailure ? await dependenciesReplace(work, id, update) : undefined
  return [...params, ...taskChanges(work, update, waits)]
}

/** What can be said without knowing the task. `waitsFor`: for how many others it waits from now on, if that changes. */
export function taskChanges(work: Work, update: TaskUpdate, waitsFor?: number): Prisma.Sql[] {
  const now = work.sql.nowMs
  const set: Prisma.Sql[] = []
  const column = (name: string) => Prisma.raw(`"${name}"`)
  for (const name of TEXTS) if (update[name] !== undefined) set.push(Prisma.sql`${column(name)} = CAST(${update[name]} AS TEXT)`)
  for (const name of WHOLES) if (update[name] !== undefined) set.push(Prisma.sql`${column(name)} = CAST(${update[name]} AS INTEGER)`)
  if (update.driftScore !== undefined) set.push(Prisma.sql`"driftScore" = CAST(${update.driftScore} AS DOUBLE PRECISION)`)
  if (update.onDependencyFailure) set.push(Prisma.sql`"onDependencyFailure" = ${work.sql.asEnum('DependencyFailure', update.onDependencyFailure)}`)
  const runAt = update.runAt ? Prisma.sql`CAST(${BigInt(update.runAt.getTime())} AS BIGINT)` : Prisma.sql`"runAtMs"`
  if (update.runAt) set.push(Prisma.sql`"runAtMs" = ${runAt}`)
  const waitingFor = waitsFor === undefined ? Prisma.sql`"waitingFor"` : Prisma.sql`CAST(${waitsFor} AS INTEGER)`
  if (update.dependsOn) set.push(Prisma.sql`"waitingFor" = ${waitingFor}`)
  if (update.runAt || update.dependsOn) set.push(readyIf(work, Prisma.sql`"status" = ${status('QUEUED')} AND ${waitingFor} = 0 AND ${runAt} <= ${now}`))
  if (update.runAt || update.totalTimeoutSeconds !== undefined) {
    const total = update.totalTimeoutSeconds === undefined ? Prisma.sql`"totalTimeoutSeconds"` : Prisma.sql`CAST(${update.totalTimeoutSeconds} AS INTEGER)`
    set.push(
      Prisma.sql`"deadlineAtMs" = CASE WHEN "status" = ${status('QUEUED')} THEN (CASE WHEN ${runAt} > "queuedAtMs" THEN ${runAt} ELSE "queuedAtMs" END) + ${total} * CAST(1000 AS BIGINT) END`,
    )
  }
  return set
}

/** Answers for how many it waits from now on. */
async function dependenciesReplace(work: Work, id: string, { dependsOn, onDependencyFailure }: TaskUpdate): Promise<number> {
  const edges = await work.rows<{ dependsOnId: string; isPending: boolean; parentId: string | null }>(
    Prisma.sql`SELECT "dependsOnId", "isPending", "parentId" FROM "TaskDependency" JOIN "Task" ON "Task"."id" = "dependsOnId" WHERE "taskId" = ${id}`,
  )
  // That it waits for its children is its own doing, and stays.
  const children = edges.filter((edge) => edge.parentId === id).map((edge) => edge.dependsOnId)
  const wanted = dependsOn ?? edges.map((edge) => edge.dependsOnId).filter((each) => !children.includes(each))
  const awaited = edges.filter((edge) => edge.isPending && children.includes(edge.dependsOnId) && !wanted.includes(edge.dependsOnId))
  const [{ policy }] = (await work.rows<{ policy: 'CANCEL' | 'RUN' }>(Prisma.sql`SELECT "onDependencyFailure" AS "policy" FROM "Task" WHERE "id" = ${id}`)) as [
    { policy: 'CANCEL' | 'RUN' },
  ]
  const onFailure = onDependencyFailure ?? policy
  await circlesRefuse(work, id, wanted)
  await dependenciesCheck(work, wanted, onFailure)
  await work.execute(Prisma.sql`DELETE FROM "TaskDependency" WHERE "taskId" = ${id} AND NOT ${taskIn(work, children, '"dependsOnId"')}`)
  return awaited.length + (await dependenciesAdd(work, id, wanted, onFailure))
}
