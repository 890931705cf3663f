/** Subscriptions that outlive their connection. */
import { RateLimited, Unauthenticated, Unavailable } from './errors.ts'
import { pause, pauseAfter } from './pause.ts'
import type { Transport } from './transport.ts'

/**
 * What a subscription tells, through cuts and restarts: whenever the connection breaks it is opened again with the variables of that
 * moment, so the caller moves its cursor on with each message, and misses nothing and gets nothing twice. Ends when the
 * subscription does, or at the signal.
 */
export const follow = <Data>(transport: Transport, query: string, variables: () => object, signal: AbortSignal): AsyncGenerator<Data, void, void> =>
  outlive((connection) => transport.events<Data>(query, variables(), connection), signal)

/** The same for whatever `open` opens; it returns true once all was said, false where it was cut. */
export async function* outlive<T>(open: (connection: AbortSignal) => AsyncGenerator<T, boolean, void>, signal: AbortSignal): AsyncGenerator<T, void, void> {
  let turnedAway = 0
  for (let failures = 0; !signal.aborted; failures++) {
    let waitMs = pauseAfter(failures)
    // One for each: what listens to it goes with it.
    const connection = new AbortController()
    const cut = () => connection.abort()
    signal.addEventListener('abort', cut)
    const events = open(connection.signal)
    try {
      for (;;) {
        const step = await events.next()
        if (step.done && step.value) return
        if (step.done) break
        failures = 0
        turnedAway = 0
        yield step.value
      }
    } catch (error) {
      if (signal.aborted) return
      if (error instanceof RateLimited) waitMs = error.retryAfterMs
      // Its token ran out, or its session ended, on the way: opening it again needs another one, and says so where there is none.
      else if (error instanceof Unauthenticated ? ++turnedAway > 1 : !(error instanceof Unavailable)) throw error
    } finally {
      signal.removeEventListener('abort', cut)
      cut()
      await events.return(true)
    }
    await pause(waitMs, signal)
  }
}
