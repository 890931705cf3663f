import type { Kept } from '../events/kept.ts'
import type { Store } from '../events/store.ts'
import { HOUR_MS, type TallyPeriod } from './tally.ts'
import type { TallyScope } from './tally-read.ts'
import { type PeriodsAsked, tasksOverTime } from './tasks-over-time.ts'

/** So long after its end nothing is added to an hour any more, whatever the clocks of servers and database say. */
const SURE_MS = 10 * 60_000

/** The same: what is past does not change any more and may be kept; what goes on is read anew. */
export async function tasksOverTimeKept(store: Store, kept: Kept<TallyPeriod[]>, scope: TallyScope, asked: PeriodsAsked): Promise<TallyPeriod[]> {
  const sureMs = store.clock.nowMs() - SURE_MS
  const pastMs = Math.max(asked.fromMs, Math.min(asked.toMs, sureMs - (sureMs % (asked.hours * HOUR_MS))))
  const past = { ...asked, toMs: pastMs }
  const present = { ...asked, fromMs: pastMs }
  const parts = await Promise.all([
    past.fromMs < past.toMs ? kept.get(JSON.stringify([scope.ownerIds, scope.types, past]), () => tasksOverTime(store, scope, past)) : [],
    present.fromMs < present.toMs ? tasksOverTime(store, scope, present) : [],
  ])
  return parts.flat()
}
