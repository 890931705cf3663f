/** The one statement by which tasks change, and the event that goes with it. */
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { FINAL_TASK_STATUSES, TASK_COLUMNS, TASK_MOVES, TASK_VALUES, TASKS_TOPIC, type TaskStatus, type TaskValues, toTaskValues } from './task.ts'

export interface Moved {
  before: TaskValues
  after: TaskValues
}

export interface Move {
  /** Which tasks, in which state, under whose lease: whatever does not fulfil this is left alone. */
  guard: Prisma.Sql
  set: Prisma.Sql
  /** With `limit`: which ones first. Rows that another transaction holds are passed over. */
  orderBy?: Prisma.Sql
  limit?: number
}

/**
 * Changes the tasks that fulfil the guard, and answers them as they were and as they are. On PostgreSQL the rows are
 * locked and changed by one statement; on SQLite the transaction holds the only write lock.
 */
export async function tasksMove(work: Work, move: Move): Promise<Moved[]> {
  const set = Prisma.sql`${move.set}, "updatedAtMs" = ${work.sql.nowMs}`
  const pick = (columns: Prisma.Sql) => Prisma.sql`SELECT ${columns} FROM "Task" WHERE ${move.guard}
    ${move.limit === undefined ? Prisma.empty : Prisma.sql`ORDER BY ${move.orderBy ?? Prisma.sql`"id"`} LIMIT ${move.limit}`}`
  if (work.dialect === 'postgresql') {
    const rows = await work.db.$queryRaw<Record<string, unknown>[]>`
      WITH "old" AS MATERIALIZED (${pick(OLD_VALUES)} FOR UPDATE ${move.limit === undefined ? Prisma.empty : Prisma.sql`SKIP LOCKED`}),
      "new" AS (UPDATE "Task" SET ${set} FROM "old" WHERE "id" = "old_id" RETURNING ${TASK_VALUES})
      SELECT * FROM "old" JOIN "new" ON "old_id" = "id"`
    return rows.map((row) => ({ before: toTaskValues(row, 'old_'), after: toTaskValues(row) }))
  }
  const before = (await work.db.$queryRaw<Record<string, unknown>[]>(pick(TASK_VALUES))).map((row) => toTaskValues(row))
  if (!before.length) return []
  const rows = await work.db.$queryRaw<
    Record<string, unknown>[]
  >`UPDATE "Task" SET ${set} WHERE "id" IN (${Prisma.join(before.map((task) => task.id))}) RETURNING ${TASK_VALUES}`
  const after = new Map(rows.map((row) => [row.id as string, toTaskValues(row)]))
  return before.map((task) => ({ before: task, after: after.get(task.id)! }))
}

/** As the columns are before the change, under other names. */
const OLD_VALUES = Prisma.raw(TASK_COLUMNS.map((column) => `"${column}" AS "old_${column}"`).join(', '))

export type TaskChange =
  | 'CREATED'
  | 'QUEUED'
  | 'STARTED'
  | 'PROGRESSED'
  | 'COMPLETED'
  | 'FAILED'
  | 'RETRY_SCHEDULED'
  | 'LEASE_LOST'
  | 'RELEASED'
  | 'CANCEL_REQUESTED'
  | 'CANCELLED'
  | 'UPDATED'
  | 'DELETED'
  | 'STREAM_OPENED'

/** Notes a change of a task: its event, and where it is now in the queue the signal to the workers. */
export function taskChanged(
  work: Work,
  kind: TaskChange,
  { before, after }: { before: TaskValues | null; after: TaskValues },
  extra: Record<string, unknown> = {},
): void {
  if (before && before.status !== after.status && !TASK_MOVES[before.status][after.status])
    throw new Error(`A task may not go from ${before.status} to ${after.status}.`)
  const { id, ownerId, ...values } = after
  const changed = before && Object.fromEntries(Object.entries(before).filter(([column, value]) => value !== after[column as keyof TaskValues]))
  work.events.push({
    kind: `TASK_${kind}`,
    subjectType: 'Task',
    subjectId: id,
    ownerId,
    data: { ...values, ...extra, ...(changed && Object.keys(changed).length && { before: changed }) },
  })
  if (after.status === 'QUEUED') work.signals.add(TASKS_TOPIC)
}

const quoted = Object.fromEntries(['CREATED', 'QUEUED', 'RUNNING', ...FINAL_TASK_STATUSES].map((status) => [status, Prisma.raw(`'${status}'`)])) as Record<
  TaskStatus,
  Prisma.Sql
>

/** A status as a literal, which both databases take for one of theirs. */
export const status = (word: TaskStatus): Prisma.Sql => quoted[word]

/** What a task loses when no worker holds it any more. */
export const UNLEASED = Prisma.sql`"worker" = NULL, "leaseToken" = NULL, "leaseSeconds" = NULL, "leaseExpiresAtMs" = NULL`

/** What a task gains when it ends. */
export const ended = (work: Work): Prisma.Sql => Prisma.sql`${UNLEASED}, "completedAtMs" = ${work.sql.nowMs}, "durationMs" = ${work.sql.nowMs} - "startedAtMs"`

/** The tasks an actor may touch, as SQL. */
export const ownedTask = (owner: { ownerId?: string }): Prisma.Sql =>
  owner.ownerId === undefined ? Prisma.sql`1 = 1` : Prisma.sql`"ownerId" = ${owner.ownerId}`
