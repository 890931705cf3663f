import { server } from '../core/actor.ts'
import { coalesced } from '../core/coalesced.ts'
import type { Store } from '../events/store.ts'
import { transact } from '../events/transact.ts'
import { usageFold } from './usage-fold.ts'
import { tasklessRun, usagesRescue } from './usages-rescue.ts'

const EVERY_MS = 2000

/**
 * Keeps the sums close behind the calls, and ends calls whose attempt is over, in every server. Both come with events: while none do, it
 * asks the database nothing.
 */
export function usageKeep(store: Store, warn: (error: unknown) => void): { stop(): Promise<void> } {
  let through = -1
  const stopping = new AbortController()
  const keep = coalesced(async () => {
    const { position } = store.tail
    if (stopping.signal.aborted || position === through) return
    try {
      while ((await transact(store, server, usagesRescue)).result && !stopping.signal.aborted);
      await usageFold(store, stopping.signal)
      // A call for no task has no attempt whose end would be told: it is waited for.
      if (!(await tasklessRun(store))) through = position
    } catch (error) {
      if (!stopping.signal.aborted) warn(error)
    }
  })
  const timer = setInterval(() => void keep(), EVERY_MS)
  timer.unref()
  void keep()
  return {
    stop: async () => {
      stopping.abort()
      clearInterval(timer)
      await keep()
    },
  }
}
