/**
 * Who waits for work from elsewhere, and what for.
 *
 * Those who can run the same stand in one line. When a signal says that something may have become ready, and once a second,
 * one statement a line counts what is; no more are woken than there is work, so a thousand idle workers cost as much as one.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { coalesced } from '../core/coalesced.ts'
import { sqlWords } from '../db/sql.ts'
import type { Store } from '../events/store.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { Lanes } from './lanes.ts'
import { TASKS_TOPIC } from './task.ts'

/** What becomes ready by time, or whose signal was lost, is found by this. */
const LOOK_EVERY_MS = 1000
/** Of more than this nobody needs to know how many. */
export const READY_COUNTED = 100

interface Line {
  lanes: Lanes
  /** In the order they came. */
  waiting: Set<() => void>
  listeners: Set<(count: number) => void>
  look: () => Promise<void>
}

export class ReadyWatch {
  readonly #lines = new Map<string, Line>()
  readonly #stopped = new AbortController()
  #off: (() => void) | null = null
  #timer: NodeJS.Timeout | undefined

  constructor(readonly store: Store) {}

  /** How many wait or listen; for tests. */
  get size(): number {
    return [...this.#lines.values()].reduce((sum, { waiting, listeners }) => sum + waiting.size + listeners.size, 0)
  }

  /** Aborts when nobody shall wait any more. */
  get stopped(): AbortSignal {
    return this.#stopped.signal
  }

  /** Calls once when there may be something to claim. The function it answers leaves the line. */
  next(lanes: Lanes, woken: () => void): () => void {
    const line = this.#line(lanes)
    const wake = () => {
      leave()
      woken()
    }
    const leave = () => {
      line.waiting.delete(wake)
      this.#tidy(lanes, line)
    }
    line.waiting.add(wake)
    return leave
  }

  /** Calls with how many are ready, up to `READY_COUNTED`, whenever that was looked at. */
  listen(lanes: Lanes, listener: (count: number) => void): () => void {
    const line = this.#line(lanes)
    line.listeners.add(listener)
    return () => {
      line.listeners.delete(listener)
      this.#tidy(lanes, line)
    }
  }

  /** Wakes everybody for good. */
  stop(): void {
    this.#stopped.abort()
  }

  #line(lanes: Lanes): Line {
    const key = JSON.stringify(lanes)
    const known = this.#lines.get(key)
    if (known) return known
    const line: Line = { lanes, waiting: new Set(), listeners: new Set(), look: coalesced(() => this.#look(line)) }
    this.#lines.set(key, line)
    if (!this.#off) {
      const lookAll = () => {
        for (const each of this.#lines.values()) void each.look()
      }
      this.#off = this.store.signals.on(TASKS_TOPIC, lookAll)
      this.#timer = setInterval(lookAll, LOOK_EVERY_MS)
    }
    return line
  }

  #tidy(lanes: Lanes, line: Line): void {
    if (line.waiting.size || line.listeners.size) return
    const key = JSON.stringify(lanes)
    if (this.#lines.get(key) === line) this.#lines.delete(key)
    if (this.#lines.size) return
    this.#off?.()
    this.#off = null
    clearInterval(this.#timer)
  }

  async #look(line: Line): Promise<void> {
    let count: number
    try {
      count = await readyCount(this.store, line.lanes)
    } catch {
      // The database cannot say now; it will be asked again.
      return
    }
    for (const listener of [...line.listeners]) listener(count)
    for (const wake of [...line.waiting].slice(0, count)) wake()
  }
}

const watches = new WeakMap<Store, ReadyWatch>()

/** One for each opened store. */
export function readyWatch(store: Store): ReadyWatch {
  const known = watches.get(store) ?? new ReadyWatch(store)
  watches.set(store, known)
  return known
}

/** How many tasks wait in these lanes, up to `READY_COUNTED`; also such as a key or a rate holds back for now. */
export async function readyCount(store: Store, { exact, ranges }: Lanes): Promise<number> {
  const lane = sqlWords[store.database.dialect].byBytes(Prisma.sql`"lane"`)
  const conditions = [
    ...(exact.length ? [Prisma.sql`${lane} IN (${Prisma.join(exact)})`] : []),
    ...ranges.map(({ from, to }) => Prisma.sql`${lane} > ${from} AND ${lane} < ${to}`),
  ]
  if (!conditions.length) return 0
  // One by one, for of alternatives joined by OR the index would not be used.
  const parts = conditions.map(
    (condition) =>
      Prisma.sql`SELECT * FROM (SELECT 1 AS "one" FROM "Task" WHERE "status" = 'QUEUED' AND "readyAtMs" IS NOT NULL AND ${condition} LIMIT ${READY_COUNTED}) AS "part"`,
  )
  const [row] = await store.database.rows<{ count: number }>(Prisma.sql`SELECT COUNT(*) AS "count" FROM (${Prisma.join(parts, ' UNION ALL ')}) AS "ready"`)
  return Math.min(Number(row?.count ?? 0), READY_COUNTED)
}

/** Between two of these many more may come; they are told together. */
const TELL_EVERY_MS = 250

/** How many are ready: now, and then whenever there may be some, until the signal aborts. */
export async function* readyCounts(store: Store, lanes: Lanes, signal: AbortSignal): AsyncGenerator<number, void, void> {
  let latest = 0
  let wake = () => {}
  const off = readyWatch(store).listen(lanes, (count) => {
    latest = count
    if (count) wake()
  })
  const end = () => wake()
  signal.addEventListener('abort', end, { once: true })
  try {
    yield await readyCount(store, lanes)
    while (!signal.aborted) {
      await pause(TELL_EVERY_MS, signal)
      if (!latest && !signal.aborted)
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      if (signal.aborted) return
      const count = latest
      latest = 0
      yield count
    }
  } finally {
    off()
    signal.removeEventListener('abort', end)
  }
}

const pause = (ms: number, signal: AbortSignal) => sleep(ms, undefined, { signal }).catch(() => {})
