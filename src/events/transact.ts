/** The only place that opens transactions. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Actor, actorId } from '../core/actor.ts'
import { tracing } from '../core/tracing.ts'
import { isRetryable, meaningOf } from '../db/constraints.ts'
import type { OpenTransaction } from '../db/database.ts'
import { retried } from '../db/database-figures.ts'
import { tellCommitted } from './committed.ts'
import { appendEvents, type LoggedEvent } from './log.ts'
import type { Store } from './store.ts'
import { EVENTS_TOPIC } from './tail.ts'
import { entriesTold, type NewEntry, originsWrite, TRAIL_TOPIC, tellOfCall } from './trail.ts'
import type { Work } from './work.ts'

/** What a transaction led to, with what is to be told of it. */
export interface Outcome<T> extends Committed<T> {
  signals: Set<string>
  events: readonly LoggedEvent[]
  entries: readonly NewEntry[]
}

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
  // In a group it is run by whoever came first, in whose trace it does not belong.
  const own = tracing.on ? tracing.on.bound(operation) : operation
  const { signals, events, entries, ...committed } = await retrying(() => (store.group ? store.group.run(store, actor, own) : alone(store, actor, own)))
  if (events.length) {
    // Whoever follows here need not read what was written here, as long as it is next.
    if (store.tail.offer(events)) store.signals.sendAway([EVENTS_TOPIC])
    else signals.add(EVENTS_TOPIC)
    tellCommitted(events)
  }
  if (entries.length) {
    entriesTold(entries)
    if (!events.length) signals.add(TRAIL_TOPIC)
  }
  if (signals.size) store.signals.send(signals)
  return committed
}

/** Events and signals are collected anew in each attempt, so that what is tried again is not told twice. */
export function workIn({ database: { sql, dialect }, clock, trail }: Store, transaction: Pick<OpenTransaction, 'rows' | 'execute' | 'db'>, actor: Actor): Work {
  return {
    rows: transaction.rows,
    execute: transaction.execute,
    get db() {
      return transaction.db
    },
    sql,
    dialect,
    actor,
    clock,
    events: [],
    entries: [],
    trail,
    signals: new Set(),
  }
}

async function alone<T>(store: Store, actor: Actor, operation: (work: Work) => Promise<T>): Promise<Outcome<T>> {
  const transaction = await store.database.begin()
  const work = workIn(store, transaction, actor)
  try {
    const result = await operation(work)
    tellOfCall(work, actor)
    await originsWrite(work)
    const events = await concluded(work, transaction, actor)
    return { result, position: events.at(-1)?.position ?? null, signals: work.signals, events, entries: work.entries }
  } catch (error) {
    await transaction.rollback()
    throw error
  }
}

/**
 * The events, and the commit. On PostgreSQL the two are sent together, which takes that `appendEvents` sends its one statement in the
 * step in which it is called: where that fails, the COMMIT behind it rolls back. On SQLite it sends several.
 */
async function concluded(work: Work, transaction: OpenTransaction, actor: Actor): Promise<LoggedEvent[]> {
  const writing = work.events.length || work.entries.length ? appendEvents(work, actorId(actor)) : Promise.resolve([])
  if (work.dialect === 'sqlite') await writing
  const [events, commit] = await Promise.allSettled([writing, transaction.commit()])
  if (events.status === 'rejected') throw events.reason
  if (commit.status === 'rejected') throw commit.reason
  return events.value
}

async function retrying<T>(run: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await run()
    } catch (error) {
      const meaning = meaningOf(error)
      if (meaning) throw meaning
      if (tries >= TRIES || !isRetryable(error)) throw error
      retried()
      await sleep(2 ** tries * (5 + Math.random() * 5))
    }
  }
}

/** For operations that only read: outside any transaction. */
export const reading = (store: Store, actor: Actor): Work => ({
  rows: (sql) => store.database.rows(sql),
  execute: () => Promise.reject(new Error('Nothing is written outside a transaction.')),
  db: store.database.client,
  sql: store.database.sql,
  dialect: store.database.dialect,
  actor,
  clock: store.clock,
  events: [],
  entries: [],
  trail: store.trail,
  signals: new Set(),
})
