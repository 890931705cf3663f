import { ownedBy } from '../core/actor.ts'
import { NotFound } from '../core/errors.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { checkedParams, taskOwned } from './task-create.ts'
import { TaskNotWaiting } from './task-errors.ts'
import { ownedTask, status, taskChanged, tasksMove } from './task-move.ts'
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
}

/** What says how the task is run; it holds still once the task is claimed. */
const BEFORE_RUN = ['priority', 'params', 'runAt', 'maxAttempts', 'timeoutSeconds'] as const

/** Changes what a task says of itself, and, while it waits, how it will be run. */
export async function taskUpdate(work: Work, types: TaskTypes, id: string, update: TaskUpdate): Promise<void> {
  const task = await taskOwned(work, id)
  if (!task) throw new NotFound('Task', ['input', 'id'])
  const waitingOnly = BEFORE_RUN.filter((field) => update[field] !== undefined)
  const params = update.params === undefined ? undefined : checkedParams(types, task.type, update.params)
  const set: Prisma.Sql[] = []
  const textField = (column: string, value: string | null | undefined) =>
    value !== undefined && set.push(Prisma.sql`${Prisma.raw(`"${column}"`)} = CAST(${value} AS TEXT)`)
  const wholeField = (column: string, value: number | null | undefined) =>
    value !== undefined && set.push(Prisma.sql`${Prisma.raw(`"${column}"`)} = CAST(${value} AS INTEGER)`)
  textField('description', update.description)
  textField('domain', update.domain)
  textField('sessionKey', update.sessionKey)
  textField('summary', update.summary)
  if (update.driftScore !== undefined) set.push(Prisma.sql`"driftScore" = CAST(${update.driftScore} AS DOUBLE PRECISION)`)
  wholeField('priority', update.priority)
  wholeField('maxAttempts', update.maxAttempts)
  wholeField('timeoutSeconds', update.timeoutSeconds)
  if (params !== undefined) set.push(Prisma.sql`"params" = ${work.sql.json(params)}`)
  if (update.runAt) set.push(Prisma.sql`"runAtMs" = CAST(${BigInt(update.runAt.getTime())} AS BIGINT)`)
  if (!set.length) return
  const [moved] = await tasksMove(work, {
    guard: Prisma.sql`"id" = ${id} AND ${ownedTask(ownedBy(work.actor))} ${waitingOnly.length ? Prisma.sql`AND "status" IN (${status('CREATED')}, ${status('QUEUED')})` : Prisma.empty}`,
    set: Prisma.join(set),
  })
  if (moved) return taskChanged(work, 'UPDATED', moved, { fields: Object.keys(update).filter((field) => update[field as keyof TaskUpdate] !== undefined) })
  const now = await taskOwned(work, id)
  if (!now) throw new NotFound('Task', ['input', 'id'])
  throw new TaskNotWaiting(now.status, ['input', waitingOnly[0] ?? 'id'])
}
