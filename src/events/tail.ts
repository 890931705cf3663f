/**
 * The end of the log, read once for everybody in this process.
 *
 * It keeps the newest events in a ring of fixed size. Readers at the tip take from the ring; a reader who is behind it
 * reads the table. It is woken by signals and looks by itself every second, so that a lost signal costs a second and
 * never an event.
 *
 * Two things can happen under it. Retention may cut what it has not read yet, because this process or its database stood
 * still for so long: the ring begins anew behind the gap, and who waited before it is sent to the table, which tells that
 * the cursor expired. Or the log is no longer the one it was (brought back from a backup): `epoch` counts that up, and all
 * who read the former one are told.
 */
import type { Database } from '../db/database.ts'
import { type EventMatch, type LoggedEvent, type LogHead, matchesEvent, readEvents, readHead } from './log.ts'
import type { Signals } from './signals.ts'

export const EVENTS_TOPIC = 'events'
const LOOK_EVERY_MS = 1000

export interface TailSizes {
  /** How many events are kept for readers at the tip. */
  ring: number
  /** How many are read, or handed to a reader, at once: what a reader holds while it is slow. */
  page: number
}

export const TAIL_SIZES: TailSizes = { ring: 4096, page: 500 }

interface Waiter {
  position: number
  match: EventMatch
  wake(position: number): void
}

export class EventTail {
  /** The last position read; everything up to it has been shown to the listeners. */
  position = 0
  /** The log's identity: part of every cursor. */
  logId = ''
  /** Goes up when the log has become another one. */
  epoch = 0
  closed = false
  /** Dense: each position follows the one before it. */
  #ring: LoggedEvent[] = []
  readonly #waiting = new Set<Waiter>()
  readonly #listeners = new Map<string, Set<(event: LoggedEvent) => void>>()
  #looking: Promise<void> | null = null
  #again = false
  #timer: NodeJS.Timeout | undefined
  #off: (() => void) | undefined

  constructor(
    readonly database: Database,
    readonly signals: Signals,
    readonly warn: (error: unknown) => void,
    readonly sizes: TailSizes = TAIL_SIZES,
  ) {}

  async start(): Promise<void> {
    const { logId, position } = await readHead(this.database)
    this.logId = logId
    this.position = position
    this.#off = this.signals.on(EVENTS_TOPIC, () => void this.look())
    this.#timer = setInterval(() => void this.look(), LOOK_EVERY_MS)
    this.#timer.unref()
  }

  /** Reads what is new; resolves when all that was committed before the call has been read, or could not be. */
  look(): Promise<void> {
    if (this.closed) return Promise.resolve()
    this.#again = true
    this.#looking ??= this.#look().finally(() => {
      this.#looking = null
    })
    return this.#looking
  }

  async #look(): Promise<void> {
    try {
      while (this.#again && !this.closed) {
        this.#again = false
        const page = await readEvents(this.database, this.position, {}, this.sizes.page)
        if (page.length) this.#take(page)
        else this.#compare(await readHead(this.database))
        if (page.length === this.sizes.page) this.#again = true
      }
    } catch (error) {
      if (!this.closed) this.warn(error)
    }
  }

  #take(page: LoggedEvent[]): void {
    const hasGap = page[0]!.position !== this.position + 1
    this.#ring = [...(hasGap ? [] : this.#ring), ...page].slice(-this.sizes.ring)
    this.position = page[page.length - 1]!.position
    for (const event of page) this.#tell(event)
    for (const waiter of [...this.#waiting]) {
      if (hasGap) waiter.wake(waiter.position)
      else {
        const next = page.find((event) => event.position > waiter.position && matchesEvent(waiter.match, event))
        if (next) waiter.wake(next.position - 1)
      }
    }
  }

  #tell(event: LoggedEvent): void {
    for (const listener of [...(this.#listeners.get(event.subjectId) ?? []), ...(this.#listeners.get('*') ?? [])]) {
      try {
        listener(event)
      } catch (error) {
        this.warn(error)
      }
    }
  }

  /** Whether this is still the log that was read so far. */
  #compare({ logId, position }: LogHead): void {
    if (logId === this.logId && position >= this.position) return
    this.warn(new Error('The log of changes is not the one it was: its readers are told that their cursors expired.'))
    this.logId = logId
    this.position = position
    this.epoch++
    this.#ring = []
    this.#wakeAll()
  }

  #wakeAll(): void {
    for (const waiter of [...this.#waiting]) waiter.wake(waiter.position)
  }

  /** What followed `position`, at most a page of it, if the ring reaches back that far; else null, and the table must be read. */
  since(position: number): readonly LoggedEvent[] | null {
    if (position >= this.position) return []
    const first = this.#ring[0]
    if (!first || first.position > position + 1) return null
    const start = position + 1 - first.position
    return this.#ring.slice(start, start + this.sizes.page)
  }

  /**
   * Resolves once there may be something after `position` that matches, or `signal` aborts, with the place to go on from:
   * nothing between `position` and that matches. Who waits for one thing is not woken by all the others.
   */
  beyond(position: number, match: EventMatch, signal: AbortSignal): Promise<number> {
    if (this.position > position || this.closed || signal.aborted) return Promise.resolve(position)
    return new Promise((resolve) => {
      const leave = () => waiter.wake(position)
      const waiter: Waiter = {
        position,
        match,
        wake: (from) => {
          this.#waiting.delete(waiter)
          signal.removeEventListener('abort', leave)
          resolve(from)
        },
      }
      this.#waiting.add(waiter)
      signal.addEventListener('abort', leave, { once: true })
    })
  }

  /** Calls `listener` for each new event about a subject (`*`: about any). It must not throw and not wait. */
  on(subjectId: string, listener: (event: LoggedEvent) => void): () => void {
    const listeners = this.#listeners.get(subjectId) ?? new Set()
    this.#listeners.set(subjectId, listeners.add(listener))
    return () => {
      listeners.delete(listener)
      if (listeners.size === 0 && this.#listeners.get(subjectId) === listeners) this.#listeners.delete(subjectId)
    }
  }

  /** Ends all who follow. */
  async close(): Promise<void> {
    this.closed = true
    clearInterval(this.#timer)
    this.#off?.()
    this.#wakeAll()
    await this.#looking
  }
}
