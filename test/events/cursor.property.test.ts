/** The promise of the log's cursor, tried in thousands of random interleavings. */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openDatabase } from '../../src/db/database.ts'
import { appendEvents } from '../../src/events/log.ts'
import { openStore, type Store } from '../../src/events/store.ts'
import type { Work } from '../../src/events/work.ts'
import { Prisma } from '../../src/generated/sqlite/client.ts'
import { dialects, hasPostgres, type ScratchDatabase, scratchDatabase } from '../kit/databases.ts'
import { connections, type Interleaving, interleavings, play, type Transaction, throughClient } from './interleavings.ts'

const RUNS = Number(process.env.INTERLEAVINGS ?? 2000)
const SKIPPED = 'A reader did not see what is in the log, in its order'
/** So small that the readers are now served from the ring and now from the table. */
const TAIL = { ring: 3, page: 2 }

const openScratch = async (scratch: ScratchDatabase): Promise<Store> =>
  openStore(await openDatabase({ url: scratch.url, synchronous: 'NORMAL' }), {
    warn: (error) => {
      throw error
    },
    tail: TAIL,
  })

describe.each(dialects())('a reader of the log on %s', (dialect) => {
  let scratch: ScratchDatabase
  let store: Store
  let transactions: Transaction[]
  let close = async () => {}

  beforeAll(async () => {
    scratch = await scratchDatabase(dialect)
    store = await openScratch(scratch)
    if (dialect === 'sqlite') transactions = [0, 1, 2].map(() => throughClient(store))
    else ({ transactions, close } = await connections(store.database, 3))
  })

  afterAll(async () => {
    await close()
    await store.close()
    await scratch.drop()
  })

  test(`sees every committed event once and in order, in ${RUNS} interleavings of writers, readers and reconnections`, { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(interleavings({ rollbacks: true }), (interleaving) => play(store, interleaving, (work) => appendEvents(work, null), transactions)),
      { numRuns: RUNS, endOnFailure: true },
    )
  })
})

describe.runIf(hasPostgres)('positions from a plain sequence', () => {
  let scratch: ScratchDatabase
  let store: Store
  let writers: Awaited<ReturnType<typeof connections>>

  beforeAll(async () => {
    scratch = await scratchDatabase('postgresql')
    store = await openScratch(scratch)
    await store.database.client.$executeRawUnsafe('CREATE SEQUENCE plain')
    // The counter is not used here, and must not be behind what is read.
    await store.database.client.$executeRawUnsafe('UPDATE "LogHead" SET "position" = 1000000000')
    writers = await connections(store.database, 3)
  })

  afterAll(async () => {
    await writers.close()
    await store.close()
    await scratch.drop()
  })

  /** As `appendEvents`, but nobody waits for anybody: the order of the positions is not that of the commits. */
  async function appendBySequence({ execute, events, sql }: Work): Promise<void> {
    for (const event of events)
      await execute(Prisma.sql`INSERT INTO "Event" ("position", "occurredAtMs", "kind", "subjectType", "subjectId", "ownerId", "data")
        VALUES (nextval('plain'), ${sql.nowMs}, ${event.kind}, ${event.subjectType}, ${event.subjectId}, ${event.ownerId}, '{}')`)
  }

  test('are caught by the same property: a reader skips what takes its place early and is committed late', async () => {
    // Without rollbacks, so that the positions have no holes and nothing but their order is wrong.
    const property = fc.asyncProperty(interleavings({ rollbacks: false }), (interleaving) => play(store, interleaving, appendBySequence, writers.transactions))
    const outcome = await fc.check(property, { numRuns: 500, endOnFailure: true })
    expect(outcome.failed).toBe(true)
    expect(String(outcome.errorInstance)).toContain(SKIPPED)
  })

  test('fail in the plainest case: one waits before its commit while another commits and a reader looks', async () => {
    const late = { owners: ['a' as const], commits: true, slow: 3, waits: 0, signals: true }
    const early = { ...late, slow: 0 }
    const plainest: Interleaving = { writers: [[late], [early, early]], readers: [{ by: 'follow', match: {}, stays: [], slow: 0 }] }
    const failures = new Set<string>()
    for (let i = 0; i < 20; i++)
      await play(store, plainest, appendBySequence, writers.transactions).catch((error: Error) => failures.add(error.message.split('.')[0]!))
    expect([...failures]).toEqual([SKIPPED])
  })
})
