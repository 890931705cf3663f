/**
 * What becomes of tasks by age: so long after they ended they are put away, and so long after they are removed.
 *
 * In small steps, each a transaction of its own with a pause after it, oldest first. Rows that somebody holds are passed over, and
 * what waits in the queue is never looked at; so nobody waits for this, and any number of servers may do it at once.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { server } from '../core/actor.ts'
import type { Store } from '../events/store.ts'
import { transact } from '../events/transact.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { discardedClear } from '../streams/streams-discard.ts'
import { TASK_VALUES, toTaskValues } from './task.ts'
import { taskKeysExpire } from './task-keys-expire.ts'
import { taskChanged, tasksMove } from './task-move.ts'
import { tasksRemove } from './tasks-remove.ts'

export interface Ages {
  /** Left out: never. */
  archiveAfterDays?: number | undefined
  deleteAfterDays?: number | undefined
  /** Aborted, it stops after the step that is under way. */
  signal?: AbortSignal | undefined
}

const ARCHIVED_AT_ONCE = 500
const REMOVED_AT_ONCE = 200
const PAUSE_MS = 20

/** Answers how many were put away, and how many removed. */
export async function tasksAge(store: Store, { archiveAfterDays, deleteAfterDays, signal }: Ages): Promise<{ archived: number; deleted: number }> {
  const archived = archiveAfterDays === undefined ? 0 : await inSteps(store, signal, (work, fromMs) => archiveStep(work, archiveAfterDays, fromMs))
  const deleted = deleteAfterDays === undefined ? 0 : await inSteps(store, signal, (work, fromMs) => deleteStep(work, deleteAfterDays, fromMs))
  // Also what others left behind.
  await discardedClear(store)
  await taskKeysExpire(store)
  return { archived, deleted }
}

interface Step {
  count: number
  /** When the last one of a full step ended: the next begins there. Null: there is no next. */
  nextMs: number | null
}

async function inSteps(store: Store, signal: AbortSignal | undefined, step: (work: Work, fromMs: number) => Promise<Step>): Promise<number> {
  let total = 0
  let fromMs: number | null = 0
  while (fromMs !== null && !signal?.aborted) {
    const since: number = fromMs
    const { result } = await transact(store, server, (work) => step(work, since))
    total += result.count
    fromMs = result.nextMs
    if (fromMs !== null) await sleep(PAUSE_MS)
  }
  return total
}

/** Read once in a statement, so that an index can be searched for it. */
const ago = (work: Work, days: number) => Prisma.sql`(SELECT ${work.sql.nowMs} - CAST(${days * 86_400_000} AS BIGINT))`

const endedBefore = (work: Work, days: number, fromMs: number) =>
  Prisma.sql`"completedAtMs" IS NOT NULL AND "completedAtMs" >= CAST(${fromMs} AS BIGINT) AND "completedAtMs" < ${ago(work, days)}`

/** Not what somebody has touched since: whoever takes a task out again has it for as long once more. */
async function archiveStep(work: Work, days: number, fromMs: number): Promise<Step> {
  const moved = await tasksMove(work, {
    guard: Prisma.sql`${endedBefore(work, days, fromMs)} AND "archivedAtMs" IS NULL AND "updatedAtMs" < ${ago(work, days)}`,
    set: Prisma.sql`"archivedAtMs" = ${work.sql.nowMs}`,
    orderBy: Prisma.sql`"completedAtMs"`,
    limit: ARCHIVED_AT_ONCE,
  })
  for (const each of moved) taskChanged(work, 'ARCHIVED', each)
  return stepOf(
    moved.map(({ after }) => after.completedAtMs!),
    ARCHIVED_AT_ONCE,
  )
}

/** What depends on it, or will go on after it, may still want to read it; so may whoever it is a part of. */
const NEEDED = Prisma.sql`(
  ("isAwaited" AND EXISTS (SELECT 1 FROM "TaskDependency" AS "edge" JOIN "Task" AS "dependent" ON "dependent"."id" = "edge"."taskId"
    WHERE "edge"."dependsOnId" = "Task"."id" AND "dependent"."completedAtMs" IS NULL))
  OR EXISTS (SELECT 1 FROM "Task" AS "child" WHERE "child"."parentId" = "Task"."id" AND "child"."completedAtMs" IS NULL)
  OR EXISTS (SELECT 1 FROM "Task" AS "whole" WHERE "whole"."id" = "Task"."parentId" AND "whole"."completedAtMs" IS NULL))`

async function deleteStep(work: Work, days: number, fromMs: number): Promise<Step> {
  const rows = await work.rows<Record<string, unknown>>(Prisma.sql`SELECT ${TASK_VALUES} FROM "Task"
    WHERE ${endedBefore(work, days, fromMs)} AND NOT ${NEEDED} ORDER BY "completedAtMs" LIMIT ${REMOVED_AT_ONCE} ${work.sql.forUpdateSkipLocked}`)
  const tasks = rows.map(toTaskValues)
  await tasksRemove(work, tasks)
  return stepOf(
    tasks.map(({ completedAtMs }) => completedAtMs!),
    REMOVED_AT_ONCE,
  )
}

const stepOf = (times: readonly number[], atOnce: number): Step => ({ count: times.length, nextMs: times.length < atOnce ? null : Math.max(...times) })
