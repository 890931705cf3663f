import { setImmediate as turn } from 'node:timers/promises'
import { server } from '../core/actor.ts'
import { coalesced } from '../core/coalesced.ts'
import type { Store } from '../events/store.ts'
import { transact } from '../events/transact.ts'
import type { Lease } from './task.ts'
import { tasksComplete } from './task-complete.ts'
import type { TaskOutcome } from './task-type.ts'

interface Finish {
  lease: Lease
  outcome: TaskOutcome
  resolve: (held: boolean) => void
  reject: (error: unknown) => void
}

/** Completes tasks without streams: those that end at the same time by one statement. */
export class TaskFinisher {
  #finishing: Finish[] = []

  constructor(
    readonly store: Store,
    /** Of one statement. */
    readonly most: number,
  ) {}

  /** False where the lease was lost. */
  finish(lease: Lease, outcome: TaskOutcome): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.#finishing.push({ lease, outcome, resolve, reject })
      void this.#record()
    })
  }

  readonly #record = coalesced(async () => {
    await turn()
    const finishing = this.#finishing.splice(0, this.most)
    if (!finishing.length) return
    try {
      const { result: completed } = await transact(this.store, server, (work) =>
        tasksComplete(
          work,
          finishing.map(({ lease, outcome }) => ({ ...lease, outcome })),
          { streams: false },
        ),
      )
      for (const { lease, resolve } of finishing) resolve(completed.has(lease.id))
    } catch (error) {
      // Each tells its own end by itself: what one of them answered may be what cannot be written.
      for (const { reject } of finishing) reject(error)
    }
    if (this.#finishing.length) void this.#record()
  })
}
