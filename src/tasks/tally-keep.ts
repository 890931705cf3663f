import { coalesced } from '../core/coalesced.ts'
import type { Store } from '../events/store.ts'
import { tallyFold } from './tally-fold.ts'

const FOLD_EVERY_MS = 2000

/** Keeps the tallies close to the end of the log, in every server; while nothing happens it asks the database nothing. */
export function tallyKeep(store: Store, warn: (error: unknown) => void): { stop(): Promise<void> } {
  let through = -1
  const stopping = new AbortController()
  const fold = coalesced(async () => {
    const { position } = store.tail
    if (stopping.signal.aborted || position === through) return
    try {
      if (await tallyFold(store, { signal: stopping.signal })) through = position
    } catch (error) {
      if (!stopping.signal.aborted) warn(error)
    }
  })
  const timer = setInterval(() => void fold(), FOLD_EVERY_MS)
  timer.unref()
  void fold()
  return {
    stop: async () => {
      stopping.abort()
      clearInterval(timer)
      await fold()
    },
  }
}
