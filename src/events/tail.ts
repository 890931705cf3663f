/**
 * The end of the log, read once for everybody in this process.
 *
 * It keeps the newest events in a ring of fixed size. Readers at the tip take from the ring; a reader who is behind it
 * reads the table. It is woken by signals and looks by itself every second, so that a lost signal costs a second and
 * never an event.
 */
import type { Database } from '../db/database.ts'
import { type LoggedEvent, readEvents, readHead } from './log.ts'
import type { Signals } from './signals.ts'

export const EVENTS_TOPIC = 'events'
const RING = 4096
const PAGE = 1000
const LOOK_EVERY_MS = 1000

export class EventTail {
  /** The last position read; everything up to it has been shown to the listeners. */
  position = 0
  #ring: LoggedEvent[] = []
  #waiting = new Set<() => void>()
  readonly #listeners = new Map<string, Set<(event: LoggedEvent) => void>>()
  #looking = false
  #again = false
  #closed = false
  #timer: NodeJS.Timeout | undefined
  #off: (() => void) | undefined

  constructor(
    readonly database: Database,
    readonly signals: Signals,
    readonly warn: (error: unknown) => void,
  ) {}

  async start(): Promise<void> {
    this.position = (await readHead(this.database)).position
    this.#off = this.signals.on(EVENTS_TOPIC, () => void this.look())
    this.#timer = setInterval(() => void this.look(), LOOK_EVERY_MS)
    this.#timer.unref()
  }

  /** Reads what is new. Calls that come while it reads are one further look. */
  async look(): Promise<void> {
    if (this.#looking || this.#closed) {
      this.#again = true
      return
    }
    this.#looking = true
    try {
      do {
        this.#again = false
        let page: LoggedEvent[]
        do {
          page = await readEvents(this.database, this.position, {}, PAGE)
          if (page.length) this.#take(page)
        } while (page.length === PAGE && !this.#closed)
      } while (this.#again && !this.#closed)
    } catch (error) {
      if (!this.#closed) this.warn(error)
    } finally {
      this.#looking = false
    }
  }

  #take(page: LoggedEvent[]): void {
    this.#ring.push(...page)
    if (this.#ring.length > RING) this.#ring = this.#ring.slice(-RING)
    this.position = page[page.length - 1]!.position
    for (const event of page) {
      for (const listener of [...(this.#listeners.get(event.subjectId) ?? []), ...(this.#listeners.get('*') ?? [])]) {
        try {
          listener(event)
        } catch (error) {
          this.warn(error)
        }
      }
    }
    const waiting = this.#waiting
    this.#waiting = new Set()
    for (const wake of waiting) wake()
  }

  /** What followed `position`, if the ring reaches back that far; else null, and the table must be read. */
  since(position: number): readonly LoggedEvent[] | null {
    if (position >= this.position) return []
    const first = this.#ring[0]
    // Positions are dense, so the place of one in the ring is known without searching.
    if (!first || first.position > position + 1) return null
    return this.#ring.slice(position + 1 - first.position)
  }

  /** Resolves once there is something after `position`, or `signal` aborts. */
  async beyond(position: number, signal: AbortSignal): Promise<void> {
    if (this.position > position || signal.aborted) return
    await new Promise<void>((resolve) => {
      const wake = () => {
        this.#waiting.delete(wake)
        signal.removeEventListener('abort', wake)
        resolve()
      }
      this.#waiting.add(wake)
      signal.addEventListener('abort', wake, { once: true })
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

  close(): void {
    this.#closed = true
    clearInterval(this.#timer)
    this.#off?.()
    for (const wake of this.#waiting) wake()
  }
}
