import { coalesced } from '../core/coalesced.ts'
import type { Store } from '../events/store.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { TaskTypes } from '../tasks/task-type.ts'
import { SCHEDULES_TOPIC } from './schedule.ts'
import { ownerActs, schedulesFire } from './schedules-fire.ts'

/** However far off the next tick is: what was told may have been lost. */
const LOOK_EVERY_MS = 1000
/** Where another server is just letting it fire. */
const LOOK_AGAIN_MS = 50

export interface SchedulerLog {
  warn(facts: object, message: string): void
}

/**
 * Lets schedules fire for as long as a server runs: it sleeps until the next tick by the database's clock, a second at most. Every
 * server has one, and none is needed more than another.
 */
export class Scheduler {
  #timer: NodeJS.Timeout | undefined
  #off: (() => void) | undefined
  readonly #stopping = new AbortController()

  constructor(
    readonly store: Store,
    readonly types: TaskTypes,
    readonly log: SchedulerLog,
  ) {}

  start(): void {
    this.#off = this.store.signals.on(SCHEDULES_TOPIC, () => void this.look())
    void this.look()
  }

  /** Waits until what is under way is written. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#off?.()
    clearTimeout(this.#timer)
    await this.look()
  }

  /** Fires what is due, and comes back for the next. */
  readonly look = coalesced(async () => {
    if (this.#stopping.signal.aborted) return
    clearTimeout(this.#timer)
    const waitMs = await this.#fire().catch((error) => {
      this.log.warn({ err: error }, 'Schedules could not fire; it is tried again.')
      return LOOK_EVERY_MS
    })
    if (!this.#stopping.signal.aborted) this.#timer = setTimeout(() => void this.look(), waitMs)
  })

  async #fire(): Promise<number> {
    let dueInMs = await this.#dueInMs()
    if (dueInMs <= 0) {
      await schedulesFire(this.store, this.types, {
        warn: (error, scheduleId) => this.log.warn({ err: error, scheduleId }, 'A schedule failed with an error of its own; its ticks are told as failed.'),
        signal: this.#stopping.signal,
      })
      dueInMs = await this.#dueInMs()
    }
    return dueInMs <= 0 ? LOOK_AGAIN_MS : Math.min(dueInMs, LOOK_EVERY_MS)
  }

  /** By the database's clock, not this server's. */
  async #dueInMs(): Promise<number> {
    const { rows, sql } = this.store.database
    const [next] = await rows<{ dueInMs: number }>(
      Prisma.sql`SELECT "nextRunAtMs" - ${sql.nowMs} AS "dueInMs" FROM "Schedule" WHERE "nextRunAtMs" IS NOT NULL AND ${ownerActs} ORDER BY "nextRunAtMs" LIMIT 1`,
    )
    return next?.dueInMs ?? LOOK_EVERY_MS
  }
}
