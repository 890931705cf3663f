/**
 * Gapless reading: state first, then every change after it, none missing, none twice.
 *
 * Every subscription goes through `live`. A generator that is parked on an `await` cannot see `return()`, so `live` gives
 * it an AbortSignal and ends it by that.
 */
import { CursorExpired } from '../core/errors.ts'
import { type EventMatch, fromCursor, type LoggedEvent, matchesEvent, readEventsAfter, readHead } from './log.ts'
import type { Store } from './store.ts'

/** An iterator over `make(signal)` that ends at once when its consumer leaves or `outer` aborts. */
export function live<T>(outer: AbortSignal | undefined, make: (signal: AbortSignal) => AsyncGenerator<T, void, void>): AsyncIterableIterator<T> {
  const ending = new AbortController()
  const end = () => ending.abort()
  if (outer?.aborted) end()
  else outer?.addEventListener('abort', end, { once: true })
  const inner = make(ending.signal)
  const letGo = () => outer?.removeEventListener('abort', end)
  const leave = async (): Promise<IteratorResult<T>> => {
    end()
    letGo()
    await inner.return()
    return { done: true, value: undefined }
  }
  return {
    next: async () => {
      try {
        const step = await inner.next()
        if (step.done) letGo()
        return step
      } catch (error) {
        letGo()
        throw error
      }
    },
    return: leave,
    throw: async (error) => {
      await leave()
      throw error
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}

/** Where a reader begins: after the cursor it came with, or now. */
export async function startOf(store: Store, after: string | null | undefined): Promise<number> {
  const head = await readHead(store.database)
  return after ? fromCursor(after, head, ['after']) : head.position
}

/**
 * Every event after a position that matches, in order, until the signal aborts. A slow reader is served from the table,
 * and holds no more than a page of events; where the log no longer holds what comes next it is told `CURSOR_EXPIRED`.
 */
export async function* follow(store: Store, after: number, match: EventMatch, signal: AbortSignal): AsyncGenerator<LoggedEvent, void, void> {
  const { tail, database } = store
  const { epoch } = tail
  const { page } = tail.sizes
  let position = after
  while (!signal.aborted && !tail.closed) {
    if (tail.epoch !== epoch) throw new CursorExpired()
    // This process has not yet read as far as the reader already is, on another server.
    if (tail.position < position) void tail.look()
    // Taken before the table is read: whatever the tail has seen, a statement that begins now sees too.
    const end = tail.position
    const recent = tail.since(position)
    const events = recent ?? (await readEventsAfter(database, position, match, page))
    for (const event of events) {
      if (signal.aborted) return
      if (!recent || matchesEvent(match, event)) yield event
      position = event.position
    }
    if (!recent && events.length < page) position = Math.max(position, end)
    position = await tail.beyond(position, match, signal)
  }
}
