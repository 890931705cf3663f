/**
 * The results of a subscription on its way into a socket. They are framed here, around JSON that may be made once for many
 * readers; the protocol's own loop would make it anew for each. It is handed an iterator that ends when all was sent.
 */

import { jsonOf } from '../graphql/shared-results.ts'
import type { LiveResults } from '../graphql/subscribe.ts'

const DONE = { done: true, value: undefined } as const

/** `send` resolves once the network has taken the message: the next result is asked for after that. */
export function sentResults(results: LiveResults, id: string, send: (frame: string) => Promise<void>): AsyncIterableIterator<never> {
  const head = `{"id":${JSON.stringify(id)},"type":"next","payload":`
  return {
    next: async () => {
      for (let step = await results.next(); !step.done; step = await results.next()) await send(`${head}${jsonOf(step.value)}}`)
      return DONE
    },
    return: async () => {
      await results.return()
      return DONE
    },
    throw: async (error) => {
      await results.return()
      throw error
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}
