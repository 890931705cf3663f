import { server } from '../core/actor.ts'
import { transact } from '../events/transact.ts'
import { AttemptEnd } from './attempt-ending.ts'
import type { TaskAttempt } from './task-attempt.ts'
import { TaskNotLeased } from './task-errors.ts'
import { taskHeartbeat } from './task-heartbeat.ts'

const EVERY_MS = 250

/** Tells how far an attempt is: at once, then after a pause the last of what came meanwhile. The pause ends with the attempt's function. */
export class AttemptProgress {
  #last: { fraction: number; message?: string | undefined } | null = null
  #telling: Promise<void> | null = null
  #isOver = false
  #isStopped = false
  #endPause: () => void = () => {}

  constructor(readonly attempt: Pick<TaskAttempt, 'host' | 'lease' | 'end'>) {}

  tell(fraction: number, message: string | undefined): void {
    this.#last = { fraction, message }
    this.#telling ??= this.#tell()
  }

  /** The attempt was ended from outside: what is not told yet is not told any more. */
  stop(): void {
    this.#isStopped = true
    this.#endPause()
  }

  /** The function is over; resolves when all that it said is told. */
  async finish(): Promise<void> {
    this.#isOver = true
    this.#endPause()
    await this.#telling
  }

  async #tell(): Promise<void> {
    const { host, lease } = this.attempt
    try {
      while (this.#last && !this.#isStopped) {
        const { fraction: progress, message: progressMessage } = this.#last
        this.#last = null
        await transact(host.store, server, (work) => taskHeartbeat(work, lease, { progress, progressMessage }))
        if (!this.#isOver && !this.#isStopped) await this.#pause()
      }
    } catch (error) {
      if (error instanceof TaskNotLeased) this.attempt.end(AttemptEnd.LEASE_LOST)
      else host.log.warn({ err: error, taskId: lease.id }, 'Progress could not be written.')
    } finally {
      this.#telling = null
    }
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, EVERY_MS)
      this.#endPause = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}
