import { setTimeout as sleep } from 'node:timers/promises'
import { type Actor, ownedBy } from '../core/actor.ts'
import type { Store } from '../events/store.ts'
import type { TallyScope } from './tally-read.ts'
import { type TaskStats, talliedStats } from './task-stats.ts'

interface Following {
  actor: Actor
  scope: TallyScope
  everySeconds: number
}

/** The figures of a scope: as they are, and then as they have become whenever they changed, but not more often than asked, until the signal aborts. */
export async function* taskStatsFollow(store: Store, { actor, scope, everySeconds }: Following, signal: AbortSignal): AsyncGenerator<TaskStats, void, void> {
  const { tail } = store
  let told = ''
  while (!signal.aborted && !tail.closed) {
    const stats = await talliedStats(store, scope)
    const figures = JSON.stringify([stats.all, stats.byType])
    if (figures !== told && !signal.aborted) yield stats
    told = figures
    // So long nothing is looked at, whatever happens; and then until something does.
    await sleep(everySeconds * 1000, undefined, { signal }).catch(() => {})
    await tail.beyond(stats.position, { subjectType: 'Task', ...ownedBy(actor) }, signal)
  }
}
