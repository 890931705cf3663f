/**
 * One attempt at a task, from the claim to the one transaction that ends it.
 *
 * The task's function runs against an AbortSignal. Whatever ends the attempt, the function's own end or one of the reasons
 * below, there is a single last transaction: what its streams still hold, their final status, and the task's.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { server } from '../core/actor.ts'
import { DomainError } from '../core/errors.ts'
import { type Span, type Tracer, tracing } from '../core/tracing.ts'
import { isUnreachable } from '../db/constraints.ts'
import type { Store } from '../events/store.ts'
import { transact } from '../events/transact.ts'
import type { ChunkCommitter } from '../streams/chunk-committer.ts'
import { StreamWriter } from '../streams/stream-writer.ts'
import type { Append } from '../streams/streams-append.ts'
import { attemptConclude } from './attempt-conclude.ts'
import { AttemptEnd, type Ending } from './attempt-ending.ts'
import { AttemptProgress } from './attempt-progress.ts'
import { ABORT_GRACE_MS, type Lease, type TaskValues } from './task.ts'
import { TaskNotLeased } from './task-errors.ts'
import { taskHeld } from './task-held.ts'
import { childCreate, taskChildren, taskDependencies } from './task-relatives.ts'
import { taskStreamOpen } from './task-stream-open.ts'
import type { AtEnd, TaskOutcome, TaskRun, TaskType, TaskTypes } from './task-type.ts'

export interface RunnerLog {
  warn(facts: object, message: string): void
  info(facts: object, message: string): void
  debug(facts: object, message: string): void
}

/** What an attempt needs of the server that it runs in. */
export interface AttemptHost {
  readonly store: Store
  readonly types: TaskTypes
  readonly committer: ChunkCommitter
  readonly log: RunnerLog
  /** Whether what cannot be written now is to be tried again. */
  readonly isStopping: boolean
  /** Completes a task that has no streams, together with whatever else ends at the moment; false where the lease was lost. */
  finish(lease: Lease, outcome: TaskOutcome): Promise<boolean>
}

export class TaskAttempt {
  /** Resolves when everything about this attempt is written, or given up. */
  ended: Promise<void> = Promise.resolve()
  /** Why it was ended from outside. */
  #reason: AttemptEnd | null = null
  /** Made when the function first asks for its signal: most never do, and it costs more than all else about a short task. */
  #abort: AbortController | null = null
  /** Gives up waiting for the function. */
  #release: (ending: Ending) => void = () => {}
  #graceTimer: NodeJS.Timeout | undefined
  /** Whether the function's time is over, however it ended: it may still run, but says nothing more. */
  #isOver = false
  readonly #writers: StreamWriter[] = []
  readonly #atEnd: AtEnd[] = []
  /** Made when the function first tells of it: most never do. */
  #progress: AttemptProgress | null = null

  constructor(
    readonly host: AttemptHost,
    readonly lease: Lease,
    readonly task: TaskValues,
    readonly given: { params: unknown; traceparent: string | null },
    readonly type: TaskType,
  ) {}

  start(): Promise<void> {
    this.ended = tracing.on ? this.#traced(tracing.on) : this.#attempt()
    return this.ended
  }

  /** Ends the attempt from outside; the first reason counts. */
  end(reason: AttemptEnd): void {
    if (this.#reason) return
    this.#reason = reason
    this.#progress?.stop()
    if (!this.#isOver) this.#graceTimer = setTimeout(() => this.#release({ end: reason }), ABORT_GRACE_MS)
    this.#abort?.abort(reason)
  }

  get #signal(): AbortSignal {
    this.#abort ??= new AbortController()
    if (this.#reason && !this.#abort.signal.aborted) this.#abort.abort(this.#reason)
    return this.#abort.signal
  }

  /** It belongs to the request that made the task, wherever and whenever that was. */
  #traced(tracer: Tracer): Promise<void> {
    const { id, type, attempt } = this.task
    const start = {
      name: `task ${type}`,
      kind: 'CONSUMER' as const,
      parent: this.given.traceparent,
      attributes: { 'task.id': `Task:${id}`, 'task.type': type, 'task.attempt': attempt },
    }
    return tracer.during(start, (span) => this.#attempt(span))
  }

  async #attempt(span?: Span): Promise<void> {
    const { attemptEndsAtMs, startedAtMs } = this.task
    // Both by the database's clock: what lies between them is true here too. A timer takes no more than 24 days.
    const timeout =
      attemptEndsAtMs === null ? undefined : setTimeout(() => this.end(AttemptEnd.TIMED_OUT), Math.min(attemptEndsAtMs - startedAtMs!, 2 ** 31 - 1))
    try {
      const ending = await this.#work()
      if ('end' in ending) span?.fail(ending.end)
      else if ('error' in ending) span?.fail(ending.error instanceof DomainError ? ending.error.message : 'An internal error.')
      clearTimeout(timeout)
      this.#isOver = true
      if (this.#progress) await this.#progress.finish()
      await this.#writeSurely(ending)
    } catch (error) {
      if (error instanceof TaskNotLeased)
        this.host.log.info(
          { taskId: this.task.id, attempt: this.task.attempt },
          'The lease was lost before the end could be written; another attempt has the task.',
        )
      // The lease will run out and the task be rescued: that is what leases are for.
      else this.host.log.warn({ err: error, taskId: this.task.id, attempt: this.task.attempt }, 'The end of an attempt could not be written.')
    } finally {
      clearTimeout(timeout)
    }
  }

  /** Runs the function, and does not wait for one that ignores its signal. */
  async #work(): Promise<Ending> {
    const released = new Promise<Ending>((resolve) => {
      this.#release = resolve
    })
    const done: Promise<Ending> = this.#run().then(
      (outcome) => ({ outcome }),
      (error: unknown) => (this.#reason ? { end: this.#reason } : { error }),
    )
    const ending = await Promise.race([done, released])
    clearTimeout(this.#graceTimer)
    return ending
  }

  async #run(): Promise<TaskOutcome> {
    if (this.#reason) throw this.#reason
    const params = this.type.params.safeParse(this.given.params)
    if (!params.success) throw new Error(`The params no longer fit the task type: ${params.error.issues[0]?.message}`)
    return this.type.run(this.#taskRun(params.data))
  }

  #taskRun(params: unknown): TaskRun {
    const signal = () => this.#signal
    return {
      id: this.task.id,
      type: this.task.type,
      ownerId: this.task.ownerId,
      attempt: this.task.attempt,
      params,
      get signal() {
        return signal()
      },
      progress: (fraction, message) => {
        if (this.#isOver || this.#reason) return
        this.#progress ??= new AttemptProgress(this)
        this.#progress.tell(fraction, message)
      },
      openStream: async (about) => {
        const { result: stream } = await transact(this.host.store, server, (work) => taskStreamOpen(work, this.lease, about))
        const writer = new StreamWriter(stream.id, this.task.attempt, this.host.committer, (error) => {
          // The task was taken away, or the stream removed with the task that it belongs to.
          this.host.log.info({ err: error, taskId: this.task.id, streamId: stream.id }, 'A stream does not take any more.')
          this.end(AttemptEnd.STREAM_REFUSED)
        })
        this.#writers.push(writer)
        return writer
      },
      atEnd: (also) => void this.#atEnd.push(also),
      transact: async (operation) => (await transact(this.host.store, server, async (work) => operation(work, await taskHeld(work, this.lease)))).result,
      dependencies: () => taskDependencies(this.host.store.database, this.task.id),
      children: () => taskChildren(this.host.store.database, this.task.id),
      createChild: async (key, child) =>
        (await transact(this.host.store, server, (work) => childCreate(work, this.host.types, this.lease, this.task, key, child))).result,
    }
  }

  /**
   * The database may be away just now. What the function did is done, so its end is told again and again, until it is written or the
   * task turns out to be somebody else's. (A commit that happened though its answer was lost looks like that too.)
   */
  async #writeSurely(ending: Ending): Promise<void> {
    const remainders = (await Promise.all(this.#writers.map((writer) => writer.remainder()))).flat()
    if ('end' in ending && ending.end === AttemptEnd.LEASE_LOST) return
    for (let tries = 0; ; tries++) {
      try {
        return await this.#write(ending, remainders)
      } catch (error) {
        if (!isUnreachable(error) || this.host.isStopping || tries >= 100) throw error
        this.host.log.warn({ err: error, taskId: this.task.id }, 'The end of an attempt could not be written yet; it is tried again.')
        await sleep(Math.min(5000, 100 * 2 ** tries))
      }
    }
  }

  async #write(ending: Ending, remainders: readonly Append[]): Promise<void> {
    try {
      if (!(await this.#finishWithOthers(ending))) await this.#conclude(ending, remainders)
    } catch (error) {
      if (error instanceof TaskNotLeased || isUnreachable(error) || !('outcome' in ending)) throw error
      // What the function answered cannot be written, but that it failed can.
      await this.#conclude({ error }, remainders)
    }
  }

  /** Where there is nothing but the task itself, it goes with the others that end now. False where it must be told by itself. */
  async #finishWithOthers(ending: Ending): Promise<boolean> {
    const isPlain =
      'outcome' in ending && !ending.outcome.waitForChildren && !this.#writers.length && !this.#atEnd.length && !this.type.streams && this.task.attempt === 1
    if (!isPlain) return false
    const held = await this.host.finish(this.lease, ending.outcome).catch((error) => {
      if (isUnreachable(error)) throw error
      return null
    })
    if (held === false) throw new TaskNotLeased()
    return held === true
  }

  async #conclude(ending: Ending, remainders: readonly Append[]): Promise<void> {
    await transact(this.host.store, server, (work) => attemptConclude(work, this, { ending, remainders, atEnd: this.#atEnd }))
  }
}
