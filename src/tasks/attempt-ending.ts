/** How an attempt ends. */
import type { TaskOutcome } from './task-type.ts'

/** Why an attempt is ended from outside. */
export enum AttemptEnd {
  CANCELLED = 'The task was cancelled.',
  TIMED_OUT = 'The attempt took longer than the task allows.',
  LEASE_LOST = 'The lease was lost.',
  STREAM_REFUSED = 'A stream that the attempt wrote takes nothing more.',
  SHUTDOWN = 'The server stops.',
}

/** With what its function answered, with what it threw, or from outside. */
export type Ending = { outcome: TaskOutcome } | { error: unknown } | { end: AttemptEnd }
