/**
 * A task is a piece of long work: what is to be done (type, params), where it stands (status, progress) and what came of it.
 *
 *   CREATED ──run──▶ QUEUED ──claim──▶ RUNNING ──▶ COMPLETED | FAILED | CANCELLED
 *                      ▲                  │
 *                      └── retry, rescue ─┘
 *
 * Whoever claims a task gets a lease with a token. Every later statement of the worker names the token, so a worker whose
 * lease was taken over changes nothing. A lease that is not renewed in time is rescued by any server.
 */
import { Prisma } from '../generated/sqlite/client.ts'

export type TaskStatus = 'CREATED' | 'QUEUED' | 'RUNNING' | 'COMPLETED' | 'FAILED' | 'CANCELLED'
export type FinalTaskStatus = 'COMPLETED' | 'FAILED' | 'CANCELLED'

/** The legal moves, and who makes them. */
export const TASK_MOVES: Record<TaskStatus, Partial<Record<TaskStatus, string>>> = {
  CREATED: { QUEUED: 'taskRun', CANCELLED: 'taskCancel, tasksEnded' },
  QUEUED: { RUNNING: 'tasksClaim', FAILED: 'tasksExpire', CANCELLED: 'taskCancel, tasksEnded' },
  RUNNING: {
    COMPLETED: 'tasksComplete',
    FAILED: 'taskFail, tasksRescue, tasksStop',
    CANCELLED: 'taskRelease, tasksRescue, tasksStop',
    QUEUED: 'taskFail, taskRelease, taskWait, tasksRescue, tasksStop',
  },
  COMPLETED: {},
  FAILED: { QUEUED: 'taskRetry' },
  CANCELLED: { QUEUED: 'taskRetry' },
}

export const FINAL_TASK_STATUSES = ['COMPLETED', 'FAILED', 'CANCELLED'] as const

export const isFinalTask = (status: TaskStatus): status is FinalTaskStatus => (FINAL_TASK_STATUSES as readonly string[]).includes(status)

/** How long a server's own workers may be silent. Renewed with every sweep. */
export const SERVER_LEASE_SECONDS = 10
/** How long a worker elsewhere may be silent, unless it asks for another time. */
export const OUTSIDE_LEASE_SECONDS = 30
/** How often leases are renewed and those of the dead are taken over. */
export const SWEEP_EVERY_MS = 2000
/** A function that does not end within this after its abort is no longer waited for. */
export const ABORT_GRACE_MS = 3000
/** A worker that goes on renewing its lease though it was asked to stop, or its time is over, loses the task after this. */
export const STOP_GRACE_MS = 15_000
/** Wakes workers: something may be there to claim. */
export const TASKS_TOPIC = 'tasks'

export const MAX_PARAMS_BYTES = 200_000
export const MAX_ATTEMPTS = 100

/** A task as operations read it, and what events carry of it. */
export interface TaskValues {
  id: string
  ownerId: string
  type: string
  status: TaskStatus
  domain: string | null
  driftScore: number | null
  priority: number
  progress: number | null
  attempt: number
  maxAttempts: number
  sessionKey: string | null
  parentId: string | null
  scheduleId: string | null
  concurrencyKey: string | null
  waitingFor: number
  worker: string | null
  error: string | null
  timeoutSeconds: number | null
  runAtMs: number
  createdAtMs: number
  updatedAtMs: number
  queuedAtMs: number | null
  startedAtMs: number | null
  attemptEndsAtMs: number | null
  deadlineAtMs: number | null
  completedAtMs: number | null
  archivedAtMs: number | null
  cancelRequestedAtMs: number | null
  durationMs: number | null
  // What follows is nobody's business but the engine's.
  isAwaited: boolean
  lastWorker: string | null
}

/** Columns that no operation but `taskUpdate` changes. */
const STEADY = [
  'id',
  'ownerId',
  'type',
  'domain',
  'driftScore',
  'priority',
  'sessionKey',
  'parentId',
  'scheduleId',
  'concurrencyKey',
  'timeoutSeconds',
  'createdAtMs',
] as const
const MOVING = [
  'status',
  'progress',
  'attempt',
  'maxAttempts',
  'waitingFor',
  'worker',
  'error',
  'runAtMs',
  'updatedAtMs',
  'queuedAtMs',
  'startedAtMs',
  'attemptEndsAtMs',
  'deadlineAtMs',
  'completedAtMs',
  'archivedAtMs',
  'cancelRequestedAtMs',
  'durationMs',
] as const
const UNTOLD = ['isAwaited', 'lastWorker'] as const

type Column = keyof TaskValues
export const MOVING_COLUMNS: readonly Column[] = MOVING
export const TOLD_COLUMNS: readonly Column[] = [...STEADY, ...MOVING]
export const TASK_COLUMNS: readonly Column[] = [...TOLD_COLUMNS, ...UNTOLD]

const named = (columns: readonly Column[]) => Prisma.raw(columns.map((column) => `"${column}"`).join(', '))
export const TASK_VALUES = named(TASK_COLUMNS)

/** As the columns are before a change, under other names. */
export const OLD_VALUES = {
  moving: Prisma.raw(['id', ...MOVING].map((column) => `"${column}" AS "old_${column}"`).join(', ')),
  all: Prisma.raw(TASK_COLUMNS.map((column) => `"${column}" AS "old_${column}"`).join(', ')),
}

export const OLD_NAMES = {
  moving: Prisma.raw(['id', ...MOVING].map((column) => `"old_${column}"`).join(', ')),
  all: Prisma.raw(TASK_COLUMNS.map((column) => `"old_${column}"`).join(', ')),
}

const OLD_COLUMNS = TASK_COLUMNS.map((column) => [column, `old_${column}`] as const)

/** A row of `TASK_VALUES`, with numbers as numbers. */
export const toTaskValues = (row: Record<string, unknown>): TaskValues => readTask(row, 0)

/** A row of `OLD_VALUES.all`. */
export const toTaskOld = (row: Record<string, unknown>): TaskValues => readTask(row, 1)

function readTask(row: Record<string, unknown>, name: 0 | 1): TaskValues {
  const values: Record<string, unknown> = {}
  for (const names of OLD_COLUMNS) {
    const value = row[names[name]]
    values[names[0]] = typeof value === 'bigint' ? Number(value) : value
  }
  values.isAwaited = Boolean(values.isAwaited)
  return values as unknown as TaskValues
}

/** The task as it was: what the row of a change has kept under `old_`, and else what did not change. */
export function toTaskBefore(row: Record<string, unknown>, after: TaskValues): TaskValues {
  const values: Record<string, unknown> = { ...after }
  for (const [column, old] of OLD_COLUMNS) {
    const value = row[old]
    if (value !== undefined) values[column] = typeof value === 'bigint' ? Number(value) : value
  }
  values.isAwaited = Boolean(values.isAwaited)
  return values as unknown as TaskValues
}

/** Who holds a task: with this a worker proves itself. */
export interface Lease {
  id: string
  leaseToken: string
}
