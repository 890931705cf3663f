/**
 * Interleavings of writers and readers of the log, and what must hold in each: every reader sees every committed event
 * that is for it, in the order of the log, once, and none that was rolled back, wherever it leaves and resumes.
 */
import fc from 'fast-check'
import pg from 'pg'
import { server } from '../../src/core/actor.ts'
import { systemClock } from '../../src/core/clock.ts'
import type { Database, OpenTransaction } from '../../src/db/database.ts'
import { follow, live } from '../../src/events/live.ts'
import { type EventMatch, type LoggedEvent, matchesEvent, readEventsAfter } from '../../src/events/log.ts'
import type { Store } from '../../src/events/store.ts'
import { EVENTS_TOPIC } from '../../src/events/tail.ts'
import { Trail } from '../../src/events/trail.ts'
import type { NewEvent, Work } from '../../src/events/work.ts'
import type { Prisma } from '../../src/generated/sqlite/client.ts'

export interface WriterStep {
  /** One owner a letter: an event for each. */
  owners: ('a' | 'b')[]
  commits: boolean
  /** How often the tail looks while this transaction has its place in the log and is not committed. */
  slow: number
  /** Turns of the event loop before it begins. */
  waits: number
  /** Whether the commit is signalled; a signal may be lost. */
  signals: boolean
}

export interface ReaderPlan {
  by: 'follow' | 'live' | 'pages'
  match: EventMatch
  /** After how many events it leaves, to resume from its last cursor; the last stay is to the end. */
  stays: number[]
  /** Turns of the event loop it takes over each event. */
  slow: number
}

export interface Interleaving {
  writers: WriterStep[][]
  readers: ReaderPlan[]
}

export const interleavings = ({ rollbacks }: { rollbacks: boolean }): fc.Arbitrary<Interleaving> =>
  fc.record({
    writers: fc.array(
      fc.array(
        fc.record({
          owners: fc.array(fc.constantFrom('a' as const, 'b' as const), { minLength: 1, maxLength: 3 }),
          commits: rollbacks ? fc.nat(3).map((n) => n > 0) : fc.constant(true),
          slow: fc.nat(3),
          waits: fc.nat(2),
          signals: fc.nat(5).map((n) => n > 0),
        }),
        { minLength: 1, maxLength: 3 },
      ),
      { minLength: 2, maxLength: 3 },
    ),
    readers: fc.array(
      fc.record({
        by: fc.constantFrom('follow' as const, 'live' as const, 'pages' as const),
        match: fc.constantFrom<EventMatch>({}, {}, { ownerId: 'a' }, { ownerId: 'b' }),
        stays: fc.array(fc.nat(4), { maxLength: 3 }),
        slow: fc.nat(2),
      }),
      { minLength: 1, maxLength: 3 },
    ),
  })

/** What may write: a transaction of its own, up to its place in the log; then it commits or not. */
export type Transaction = (body: (work: Work) => Promise<void>) => Promise<void>

const ROLLED_BACK = new Error('rolled back on purpose')
let runs = 0

/** Plays one interleaving and fails where a reader did not see what it should. */
export async function play(
  store: Store,
  { writers, readers }: Interleaving,
  append: (work: Work) => Promise<unknown>,
  transactions: readonly Transaction[],
): Promise<void> {
  const run = ++runs
  const { tail } = store
  await tail.look()
  const start = tail.position
  const committed = new Set<string>()
  const write = async (transaction: Transaction, name: string, step: Omit<WriterStep, 'waits' | 'signals'>): Promise<void> => {
    const events = step.owners.map((ownerId, i): NewEvent => ({ kind: 'TEST', subjectType: 'Test', subjectId: `${name}.${i}`, ownerId, data: { run } }))
    try {
      await transaction(async (work) => {
        work.events.push(...events)
        await append(work)
        for (let i = 0; i < step.slow; i++) await tail.look()
        if (!step.commits) throw ROLLED_BACK
      })
      for (const event of events) committed.add(event.subjectId)
    } catch (error) {
      if (error !== ROLLED_BACK) throw error
    }
  }
  const over = new AbortController()
  const reading = Promise.all(readers.map((plan) => readToEnd(store, start, plan, `end ${run}`, over.signal)))
  const writing = writers.map(async (steps, writer) => {
    for (const [i, step] of steps.entries()) {
      await turns(step.waits)
      await write(transactions[writer]!, `${run}.${writer}.${i}`, step)
      if (step.signals) store.signals.send([EVENTS_TOPIC])
    }
  })
  const written = Promise.all(writing).then(async () => {
    // The last one has both owners' events, so that whoever missed something still comes to an end.
    await transactions[0]!(async (work) => {
      for (const ownerId of ['a', 'b']) work.events.push({ kind: 'END', subjectType: 'Test', subjectId: `end ${run}`, ownerId })
      await append(work)
    })
    store.signals.send([EVENTS_TOPIC])
  })
  const [seen] = await Promise.all([reading, written]).finally(() => over.abort())

  const log = await readEventsAfter(store.database, start, {}, 1000)
  const logged = log.filter((event) => event.kind === 'TEST').map((event) => event.subjectId)
  equal([...logged].sort(), [...committed].sort(), 'What stands in the log is not what was committed')
  for (const [i, plan] of readers.entries()) {
    const due = log.filter((event) => event.kind === 'TEST' && matchesEvent(plan.match, event)).map((event) => event.subjectId)
    equal(seen[i]!, due, 'A reader did not see what is in the log, in its order')
  }
}

function equal(actual: string[], expected: string[], message: string): void {
  if (JSON.stringify(actual) !== JSON.stringify(expected)) throw new Error(`${message}.\n  got  ${actual.join(' ')}\n  not  ${expected.join(' ')}`)
}

/** Everything a reader saw until the run's last event. */
async function readToEnd(store: Store, start: number, plan: ReaderPlan, end: string, over: AbortSignal): Promise<string[]> {
  const seen: string[] = []
  let position = start
  for (let stay = 0; !over.aborted; stay++) {
    const leaving = new AbortController()
    const signal = AbortSignal.any([over, leaving.signal])
    let left = plan.stays[stay] ?? Number.POSITIVE_INFINITY
    const events =
      plan.by === 'follow'
        ? follow(store, position, plan.match, signal)
        : plan.by === 'live'
          ? live(signal, (ending) => follow(store, position, plan.match, ending))
          : pages(store, position, plan.match, signal)
    for await (const event of events) {
      position = event.position
      if (event.subjectId === end) return seen
      seen.push(event.subjectId)
      await turns(plan.slow)
      if (left-- <= 0) break
    }
    leaving.abort()
  }
  throw new Error('The run was over before the reader was.')
}

/** A reader that asks for page after page. */
async function* pages(store: Store, after: number, match: EventMatch, signal: AbortSignal): AsyncGenerator<LoggedEvent> {
  const size = store.tail.sizes.page
  for (let position = after; !signal.aborted; ) {
    const page = await readEventsAfter(store.database, position, match, size)
    for (const event of page) {
      yield event
      position = event.position
    }
    if (page.length < size) await turns(1)
  }
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve))
}

/** Transactions as the product opens them. */
export const throughClient =
  ({ database }: Store): Transaction =>
  async (body) => {
    const transaction = await database.begin()
    try {
      await body(workOn(database, transaction))
      await transaction.commit()
    } catch (error) {
      await transaction.rollback()
      throw error
    }
  }

/** Transactions on a connection of their own. */
export async function connections(database: Database, count: number): Promise<{ transactions: Transaction[]; close(): Promise<void> }> {
  const clients = Array.from({ length: count }, () => new pg.Client({ connectionString: database.url }))
  for (const client of clients) {
    await client.connect()
    // What is tried is the order in which commits become visible, which does not wait for the disk.
    await client.query('SET synchronous_commit = off')
  }
  return {
    transactions: clients.map((client) => async (body) => {
      await client.query('BEGIN')
      const rows = async <T>({ text, values }: Prisma.Sql) => (await client.query(text, values)).rows as T[]
      try {
        await body(workOn(database, { rows, execute: async (sql) => (await rows(sql)).length }))
        await client.query('COMMIT')
      } catch (error) {
        await client.query('ROLLBACK')
        throw error
      }
    }),
    close: async () => {
      for (const client of clients) await client.end()
    },
  }
}

const workOn = ({ sql, dialect }: Database, { rows, execute }: Pick<OpenTransaction, 'rows' | 'execute'>): Work => ({
  rows,
  execute,
  db: null as never,
  sql,
  dialect,
  actor: server,
  clock: systemClock,
  events: [],
  entries: [],
  trail: new Trail(false),
  signals: new Set(),
})
