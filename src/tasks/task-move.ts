/** The one statement by which tasks change, and the event that goes with it. */
import type { Column } from '../db/sql.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import './task-figures.ts'
import {
  FINAL_TASK_STATUSES,
  OLD_NAMES,
  OLD_VALUES,
  TASK_MOVES,
  TASK_VALUES,
  TASKS_TOPIC,
  type TaskStatus,
  type TaskValues,
  TOLD_COLUMNS,
  toTaskBefore,
  toTaskOld,
  toTaskValues,
} from './task.ts'

export interface Moved {
  before: TaskValues
  after: TaskValues
  /** Columns beyond those of `TaskValues` that were asked for. */
  row: Record<string, unknown>
}

export interface Move {
  /** Which tasks, in which state, under whose lease: whatever does not fulfil this is left alone. */
  guard: Prisma.Sql
  /** With `becomes`, a function of the statement's moment. */
  set: Prisma.Sql | ((nowMs: Prisma.Sql) => Prisma.Sql)
  /**
   * What `set` makes of a task, where that can be told from what it was: then each row is read once, not before and after. For what
   * moves most; that both say the same is seen by the invariant that compares the table with the log.
   */
  becomes?: (before: TaskValues, nowMs: number) => Partial<TaskValues>
  /** With `becomes`: columns beyond those of `TaskValues` to answer, as they were. */
  reading?: readonly string[]
  /** A table `given`, one row for each of these tasks, that guard and set may speak of; its column `given_id` is the task's. */
  given?: { ids: readonly string[]; columns: Record<string, Column> }
  /** With `limit`: which ones first. Rows that another transaction holds are passed over. */
  orderBy?: Prisma.Sql
  limit?: number
  /** Whether columns may change that usually do not: see `MOVING_COLUMNS`. */
  changesAll?: boolean
  /** More columns to answer, after the change. */
  returning?: Prisma.Sql
}

/**
 * Changes the tasks that fulfil the guard, and answers them as they were and as they are. On PostgreSQL the rows are
 * locked and changed by one statement: in the order of their ids, so that no two that do this wait for each other in a circle, or,
 * with a limit, without waiting at all; on SQLite the transaction holds the only write lock.
 */
export async function tasksMove(work: Work, move: Move): Promise<Moved[]> {
  const table = move.given && work.sql.table('given', { given_id: { kind: 'text', values: move.given.ids }, ...move.given.columns })
  const old = move.changesAll || move.becomes ? OLD_VALUES.all : OLD_VALUES.moving
  const more = move.becomes ? Prisma.sql`, (SELECT ${work.sql.nowMs}) AS "moment"${alsoRead(move)}` : Prisma.empty
  const pick = Prisma.sql`SELECT ${old}${more}${table && work.dialect === 'postgresql' ? Prisma.sql`, "given".*` : Prisma.empty} FROM ${table ? Prisma.sql`${table}, "Task"` : Prisma.sql`"Task"`}
    WHERE ${move.guard} ${table ? Prisma.sql`AND "id" = "given_id"` : Prisma.empty}
    ORDER BY ${move.limit === undefined ? Prisma.sql`"id"` : Prisma.sql`${move.orderBy ?? Prisma.sql`"id"`} LIMIT ${move.limit}`}`
  return work.dialect === 'postgresql' ? moveByOne(work, move, pick) : moveByTwo(work, move, pick, table)
}

const alsoRead = ({ reading = [] }: Move): Prisma.Sql => Prisma.raw(reading.map((column) => `, "${column}" AS "read_${column}"`).join(''))

const setOf = ({ set }: Move, nowMs: Prisma.Sql): Prisma.Sql => Prisma.sql`${typeof set === 'function' ? set(nowMs) : set}, "updatedAtMs" = ${nowMs}`

const returningOf = ({ returning }: Move): Prisma.Sql => Prisma.sql`${TASK_VALUES}${returning ? Prisma.sql`, ${returning}` : Prisma.empty}`

async function moveByOne(work: Work, move: Move, pick: Prisma.Sql): Promise<Moved[]> {
  const set = setOf(move, move.becomes ? Prisma.sql`"moment"` : work.sql.nowMs)
  const before = move.changesAll || move.becomes ? OLD_NAMES.all : OLD_NAMES.moving
  const after = move.becomes
    ? Prisma.raw(['moment', ...(move.reading ?? []).map((column) => `read_${column}`)].map((name) => `"${name}"`).join(', '))
    : returningOf(move)
  const rows = await work.rows<Record<string, unknown>>(Prisma.sql`
    WITH "old" AS MATERIALIZED (${pick} FOR UPDATE OF "Task" ${move.limit === undefined ? Prisma.empty : Prisma.sql`SKIP LOCKED`})
    UPDATE "Task" SET ${set} FROM "old" WHERE "id" = "old_id" RETURNING ${before}, ${after}`)
  return rows.map(move.becomes ? (row) => toKnown(row, move, Number(row.moment)) : toMoved)
}

async function moveByTwo(work: Work, move: Move, pick: Prisma.Sql, table: Prisma.Sql | undefined): Promise<Moved[]> {
  const before = await work.rows<Record<string, unknown>>(pick)
  if (!before.length) return []
  const nowMs = Number(before[0]!.moment)
  const ids = JSON.stringify(before.map((row) => row.old_id))
  const update = Prisma.sql`
    UPDATE "Task" SET ${setOf(move, move.becomes ? Prisma.sql`${nowMs}` : work.sql.nowMs)} ${table ? Prisma.sql`FROM ${table}` : Prisma.empty}
    WHERE "id" IN (SELECT "value" FROM json_each(${ids})) ${move.given ? Prisma.sql`AND "id" = "given_id"` : Prisma.empty}`
  if (move.becomes) {
    await work.execute(update)
    return before.map((row) => toKnown(row, move, nowMs))
  }
  const rows = await work.rows<Record<string, unknown>>(Prisma.sql`${update} RETURNING ${returningOf(move)}`)
  const after = new Map(rows.map((row) => [row.id, row]))
  return before.map((row) => toMoved({ ...row, ...after.get(row.old_id)! }))
}

function toMoved(row: Record<string, unknown>): Moved {
  const after = toTaskValues(row)
  return { before: toTaskBefore(row, after), after, row }
}

function toKnown(row: Record<string, unknown>, { becomes, reading = [] }: Move, nowMs: number): Moved {
  const before = toTaskOld(row)
  const also: Record<string, unknown> = {}
  for (const column of reading) also[column] = row[`read_${column}`]
  return { before, after: { ...before, ...becomes!(before, nowMs), updatedAtMs: nowMs }, row: also }
}

export type TaskChange =
  | 'CREATED'
  | 'QUEUED'
  | 'STARTED'
  | 'PROGRESSED'
  | 'COMPLETED'
  | 'FAILED'
  | 'RETRY_SCHEDULED'
  | 'LEASE_LOST'
  | 'TIMED_OUT'
  | 'RELEASED'
  | 'WAITING'
  | 'DEPENDENCY_ENDED'
  | 'CANCEL_REQUESTED'
  | 'CANCELLED'
  | 'UPDATED'
  | 'ARCHIVED'
  | 'UNARCHIVED'
  | 'DELETED'
  | 'STREAM_OPENED'
  | 'TOOL_CALLED'

interface Change {
  before: TaskValues | null
  after: TaskValues
  /** Who caused it, where that is not the actor of the work. */
  actorId?: string | undefined
}

/** Notes a change of a task: its event, and the signal to the workers where it is in the queue now, or others behind its key may go on. */
export function taskChanged(work: Work, kind: TaskChange, change: Change, extra: Record<string, unknown> = {}): void {
  taskTold(work, kind, change, extra)
  const { before, after } = change
  const freesKey = after.concurrencyKey !== null && before?.status === 'RUNNING' && after.status !== 'RUNNING'
  if (after.status === 'QUEUED' || freesKey) work.signals.add(TASKS_TOPIC)
}

/** Its event alone: nobody need look at the queue. */
export function taskTold(work: Work, kind: TaskChange, { before, after, actorId }: Change, extra: Record<string, unknown> = {}): void {
  if (before && before.status !== after.status && !TASK_MOVES[before.status][after.status])
    throw new Error(`A task may not go from ${before.status} to ${after.status}.`)
  const data: Record<string, unknown> = {}
  let changed: Record<string, unknown> | null = null
  for (const column of TOLD_COLUMNS) {
    if (column === 'id' || column === 'ownerId') continue
    if (after[column] !== null) data[column] = after[column]
    if (before && before[column] !== after[column]) {
      changed ??= {}
      changed[column] = before[column]
    }
  }
  Object.assign(data, extra)
  if (changed) data.before = changed
  work.events.push({ kind: `TASK_${kind}`, subjectType: 'Task', subjectId: after.id, ownerId: after.ownerId, ...(actorId !== undefined && { actorId }), data })
}

const quoted = Object.fromEntries(['CREATED', 'QUEUED', 'RUNNING', ...FINAL_TASK_STATUSES].map((status) => [status, Prisma.raw(`'${status}'`)])) as Record<
  TaskStatus,
  Prisma.Sql
>

/** A status as a literal, which both databases take for one of theirs. */
export const status = (word: TaskStatus): Prisma.Sql => quoted[word]

/**
 * Whether a task that is named by its id has a status. Said so that no index on the status is thought of: by the id there is one
 * row to look at, by the status there may be thousands.
 */
export const statusIs = (word: TaskStatus): Prisma.Sql => Prisma.raw(`CAST("status" AS TEXT) = '${word}'`)

/** What a task loses when no worker holds it any more. */
export const UNLEASED = Prisma.sql`"worker" = NULL, "workerKind" = NULL, "leaseToken" = NULL, "leaseSeconds" = NULL, "leaseExpiresAtMs" = NULL, "attemptEndsAtMs" = NULL`

/** What a task gains when it ends. */
export const ended = (work: Work, nowMs = work.sql.nowMs): Prisma.Sql =>
  Prisma.sql`${UNLEASED}, "readyAtMs" = NULL, "completedAtMs" = ${nowMs}, "durationMs" = ${nowMs} - "startedAtMs"`

/** Since when a task that is queued may be claimed: now, if it is due and waits for nothing. */
export const readyIf = (work: Work, condition: Prisma.Sql): Prisma.Sql => Prisma.sql`"readyAtMs" = CASE WHEN ${condition} THEN ${work.sql.nowMs} END`

/** What a task gains when it goes (back) into the queue, to be run at once or not before a moment; what it waits for it goes on waiting for. */
export const queued = (work: Work, runAtMs?: Prisma.Sql): Prisma.Sql =>
  Prisma.sql`"status" = ${status('QUEUED')}, "queuedAtMs" = ${work.sql.nowMs}, "runAtMs" = ${runAtMs ?? work.sql.nowMs},
    ${readyIf(work, runAtMs ? Prisma.sql`"waitingFor" = 0 AND ${runAtMs} <= ${work.sql.nowMs}` : Prisma.sql`"waitingFor" = 0`)}`

/** The tasks an actor may touch, as SQL. */
export const ownedTask = (owner: { ownerId?: string }): Prisma.Sql =>
  owner.ownerId === undefined ? Prisma.sql`1 = 1` : Prisma.sql`"ownerId" = ${owner.ownerId}`

/** The tasks with these ids, as SQL that reads the same for any number of them. */
export const taskIn = (work: Pick<Work, 'dialect'>, ids: readonly string[], column = '"id"'): Prisma.Sql =>
  work.dialect === 'postgresql'
    ? Prisma.sql`${Prisma.raw(column)} = ANY(${[...ids]}::text[])`
    : Prisma.sql`${Prisma.raw(column)} IN (SELECT "value" FROM json_each(${JSON.stringify(ids)}))`
