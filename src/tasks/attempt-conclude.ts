import { DomainError } from '../core/errors.ts'
import type { Work } from '../events/work.ts'
import { type Append, streamsAppend } from '../streams/streams-append.ts'
import { AttemptEnd, type Ending } from './attempt-ending.ts'
import type { TaskAttempt } from './task-attempt.ts'
import { taskComplete } from './task-complete.ts'
import { type Failure, taskFail } from './task-fail.ts'
import { taskHeld } from './task-held.ts'
import { taskReleaseCancelled, taskReleaseUnfinished } from './task-release.ts'
import type { AtEnd, AttemptEnding } from './task-type.ts'
import { taskWait } from './task-wait.ts'

type Attempt = Pick<TaskAttempt, 'host' | 'lease' | 'task'>

export interface Conclusion {
  ending: Ending
  /** What its streams do not hold yet. */
  remainders: readonly Append[]
  /** What else it said is to be written then. */
  atEnd: readonly AtEnd[]
}

/**
 * The last transaction of an attempt: the remaining chunks, then the end of the streams and of the task. The task is held before all else, as
 * whoever takes it away holds it: so that no two wait in a circle.
 */
export async function attemptConclude(work: Work, attempt: Attempt, { ending, remainders, atEnd }: Conclusion): Promise<void> {
  const { lease } = attempt
  if (remainders.length || atEnd.length) await taskHeld(work, lease)
  let complete = true
  for (const append of remainders) complete = (await streamsAppend(work, [append])).size === 1 && complete
  const failure = failureIn(attempt, ending, complete)
  for (const also of atEnd) await also(work, endingOf(ending, failure))
  if (failure) await fail(work, attempt, failure)
  else if ('outcome' in ending && ending.outcome.waitForChildren) await taskWait(work, lease)
  else if ('outcome' in ending) await taskComplete(work, lease, ending.outcome)
  else if ('end' in ending && ending.end === AttemptEnd.CANCELLED) await taskReleaseCancelled(work, lease)
  else await taskReleaseUnfinished(work, lease)
}

/** What went wrong, if it did. `complete`: whether the streams took all that was written. */
function failureIn(attempt: Attempt, ending: Ending, complete: boolean): Failure | null {
  if ('outcome' in ending) return complete ? null : { error: AttemptEnd.STREAM_REFUSED, retry: true }
  if ('error' in ending) return failureOf(attempt, ending.error)
  if (ending.end === AttemptEnd.CANCELLED || ending.end === AttemptEnd.SHUTDOWN) return null
  return ending.end === AttemptEnd.TIMED_OUT ? { error: `${ending.end} ${limits(attempt)}`, retry: true, timedOut: true } : { error: ending.end, retry: true }
}

/** What the user is told of an error: its own words where it is meant for them. */
function failureOf({ host, task }: Attempt, error: unknown): Failure {
  if (error instanceof DomainError) {
    const retryAfterMs = 'retryAfterMs' in error && typeof error.retryAfterMs === 'number' ? error.retryAfterMs : undefined
    return { error: error.message, retry: error.retryable, retryAfterMs }
  }
  host.log.warn({ err: error, taskId: task.id, type: task.type }, 'A task type failed with an error of its own.')
  return { error: 'The task failed with an internal error; the server’s log tells more under the id of the task.', retry: true }
}

const limits = ({ task: { attemptEndsAtMs, startedAtMs } }: Attempt): string => `(${(attemptEndsAtMs! - startedAtMs!) / 1000} s)`

async function fail(work: Work, { host, lease, task }: Attempt, failure: Failure): Promise<void> {
  const status = await taskFail(work, lease, failure)
  host.log.info({ taskId: task.id, type: task.type, attempt: task.attempt, status, error: failure.error }, 'An attempt failed.')
}

function endingOf(ending: Ending, failure: Failure | null): AttemptEnding {
  if (failure) return { kind: failure.timedOut ? 'TIMED_OUT' : 'FAILED', error: failure.error }
  if ('outcome' in ending) return { kind: 'COMPLETED', error: null }
  return { kind: 'end' in ending && ending.end === AttemptEnd.CANCELLED ? 'CANCELLED' : 'RELEASED', error: null }
}
