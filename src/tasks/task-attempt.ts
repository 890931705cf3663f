/**
 * One attempt at a task, from the claim to the one transaction that ends it.
 *
 * The task's function runs against an AbortSignal. Whatever ends the attempt, the function's own end or one of the reasons
 * below, there is a single last transaction: what its streams still hold, their final status, and the task's.
 */
import { server } from '../core/actor.ts'
import { DomainError } from '../core/errors.ts'
import type { Store } from '../events/store.ts'
import { transact } from '../events/transact.ts'
import type { Work } from '../events/work.ts'
import type { ChunkCommitter } from '../streams/chunk-committer.ts'
import { StreamWriter } from '../streams/stream-writer.ts'
import { type Append, streamsAppend } from '../streams/streams-append.ts'
import { ABORT_GRACE_MS, type Lease, type TaskValues } from './task.ts'
import { taskComplete } from './task-complete.ts'
import { TaskNotLeased } from './task-errors.ts'
import { type Failure, taskFail } from './task-fail.ts'
import { taskProgress } from './task-progress.ts'
import { taskReleaseCancelled, taskReleaseUnfinished } from './task-release.ts'
import { taskStreamOpen } from './task-stream-open.ts'
import type { TaskOutcome, TaskRun, TaskType } from './task-type.ts'

/** Why an attempt is ended from outside. */
export enum AttemptEnd {
  CANCELLED = 'The task was cancelled.',
  TIMED_OUT = 'The attempt took longer than the task allows.',
  LEASE_LOST = 'The lease was lost.',
  STREAM_REFUSED = 'A stream that the attempt wrote takes nothing more.',
  SHUTDOWN = 'The server stops.',
}

export interface RunnerLog {
  warn(facts: object, message: string): void
  info(facts: object, message: string): void
  debug(facts: object, message: string): void
}

const PROGRESS_EVERY_MS = 250

type Ending = { outcome: TaskOutcome } | { error: unknown } | { end: AttemptEnd }

export class TaskAttempt {
  /** Resolves when everything about this attempt is written, or given up. */
  readonly ended: Promise<void>
  readonly #abort = new AbortController()
  /** Aborted when the function's time is over, however it ended: it may still run, but says nothing more. */
  readonly #over = new AbortController()
  readonly #writers: StreamWriter[] = []
  readonly #resolveEnded: () => void
  #progress: { fraction: number; message?: string | undefined } | null = null
  #progressing: Promise<void> | null = null

  constructor(
    readonly store: Store,
    readonly committer: ChunkCommitter,
    readonly lease: Lease,
    readonly task: TaskValues,
    readonly type: TaskType,
    readonly log: RunnerLog,
  ) {
    const { promise, resolve } = withResolvers()
    this.ended = promise
    this.#resolveEnded = resolve
  }

  /** Ends the attempt from outside; the first reason counts. */
  end(reason: AttemptEnd): void {
    if (!this.#abort.signal.aborted) this.#abort.abort(reason)
  }

  async run(): Promise<void> {
    const timeout = this.task.timeoutSeconds ? setTimeout(() => this.end(AttemptEnd.TIMED_OUT), this.task.timeoutSeconds * 1000) : undefined
    try {
      const ending = await this.#work()
      clearTimeout(timeout)
      this.#over.abort()
      await this.#progressing
      await this.#write(ending)
    } catch (error) {
      if (error instanceof TaskNotLeased)
        this.log.info({ taskId: this.task.id, attempt: this.task.attempt }, 'The lease was lost before the end could be written; another attempt has the task.')
      // The lease will run out and the task be rescued: that is what leases are for.
      else this.log.warn({ err: error, taskId: this.task.id, attempt: this.task.attempt }, 'The end of an attempt could not be written.')
    } finally {
      clearTimeout(timeout)
      this.#resolveEnded()
    }
  }

  /** Runs the function, and does not wait for one that ignores its signal. */
  async #work(): Promise<Ending> {
    const { signal } = this.#abort
    const done: Promise<Ending> = this.#run().then(
      (outcome) => ({ outcome }),
      (error: unknown) => (signal.aborted ? { end: signal.reason as AttemptEnd } : { error }),
    )
    let graceTimer: NodeJS.Timeout | undefined
    const released = new Promise<Ending>((resolve) => {
      signal.addEventListener('abort', () => {
        graceTimer = setTimeout(() => resolve({ end: signal.reason as AttemptEnd }), ABORT_GRACE_MS)
      })
    })
    const ending = await Promise.race([done, released])
    clearTimeout(graceTimer)
    return ending
  }

  async #run(): Promise<TaskOutcome> {
    const row = await this.store.database.client.task.findUniqueOrThrow({ where: { id: this.task.id }, select: { params: true } })
    this.#abort.signal.throwIfAborted()
    const params = this.type.params.safeParse(row.params)
    if (!params.success) throw new Error(`The params no longer fit the task type: ${params.error.issues[0]?.message}`)
    return this.type.run(this.#taskRun(params.data))
  }

  #taskRun(params: unknown): TaskRun {
    return {
      id: this.task.id,
      ownerId: this.task.ownerId,
      attempt: this.task.attempt,
      params,
      signal: this.#abort.signal,
      progress: (fraction, message) => {
        if (this.#over.signal.aborted) return
        this.#progress = { fraction, message }
        this.#progressing ??= this.#tellProgress()
      },
      openStream: async (about) => {
        const { result: stream } = await transact(this.store, server, (work) => taskStreamOpen(work, this.lease, about))
        const writer = new StreamWriter(stream.id, this.task.attempt, this.committer, (error) => {
          // The task was taken away, or the stream removed with the task that it belongs to.
          this.log.info({ err: error, taskId: this.task.id, streamId: stream.id }, 'A stream does not take any more.')
          this.end(AttemptEnd.STREAM_REFUSED)
        })
        this.#writers.push(writer)
        return writer
      },
    }
  }

  /** At once, then after a pause what came meanwhile; the pause ends with the function. */
  async #tellProgress(): Promise<void> {
    try {
      while (this.#progress && !this.#abort.signal.aborted) {
        const progress = this.#progress
        this.#progress = null
        await transact(this.store, server, (work) => taskProgress(work, this.lease, progress))
        await pause(PROGRESS_EVERY_MS, AbortSignal.any([this.#abort.signal, this.#over.signal]))
      }
    } catch (error) {
      if (error instanceof TaskNotLeased) this.end(AttemptEnd.LEASE_LOST)
      else this.log.warn({ err: error, taskId: this.task.id }, 'Progress could not be written.')
    } finally {
      this.#progressing = null
    }
  }

  async #write(ending: Ending): Promise<void> {
    const remainders = (await Promise.all(this.#writers.map((writer) => writer.remainder()))).flat()
    if ('end' in ending && ending.end === AttemptEnd.LEASE_LOST) return
    try {
      await this.#conclude(ending, remainders)
    } catch (error) {
      if (error instanceof TaskNotLeased || !('outcome' in ending)) throw error
      // What the function answered cannot be written, but that it failed can.
      await this.#conclude({ error }, remainders)
    }
  }

  /** The last transaction: the remaining chunks, then the end of the streams and of the task. */
  async #conclude(ending: Ending, remainders: readonly Append[]): Promise<void> {
    await transact(this.store, server, async (work) => {
      let complete = true
      for (const append of remainders) complete = (await streamsAppend(work, [append])).size === 1 && complete
      if ('outcome' in ending && complete) await taskComplete(work, this.lease, ending.outcome)
      else if ('outcome' in ending) await this.#fail(work, { error: AttemptEnd.STREAM_REFUSED, retry: true })
      else if ('error' in ending) await this.#fail(work, this.#failureOf(ending.error))
      else if (ending.end === AttemptEnd.CANCELLED) await taskReleaseCancelled(work, this.lease)
      else if (ending.end === AttemptEnd.SHUTDOWN) await taskReleaseUnfinished(work, this.lease)
      else if (ending.end === AttemptEnd.TIMED_OUT) await this.#fail(work, { error: `${ending.end} (${this.task.timeoutSeconds} s)`, retry: true })
      else await this.#fail(work, { error: ending.end, retry: true })
    })
  }

  async #fail(work: Work, failure: Failure): Promise<void> {
    const status = await taskFail(work, this.lease, this.task.attempt, failure)
    this.log.info({ taskId: this.task.id, type: this.task.type, attempt: this.task.attempt, status, error: failure.error }, 'An attempt failed.')
  }

  /** What the user is told of an error: its own words where it is meant for them. */
  #failureOf(error: unknown): Failure {
    if (error instanceof DomainError) {
      const retryAfterMs = 'retryAfterMs' in error && typeof error.retryAfterMs === 'number' ? error.retryAfterMs : undefined
      return { error: error.message, retry: error.retryable, retryAfterMs }
    }
    this.log.warn({ err: error, taskId: this.task.id, type: this.task.type }, 'A task type failed with an error of its own.')
    return { error: 'The task failed with an internal error; the server’s log tells more under the id of the task.', retry: true }
  }
}

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve!: () => void
  const promise = new Promise<void>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}

const pause = (ms: number, signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    if (signal.aborted) return resolve()
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => [clearTimeout(timer), resolve()], { once: true })
  })
