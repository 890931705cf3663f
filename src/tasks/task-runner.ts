/**
 * A server's own workers: they claim what they can run, keep its leases alive, and take over what others lost.
 *
 * Every two seconds a sweep renews the own leases and only then rescues others', so that a server that was stalled does
 * not take its own tasks for lost. Nothing here is trusted to memory: whatever a worker writes names its lease, and a
 * lease that was taken over makes the statement change nothing.
 */
import { server } from '../core/actor.ts'
import { coalesced } from '../core/coalesced.ts'
import type { LoggedEvent } from '../events/log.ts'
import type { Store } from '../events/store.ts'
import { transact } from '../events/transact.ts'
import type { ChunkCommitter } from '../streams/chunk-committer.ts'
import { streamsRescue } from '../streams/streams-end.ts'
import { leasesRenew } from './leases-renew.ts'
import { SERVER_LEASE_SECONDS, SWEEP_EVERY_MS, TASKS_TOPIC } from './task.ts'
import { AttemptEnd, type RunnerLog, TaskAttempt } from './task-attempt.ts'
import type { TaskTypes } from './task-type.ts'
import { tasksClaim } from './tasks-claim.ts'
import { tasksRescue } from './tasks-rescue.ts'

const LOOK_EVERY_MS = 1000

export class TaskRunner {
  /** Two at the same task, where the lease of the first was lost and it does not know yet. */
  readonly #attempts = new Set<TaskAttempt>()
  readonly #offs: (() => void)[] = []
  #sweeping: Promise<void> | null = null
  #stopping = false
  #timers: NodeJS.Timeout[] = []

  constructor(
    readonly store: Store,
    readonly types: TaskTypes,
    readonly committer: ChunkCommitter,
    readonly options: { worker: string; concurrency: number; log: RunnerLog },
  ) {}

  start(): void {
    const every = (ms: number, act: () => void) => this.#timers.push(setInterval(act, ms))
    every(SWEEP_EVERY_MS, () => void this.sweep())
    every(LOOK_EVERY_MS, () => void this.claim())
    this.#offs.push(
      this.store.signals.on(TASKS_TOPIC, () => void this.claim()),
      this.store.tail.on('*', (event) => this.#hear(event)),
    )
    void this.sweep()
    void this.claim()
  }

  /** A request to stop comes through the log, from whichever server took it; it is meant for one attempt. */
  #hear({ kind, subjectId, data }: LoggedEvent): void {
    if (kind !== 'TASK_CANCEL_REQUESTED') return
    for (const attempt of this.#attempts) if (attempt.task.id === subjectId && attempt.task.attempt === data.attempt) attempt.end(AttemptEnd.CANCELLED)
  }

  /** Renews, then rescues. */
  sweep(): Promise<void> {
    this.#sweeping ??= this.#sweep()
      .catch((error) => this.options.log.warn({ err: error }, 'The sweep failed; it is tried again.'))
      .finally(() => {
        this.#sweeping = null
      })
    return this.#sweeping
  }

  async #sweep(): Promise<void> {
    const mine = [...this.#attempts]
    if (mine.length) {
      const { result: held } = await transact(this.store, server, (work) =>
        leasesRenew(
          work,
          mine.map((attempt) => attempt.lease),
        ),
      )
      for (const attempt of mine) {
        const renewed = held.get(attempt.lease)
        if (!renewed) attempt.end(AttemptEnd.LEASE_LOST)
        else if (renewed.cancelRequested) attempt.end(AttemptEnd.CANCELLED)
      }
    }
    const { result: rescued } = await transact(this.store, server, tasksRescue)
    for (const task of rescued) this.options.log.info({ taskId: task.id, status: task.status, attempt: task.attempt }, 'Took a task from a lost worker.')
    await transact(this.store, server, streamsRescue)
  }

  /** Claims as many tasks as there is room for. */
  readonly claim = coalesced(() => this.#claim().catch((error) => this.options.log.warn({ err: error }, 'Could not claim tasks; it is tried again.')))

  async #claim(): Promise<void> {
    const limit = this.options.concurrency - this.#attempts.size
    if (limit < 1 || this.#stopping) return
    const { result: claimed } = await transact(this.store, server, (work) =>
      tasksClaim(work, { types: this.types.names, limit, worker: this.options.worker, leaseSeconds: SERVER_LEASE_SECONDS }),
    )
    for (const { task, ...lease } of claimed) {
      const attempt = new TaskAttempt(this.store, this.committer, lease, task, this.types.get(task.type)!, this.options.log)
      this.#attempts.add(attempt)
      void attempt.run().finally(() => {
        this.#attempts.delete(attempt)
        void this.claim()
      })
      if (this.#stopping) attempt.end(AttemptEnd.SHUTDOWN)
    }
  }

  /** Ends every attempt so that another server, or this one when it is back, takes it up; waits until all is written. */
  async stop(): Promise<void> {
    this.#stopping = true
    for (const off of this.#offs) off()
    // What is being claimed now is claimed first, and then ended with the rest.
    await this.claim()
    const attempts = [...this.#attempts]
    for (const attempt of attempts) attempt.end(AttemptEnd.SHUTDOWN)
    await Promise.all(attempts.map((attempt) => attempt.ended))
    for (const timer of this.#timers) clearInterval(timer)
    await this.#sweeping
  }
}
