/** Subscriptions that outlive their connection. */
import { RateLimited, Unauthenticated, Unavailable } from './errors.ts'
import { pause, pauseAfter } from './pause.ts'
import type { Transport } from './transport.ts'

/**
 * What a subscription tells, through cuts and restarts: whenever the connection breaks it is opened again with the variables of that
 * moment, so the caller moves its cursor on with each message, and misses nothing and gets nothing twice. Ends when the
 * subscription does, or at the signal.
 */
export async function* follow<Data>(transport: Transport, query: string, variables: () => object, signal: AbortSignal): AsyncGenerator<Data, void, void> {
  for (let failures = 0; !signal.aborted; failures++) {
    let waitMs = pauseAfter(failures)
    let isFirst = true
    const events = transport.events<Data>(query, variables(), signal)
    try {
      for (;;) {
        const step = await events.next()
        if (step.done && step.value) return
        if (step.done) break
        failures = 0
        isFirst = false
        yield step.value
      }
    } catch (error) {
      if (signal.aborted) return
      if (error instanceof RateLimited) waitMs = error.retryAfterMs
      // A token that ran out on the way is renewed when it is opened again; one that is not taken at all is not.
      else if (!(error instanceof Unavailable || (error instanceof Unauthenticated && !isFirst))) throw error
    } finally {
      await events.return(true)
    }
    await pause(waitMs, signal)
  }
}
