/** The only place that opens transactions. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Actor, actorId } from '../core/actor.ts'
import { isRetryable, meaningOf } from '../db/constraints.ts'
import { appendEvents } from './log.ts'
import type { Store } from './store.ts'
import { EVENTS_TOPIC } from './tail.ts'
import type { Work } from './work.ts'

export interface Committed<T> {
  result: T
  /** The last position this transaction took in the log; null where it wrote no event. */
  position: number | null
}

const TRIES = 6

/**
 * Runs an operation in one transaction: its changes, then its events as the very last statement, then the commit, and
 * only then the signals. When it fails nothing was changed and nothing was said. Serialization failures, deadlocks and
 * busy locks are tried again, so an operation may run more than once and must have no effect but on the database.
 */
export async function transact<T>(store: Store, actor: Actor, operation: (work: Work) => Promise<T>): Promise<Committed<T>> {
  const { signals, ...committed } = await retrying(() => attempt(store, actor, operation))
  if (committed.position !== null) signals.add(EVENTS_TOPIC)
  if (signals.size) store.signals.send(signals)
  return committed
}

/** Events and signals are collected anew in each attempt, so that what is tried again is not told twice. */
async function attempt<T>(store: Store, actor: Actor, operation: (work: Work) => Promise<T>): Promise<Committed<T> & { signals: Set<string> }> {
  const { client, sql, dialect } = store.database
  const signals = new Set<string>()
  return client.$transaction(async (db) => {
    const work: Work = { db, sql, dialect, actor, clock: store.clock, events: [], signals }
    const result = await operation(work)
    return { result, position: work.events.length ? await appendEvents(work, actorId(actor)) : null, signals }
  })
}

async function retrying<T>(run: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await run()
    } catch (error) {
      const meaning = meaningOf(error)
      if (meaning) throw meaning
      if (tries >= TRIES || !isRetryable(error)) throw error
      await sleep(2 ** tries * (5 + Math.random() * 5))
    }
  }
}

/** For operations that only read: outside any transaction. */
export const reading = (store: Store, actor: Actor): Work => ({
  db: store.database.client,
  sql: store.database.sql,
  dialect: store.database.dialect,
  actor,
  clock: store.clock,
  events: [],
  signals: new Set(),
})
