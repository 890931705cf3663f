/**
 * A schedule makes tasks at the times that its cron expression names.
 *
 * `nextRunAtMs` is its whole state: the next tick. Null: it is paused, or no tick is left before its end. Whoever finds it in the
 * past, on whichever server, holds the row, makes the task, and moves it on, in one transaction.
 */
import { Prisma } from '../generated/sqlite/client.ts'
import type { TaskCreation } from '../tasks/task-prepare.ts'

/** What shall be done about ticks that nobody was there for. */
export const MISSED_TICKS = ['SKIP', 'CATCH_UP', 'RUN_ONCE'] as const
export type MissedTicks = (typeof MISSED_TICKS)[number]

/** A tick that comes later than this was missed; up to then it is only late, as while a server is started again. */
export const LATE_MS = 10_000

export const MAX_SCHEDULES = 1000
export const MAX_NAME = 200
export const MAX_CRON = 200
export const MAX_TIMEZONE = 100
export const MAX_CATCH_UP = 1000
export const DEFAULT_CATCH_UP = 100

/** Wakes those who look for due ticks: the next one may be another than they think. */
export const SCHEDULES_TOPIC = 'schedules'

/** What each task is made with. */
export type ScheduledTask = Pick<
  TaskCreation,
  | 'type'
  | 'params'
  | 'description'
  | 'domain'
  | 'driftScore'
  | 'priority'
  | 'maxAttempts'
  | 'timeoutSeconds'
  | 'totalTimeoutSeconds'
  | 'retryPolicy'
  | 'sessionKey'
  | 'concurrencyKey'
  | 'concurrencyLimit'
>

/** What an event about a schedule carries, and what filters look at. */
export interface ScheduleValues {
  id: string
  ownerId: string
  name: string
  cron: string
  timezone: string
  missed: MissedTicks
  maxCatchUp: number
  endsAtMs: number | null
  pausedAtMs: number | null
  nextRunAtMs: number | null
  lastRunAtMs: number | null
  error: string | null
  createdAtMs: number
  updatedAtMs: number
}

export const SCHEDULE_COLUMNS = [
  'id',
  'ownerId',
  'name',
  'cron',
  'timezone',
  'missed',
  'maxCatchUp',
  'endsAtMs',
  'pausedAtMs',
  'nextRunAtMs',
  'lastRunAtMs',
  'error',
  'createdAtMs',
  'updatedAtMs',
] as const satisfies (keyof ScheduleValues)[]

export const SCHEDULE_VALUES = Prisma.raw(SCHEDULE_COLUMNS.map((column) => `"Schedule"."${column}"`).join(', '))

export const toScheduleValues = (row: Record<string, unknown>): ScheduleValues =>
  Object.fromEntries(SCHEDULE_COLUMNS.map((column) => [column, row[column]])) as unknown as ScheduleValues
