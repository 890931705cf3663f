/**
 * A server's own workers: they claim what they can run, keep its leases alive, and take over what others lost.
 *
 * Every two seconds a sweep renews the own leases and only then rescues others', so that a server that was stalled does
 * not take its own tasks for lost. Nothing here is trusted to memory: whatever a worker writes names its lease, and a
 * lease that was taken over makes the statement change nothing.
 *
 * What ends at the same time is written by one statement, and what there is room for is claimed by another, while the former is
 * being committed: the more there is to do, the more goes into each.
 */
import { setImmediate as turn } from 'node:timers/promises'
import { server } from '../core/actor.ts'
import { coalesced } from '../core/coalesced.ts'
import type { LoggedEvent } from '../events/log.ts'
import type { Store } from '../events/store.ts'
import { transact } from '../events/transact.ts'
import type { ChunkCommitter } from '../streams/chunk-committer.ts'
import { AttemptEnd } from './attempt-ending.ts'
import type { Turns } from './claim-candidates.ts'
import { lanesOfTypes } from './lanes.ts'
import { type Lease, SERVER_LEASE_SECONDS, SWEEP_EVERY_MS, TASKS_TOPIC } from './task.ts'
import { type AttemptHost, type RunnerLog, TaskAttempt } from './task-attempt.ts'
import type { Takers } from './task-creator.ts'
import { TaskFinisher } from './task-finisher.ts'
import type { Rate } from './task-rates.ts'
import { taskSweep } from './task-sweep.ts'
import type { TaskOutcome, TaskTypes } from './task-type.ts'
import { type Claimed, tasksClaim } from './tasks-claim.ts'
import { tasksPromote } from './tasks-promote.ts'
import { tasksRescue } from './tasks-rescue.ts'

const LOOK_EVERY_MS = 1000
/** So many are claimed, and completed, by one statement at most. */
const AT_ONCE = 500

/** What happens to most tasks most of the time, and puts none into the queue. */
const AWAY_FROM_QUEUE: ReadonlySet<string> = new Set(['TASK_STARTED', 'TASK_PROGRESSED', 'TASK_COMPLETED', 'TASK_FAILED', 'TASK_CANCELLED'])

export class TaskRunner implements Takers, AttemptHost {
  /** Two at the same task, where the lease of the first was lost and it does not know yet. */
  readonly #attempts = new Set<TaskAttempt>()
  readonly #offs: (() => void)[] = []
  readonly #turns: Turns = new Map()
  readonly #finisher: TaskFinisher
  /** Attempts whose functions have ended, and whose ends are being written. */
  #ending = 0
  /** Room set aside for tasks that are being written down. */
  #reserved = 0
  /** Room that a claim under way may need. */
  #claiming = 0
  /** Whether the last claim found less than it asked for, and nothing was heard since. */
  #isIdle = false
  /** Whether what the last server left was taken up. */
  #isReady = false
  #swept: Promise<void> = Promise.resolve()
  #stopping = false
  #timers: NodeJS.Timeout[] = []
  #dueTimer: NodeJS.Timeout | undefined
  readonly worker: string

  constructor(
    readonly store: Store,
    readonly types: TaskTypes,
    readonly committer: ChunkCommitter,
    /** `only`: the types it works on; left out: all. */
    readonly options: { worker: string; concurrency: number; log: RunnerLog; only?: readonly string[] },
  ) {
    this.worker = options.worker
    this.#finisher = new TaskFinisher(store, AT_ONCE)
  }

  /** What it works on. */
  get names(): readonly string[] {
    return this.options.only ?? this.types.names
  }

  /** How many attempts are under way here. */
  get running(): number {
    return this.#attempts.size
  }

  get log(): RunnerLog {
    return this.options.log
  }

  get isStopping(): boolean {
    return this.#stopping
  }

  start(): void {
    const every = (ms: number, act: () => void) => this.#timers.push(setInterval(act, ms))
    every(SWEEP_EVERY_MS, () => void this.sweep())
    every(LOOK_EVERY_MS, () => void this.#look())
    this.#offs.push(
      this.store.signals.on(TASKS_TOPIC, () => {
        this.#isIdle = false
        void this.claim()
      }),
      this.store.tail.on('*', (event) => this.#hear(event)),
    )
    void this.#begin()
  }

  /** A SQLite file has one server: whatever a server held when this one starts, nobody holds any more. */
  async #begin(): Promise<void> {
    if (this.store.database.dialect === 'sqlite') {
      try {
        // Batch after batch, until there is none left.
        while ((await transact(this.store, server, (work) => tasksRescue(work, { orphans: true }))).result.length);
      } catch (error) {
        this.log.warn({ err: error }, 'What the last server left could not be taken up at once; it is once its leases have run out.')
      }
    }
    this.#isReady = true
    void this.sweep()
    void this.#look()
  }

  /** A request to stop comes through the log, from whichever server took it; it is meant for one attempt. */
  #hear(event: LoggedEvent): void {
    // By the kind first: to look into what an event says costs more than all else here.
    if (AWAY_FROM_QUEUE.has(event.kind)) return
    const { kind, subjectId, data } = event
    if (kind === 'TASK_CANCEL_REQUESTED') {
      for (const attempt of this.#attempts) if (attempt.task.id === subjectId && attempt.task.attempt === data.attempt) attempt.end(AttemptEnd.CANCELLED)
    } else if (data.status === 'QUEUED' && typeof data.runAtMs === 'number') {
      this.#wakeIn(data.runAtMs - this.store.clock.nowMs())
    }
  }

  /** Looks again when something is due; by this server's clock, and should that be wrong, with the next look. */
  #wakeIn(ms: number): void {
    if (ms <= 0 || ms > LOOK_EVERY_MS || this.#stopping) return
    setTimeout(() => void this.#look(), ms + 1).unref()
  }

  /** What has become due, and then what there is to claim. */
  readonly #look = coalesced(async () => {
    try {
      const { result: nextInMs } = await transact(this.store, server, tasksPromote)
      if (nextInMs !== null) {
        clearTimeout(this.#dueTimer)
        if (nextInMs < LOOK_EVERY_MS && !this.#stopping) this.#dueTimer = setTimeout(() => void this.#look(), nextInMs + 1).unref()
      }
    } catch (error) {
      this.log.warn({ err: error }, 'Could not look for tasks that are due; it is tried again.')
    }
    await this.claim()
  })

  /** Renews, then rescues. Who asks is answered by a sweep that began after that. */
  sweep(): Promise<void> {
    this.#swept = this.#sweepAgain()
    return this.#swept
  }

  readonly #sweepAgain = coalesced(() =>
    taskSweep(this, [...this.#attempts]).catch((error) => this.log.warn({ err: error }, 'The sweep failed; it is tried again.')),
  )

  /** How many functions more may run. One that has ended makes room though its end is still being written. */
  get #room(): number {
    if (this.#stopping || !this.#isReady) return 0
    return this.options.concurrency - this.#attempts.size - this.#reserved - this.#claiming + this.#ending
  }

  /** Claims as many tasks as there is room for. */
  readonly claim = coalesced(async () => {
    // What ends in this same turn of the event loop makes room together.
    if (this.#ending) await turn()
    const limit = Math.min(this.#room, AT_ONCE)
    if (limit < 1) return
    this.#isIdle = true
    this.#claiming = limit
    try {
      const { result: claimed } = await transact(this.store, server, (work) =>
        tasksClaim(work, {
          lanes: lanesOfTypes(this.types.names),
          limit,
          worker: this.worker,
          kind: 'SERVER',
          leaseSeconds: SERVER_LEASE_SECONDS,
          rates: this.#rates(),
          turns: this.#turns,
        }),
      )
      if (claimed.length === limit) this.#isIdle = false
      this.#claiming = 0
      this.take(claimed)
      // It has not come to the end of the lanes yet: those before it may all be full.
      if (this.#turns.size && claimed.length < limit) void this.claim()
    } catch (error) {
      this.log.warn({ err: error }, 'Could not claim tasks; it is tried again.')
    } finally {
      this.#claiming = 0
    }
  })

  #rates(): Map<string, Rate> {
    return new Map(this.types.all.flatMap((type) => (type.rate ? [[type.name, type.rate] as const] : [])))
  }

  async finish(lease: Lease, outcome: TaskOutcome): Promise<boolean> {
    this.#ending++
    try {
      const written = this.#finisher.finish(lease, outcome)
      if (!this.#isIdle) void this.claim()
      return await written
    } finally {
      this.#ending--
    }
  }

  reserve(count: number): number {
    if (!this.#isIdle) return 0
    const room = Math.max(0, Math.min(count, this.#room))
    this.#reserved += room
    return room
  }

  free(count: number): void {
    this.#reserved -= count
  }

  /** Begins with tasks whose leases this server holds. */
  take(claimed: readonly Claimed[]): void {
    for (const { task, params, id, leaseToken, traceparent } of claimed) {
      const attempt = new TaskAttempt(this, { id, leaseToken }, task, { params, traceparent }, this.types.get(task.type)!)
      this.#attempts.add(attempt)
      void attempt.start().finally(() => {
        this.#attempts.delete(attempt)
        if (!this.#isIdle) void this.claim()
      })
      if (this.#stopping) attempt.end(AttemptEnd.SHUTDOWN)
    }
  }

  /** Ends every attempt so that another server, or this one when it is back, takes it up; waits until all is written. */
  async stop(): Promise<void> {
    this.#stopping = true
    for (const off of this.#offs) off()
    clearTimeout(this.#dueTimer)
    // What is being claimed now is claimed first, and then ended with the rest.
    await this.claim()
    const attempts = [...this.#attempts]
    for (const attempt of attempts) attempt.end(AttemptEnd.SHUTDOWN)
    await Promise.all(attempts.map((attempt) => attempt.ended))
    for (const timer of this.#timers) clearInterval(timer)
    await this.#swept
  }
}
