/**
 * Results as server-sent events (graphql-sse, one operation a connection): `next` for each, with the source event's
 * `id:`, then `complete`. Where the server stops there is no `complete`, and clients connect again.
 */
import type { ExecutionResult } from 'graphql'
import { jsonOf, type SharedResult, WIRE } from '../graphql/shared-results.ts'
import { Ended, finished, type LiveResult, SSE_ID } from '../graphql/subscribe.ts'

/** Frozen, for Yoga's `Response` writes into the headers it is given: hand it a copy. */
export const SSE_HEADERS = Object.freeze({
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
})

/** Shorter than the minute after which most proxies give a silent connection up. */
const KEEP_ALIVE_MS = 12_000

const encoder = new TextEncoder()
const next = (result: LiveResult) => `event: next\n${result[SSE_ID] ? `id: ${result[SSE_ID]}\n` : ''}data: ${jsonOf(result)}\n\n`
/** Its bytes are made once for all who are given the same result. */
const bytesOf = (result: SharedResult) => result[WIRE]?.event(() => encoder.encode(next(result))) ?? encoder.encode(next(result))
const complete = 'event: complete\ndata:\n\n'

/** The results as they come; read as fast as the client reads. `signal` is the operation's, and says why it ended. */
export function eventStream(results: AsyncIterator<LiveResult>, signal: AbortSignal, keepAliveMs = KEEP_ALIVE_MS): ReadableStream<Uint8Array> {
  let timer: NodeJS.Timeout
  return new ReadableStream<Uint8Array>({
    start(controller) {
      const comment = encoder.encode(':\n\n')
      // At once, so that the headers go out before the first event.
      controller.enqueue(comment)
      timer = setInterval(() => (controller.desiredSize ?? 0) > 0 && controller.enqueue(comment), keepAliveMs)
    },
    async pull(controller) {
      const step = await results.next()
      if (!step.done) return controller.enqueue(bytesOf(step.value))
      clearInterval(timer)
      const silently = signal.aborted && signal.reason instanceof Ended && signal.reason !== finished
      if (!silently) controller.enqueue(encoder.encode(complete))
      controller.close()
    },
    async cancel() {
      clearInterval(timer)
      await results.return?.()
    },
  })
}

/** Parts as they are asked for, and comments while there is none. Where the source fails the connection is cut. */
export function keptAlive(parts: AsyncIterator<Uint8Array>, keepAliveMs = KEEP_ALIVE_MS): ReadableStream<Uint8Array> {
  let timer: NodeJS.Timeout
  return new ReadableStream<Uint8Array>({
    start(controller) {
      const comment = encoder.encode(':\n\n')
      controller.enqueue(comment)
      timer = setInterval(() => (controller.desiredSize ?? 0) > 0 && controller.enqueue(comment), keepAliveMs)
    },
    async pull(controller) {
      try {
        const step = await parts.next()
        if (!step.done) return controller.enqueue(step.value)
        clearInterval(timer)
        controller.close()
      } catch (error) {
        clearInterval(timer)
        throw error
      }
    },
    async cancel() {
      clearInterval(timer)
      await parts.return?.()
    },
  })
}

/** One result for a client that accepts nothing but events. */
export const singleEvent = (result: ExecutionResult): string => next(result) + complete
