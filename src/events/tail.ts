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
import { coalesced } from '../core/coalesced.ts'
import type { Database } from '../db/database.ts'
import { type EventMatch, type LoggedEvent, matchesEvent, readEvents, readHead } from './log.ts'
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
    return this.#look()
  }

  readonly #look = coalesced(async () => {
    try {
      for (let full = true; full && !this.closed; ) {
        const read = await readEvents(this.database, this.position, {}, this.sizes.page)
        // Some of it may have been offered meanwhile.
        const page = read.filter((event) => event.position > this.position)
        if (page.length) this.#take(page)
        else if (!read.length) await this.#compare()
        full = read.length === this.sizes.page
      }
    } catch (error) {
      if (!this.closed) this.warn(error)
    }
  })

  /** Takes what this process has just committed, if it is what comes next; false where something is missing before it, and it must be read. */
  offer(events: readonly LoggedEvent[]): boolean {
    if (this.closed || events[0]?.position !== this.position + 1) return false
    this.#take(events)
    return true
  }

  #take(page: readonly LoggedEvent[]): void {
    const hasGap = page[0]!.position !== this.position + 1
    if (hasGap) this.#ring = []
    for (const event of page) this.#ring.push(event)
    // Cut only now and then: a copy of thousands for each event would cost more than the event.
    if (this.#ring.length > 2 * this.sizes.ring) this.#ring = this.#ring.slice(-this.sizes.ring)
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
    this.#call(this.#listeners.get(event.subjectId), event)
    this.#call(this.#listeners.get('*'), event)
  }

  #call(listeners: ReadonlySet<(event: LoggedEvent) => void> | undefined, event: LoggedEvent): void {
    if (!listeners) return
    for (const listener of [...listeners]) {
      try {
        listener(event)
      } catch (error) {
        this.warn(error)
      }
    }
  }

  /** Whether this is still the log that was read so far; what is offered while the head is read may be newer than the head. */
  async #compare(): Promise<void> {
    const before = this.position
    const { logId, position } = await readHead(this.database)
    if (logId === this.logId && position >= before) return
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
    // Were the log ever not dense, whoever went on from a place that is not in the ring would ask for it for ever.
    if (this.#ring[start]?.position !== position + 1) return null
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
    await this.look()
  }
}
