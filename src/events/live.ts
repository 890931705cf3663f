/**
 * Gapless reading: state first, then every change after it, none missing, none twice.
 *
 * Every subscription goes through `live`. A generator that is parked on an `await` cannot see `return()`, so `live` gives
 * it an AbortSignal and ends it by that.
 */
import { CursorExpired } from '../core/errors.ts'
import { type EventMatch, fromCursor, type LoggedEvent, matchesEvent, readEvents, readHead } from './log.ts'
import type { Store } from './store.ts'

const PAGE = 500

/** An iterator over `make(signal)` that ends at once when its consumer leaves or `outer` aborts. */
export function live<T>(outer: AbortSignal | undefined, make: (signal: AbortSignal) => AsyncGenerator<T, void, void>): AsyncIterableIterator<T> {
  const ending = new AbortController()
  const end = () => ending.abort()
  if (outer?.aborted) end()
  else outer?.addEventListener('abort', end, { once: true })
  const inner = make(ending.signal)
  const leave = async (): Promise<IteratorResult<T>> => {
    end()
    outer?.removeEventListener('abort', end)
    await inner.return()
    return { done: true, value: undefined }
  }
  return {
    next: async () => {
      const step = await inner.next()
      if (step.done) outer?.removeEventListener('abort', end)
      return step
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

/** Every event after a position that matches, in order, until the signal aborts. A slow reader is served from the table. */
export async function* follow(store: Store, after: number, match: EventMatch, signal: AbortSignal): AsyncGenerator<LoggedEvent, void, void> {
  const { tail, database } = store
  let position = after
  while (!signal.aborted) {
    if (tail.position < position) {
      // This process has not yet read as far as the reader already is.
      void tail.look()
    }
    const end = tail.position
    const recent = tail.since(position)
    if (recent) {
      for (const event of recent) {
        if (signal.aborted) return
        if (matchesEvent(match, event)) yield event
        position = event.position
      }
    } else {
      const page = await readEvents(database, position, match, PAGE)
      // Looked at after the page: what retention cut meanwhile may be missing from it.
      if (position < (await readHead(database)).expiredThrough) throw new CursorExpired()
      for (const event of page) {
        if (signal.aborted) return
        yield event
        position = event.position
      }
      if (page.length < PAGE) position = Math.max(position, end)
    }
    await tail.beyond(position, signal)
  }
}
