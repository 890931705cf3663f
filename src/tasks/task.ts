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
  CREATED: { QUEUED: 'taskRun', CANCELLED: 'taskCancel' },
  QUEUED: { RUNNING: 'tasksClaim', CANCELLED: 'taskCancel' },
  RUNNING: { COMPLETED: 'taskComplete', FAILED: 'taskFail, tasksRescue', CANCELLED: 'taskRelease, tasksRescue', QUEUED: 'taskFail, taskRelease, tasksRescue' },
  COMPLETED: {},
  FAILED: { QUEUED: 'taskRetry' },
  CANCELLED: { QUEUED: 'taskRetry' },
}

export const FINAL_TASK_STATUSES = ['COMPLETED', 'FAILED', 'CANCELLED'] as const

export const isFinalTask = (status: TaskStatus): status is FinalTaskStatus => (FINAL_TASK_STATUSES as readonly string[]).includes(status)

/** How long a server's own workers may be silent. Renewed with every sweep. */
export const SERVER_LEASE_SECONDS = 10
/** How often leases are renewed and those of the dead are taken over. */
export const SWEEP_EVERY_MS = 2000
/** A function that does not end within this after its abort is no longer waited for. */
export const ABORT_GRACE_MS = 3000
/** Wakes workers: something may be there to claim. */
export const TASKS_TOPIC = 'tasks'

export const MAX_PARAMS_BYTES = 200_000
export const MAX_ATTEMPTS = 100

/** What an event about a task carries, and what filters look at. */
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
  worker: string | null
  error: string | null
  timeoutSeconds: number | null
  runAtMs: number
  createdAtMs: number
  updatedAtMs: number
  queuedAtMs: number | null
  startedAtMs: number | null
  completedAtMs: number | null
  cancelRequestedAtMs: number | null
}

const COLUMNS = [
  'id',
  'ownerId',
  'type',
  'status',
  'domain',
  'driftScore',
  'priority',
  'progress',
  'attempt',
  'maxAttempts',
  'sessionKey',
  'worker',
  'error',
  'timeoutSeconds',
  'runAtMs',
  'createdAtMs',
  'updatedAtMs',
  'queuedAtMs',
  'startedAtMs',
  'completedAtMs',
  'cancelRequestedAtMs',
] as const satisfies (keyof TaskValues)[]

export const TASK_COLUMNS: readonly string[] = COLUMNS
export const TASK_VALUES = Prisma.raw(COLUMNS.map((column) => `"${column}"`).join(', '))

export const toTaskValues = (row: Record<string, unknown>, prefix = ''): TaskValues =>
  Object.fromEntries(
    COLUMNS.map((column) => [column, typeof row[prefix + column] === 'bigint' ? Number(row[prefix + column]) : row[prefix + column]]),
  ) as unknown as TaskValues

/** Who holds a task: with this a worker proves itself. */
export interface Lease {
  id: string
  leaseToken: string
}

/** Milliseconds until the next attempt: 1 s, 2 s, 4 s … up to 5 minutes, each with up to half of itself on top. */
export function backoffMs(attempt: number, random = Math.random()): number {
  const base = Math.min(1000 * 2 ** Math.max(0, attempt - 1), 300_000)
  return Math.round(base * (1 + random / 2))
}
