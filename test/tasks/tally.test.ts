/** The promise of the tallies: whatever happens to tasks, whoever counts and whoever dies at it, they are what a recount says. */
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { Actor } from '../../src/core/actor.ts'
import { server } from '../../src/core/actor.ts'
import { newId } from '../../src/core/ids.ts'
import { openDatabase } from '../../src/db/database.ts'
import { readHead } from '../../src/events/log.ts'
import { logReadersCatchUp, logReadThrough } from '../../src/events/log-readers.ts'
import { openStore, type Store } from '../../src/events/store.ts'
import { transact } from '../../src/events/transact.ts'
import { Prisma } from '../../src/generated/sqlite/client.ts'
import { lanesOfTypes } from '../../src/tasks/lanes.ts'
import { tallyFold } from '../../src/tasks/tally-fold.ts'
import { tallyKeep } from '../../src/tasks/tally-keep.ts'
import { taskComplete } from '../../src/tasks/task-complete.ts'
import { taskCreate } from '../../src/tasks/task-create.ts'
import { taskDelete } from '../../src/tasks/task-delete.ts'
import { taskStats } from '../../src/tasks/task-stats.ts'
import { TaskTypes } from '../../src/tasks/task-type.ts'
import { tasksClaim } from '../../src/tasks/tasks-claim.ts'
import { dialects, type ScratchDatabase, scratchDatabase } from '../kit/databases.ts'
import { Play } from './history/play.ts'
import { type History, histories } from './history/steps.ts'
import { type Counted, type Death, Killed, MINUTE_MS, mortal, recounted, tallied } from './tally-recount.ts'

const HISTORIES = Number(process.env.HISTORIES ?? 60)
/** So small that every history is counted in many steps. */
const SIZES = { page: 3, round: 7 }

const types = new TaskTypes()
for (const name of ['test.a', 'test.b'])
  types.register({ name, description: 'Is only written down.', params: z.object({ number: z.number().optional() }), run: async () => ({}) })

describe.each(dialects())('tallies on %s', (dialect) => {
  let scratch: ScratchDatabase
  let store: Store
  /** On PostgreSQL another server; on SQLite there is one. */
  let other: Store

  const open = async () => {
    const url = dialect === 'postgresql' ? `${scratch.url}?options=-c%20synchronous_commit%3Doff` : scratch.url
    return openStore(await openDatabase({ url, synchronous: 'NORMAL' }), {
      warn: (error) => {
        throw error
      },
    })
  }
  beforeAll(async () => {
    scratch = await scratchDatabase(dialect)
    store = await open()
    other = dialect === 'postgresql' ? await open() : store
  })
  afterAll(async () => {
    if (other !== store) await other.close()
    await store.close()
    await scratch.drop()
  })

  const rows = <T>(sql: Prisma.Sql) => store.database.rows<T>(sql)

  async function newOwner(): Promise<string> {
    const id = newId()
    await store.database.client.user.create({ data: { id, email: `${id}@example.com`, displayName: 'ada', preferences: {}, createdAtMs: 1n, updatedAtMs: 1n } })
    return id
  }

  const userOf = (userId: string): Actor => ({ kind: 'session', sessionId: 's', expiresAtMs: Number.MAX_SAFE_INTEGER, userId, role: 'USER' })

  /** What an owner is told, by type. */
  async function told(ownerId: string) {
    const { byType } = await taskStats(store, userOf(ownerId))
    return Object.fromEntries(byType.map(({ type, counts, durations, waits }) => [type, { counts, durations, waits }]))
  }

  const foldAll = async () => {
    while (!(await tallyFold(store, { sizes: SIZES })));
  }

  const deaths: fc.Arbitrary<Death[]> = fc.array(fc.record({ statements: fc.nat(12), isDone: fc.boolean() }), { maxLength: 6 })

  async function tried(history: History, dying: readonly Death[]): Promise<void> {
    const ownerId = await newOwner()
    let isOver = false
    /** Counts and counts, and is killed now and then. */
    const counting = async (on: Store) => {
      let next = 0
      while (!isOver) {
        const death = dying[next++]
        const fold = tallyFold(death ? mortal(on, death) : on, { sizes: SIZES })
        await fold.catch((error) => {
          if (!(error instanceof Killed)) throw error
        })
        // Where there is nothing to count this waits for nothing, and nobody else would have a turn.
        await turn()
      }
    }
    const play = new Play(store, types, ownerId, history)
    const counted = Promise.all([counting(store), counting(other)])
    await play.run().finally(() => {
      isOver = true
    })
    await counted
    // Told before all is counted: what is not yet is looked up in the log.
    const before = await told(ownerId)
    await foldAll()
    const recount = await recounted(store.database)
    expect(await tallied(store.database)).toEqual(recount)
    const own = Object.entries(recount.tallies).filter(([key, { counts }]) => key.startsWith(ownerId) && Object.values(counts).some((count) => count))
    const expected = Object.fromEntries(own.map(([key, tally]) => [key.slice(ownerId.length + 1), tally]))
    expect(before).toEqual(expected)
    expect(await told(ownerId)).toEqual(expected)
  }

  test(`are what a recount says, in ${HISTORIES} histories that are counted while they happen, by servers that are killed at it`, {
    timeout: 300_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(histories, deaths, (history, dying) => tried(history, dying)),
      { numRuns: HISTORIES, endOnFailure: true },
    )
  })

  const as = <T>(actor: Actor, operation: Parameters<typeof transact<T>>[2]) => transact(store, actor, operation).then(({ result }) => result)
  const create = (ownerId: string, type = 'test.a') => as(userOf(ownerId), (work) => taskCreate(work, types, { type }))

  test('are told to every server at once, whoever has counted', async () => {
    const ownerId = await newOwner()
    await create(ownerId)
    expect((await taskStats(other, userOf(ownerId))).all.counts.QUEUED).toBe(1)
    await tallyFold(other)
    await create(ownerId)
    expect((await taskStats(other, userOf(ownerId))).all.counts.QUEUED).toBe(2)
    expect((await taskStats(store, userOf(ownerId))).all.counts.QUEUED).toBe(2)
  })

  test('are kept close to the end of the log by every server, until it stops', async () => {
    const warnings: unknown[] = []
    const keeper = tallyKeep(store, (warning) => warnings.push(warning))
    for (let i = 0; i < 2; i++) {
      await create(await newOwner())
      const { position } = await readHead(store.database)
      while ((await logReadThrough(store.database)) < position) await turn()
    }
    await keeper.stop()
    expect(warnings).toEqual([])
  })

  test('forget a deleted task, with its duration, but not that it happened', async () => {
    const ownerId = await newOwner()
    const { id } = await create(ownerId)
    await as(server, async (work) => {
      const claimed = await tasksClaim(work, { lanes: lanesOfTypes(['test.a']), limit: 1000, worker: 'w', kind: 'SERVER', leaseSeconds: 10 })
      for (const lease of claimed) if (lease.id === id) await taskComplete(work, lease, {})
    })
    const done = await taskStats(store, userOf(ownerId))
    expect(done.all.counts).toMatchObject({ QUEUED: 0, COMPLETED: 1 })
    expect(Object.values(done.all.durations).map(([count]) => count)).toEqual([1])
    await as(userOf(ownerId), (work) => taskDelete(work, id))
    for (const isCounted of [false, true]) {
      if (isCounted) await foldAll()
      const { all, byType, throughput } = await taskStats(store, userOf(ownerId))
      expect([all.counts, all.durations, byType]).toEqual([{ CREATED: 0, QUEUED: 0, RUNNING: 0, COMPLETED: 0, FAILED: 0, CANCELLED: 0 }, {}, []])
      expect(Object.values(all.waits).map(([count]) => count)).toEqual([1])
      const minutes = await throughput(5)
      const sum = (name: 'created' | 'started' | 'completed') => minutes.reduce((total, minute) => total + minute[name], 0)
      expect([sum('created'), sum('started'), sum('completed')]).toEqual([1, 1, 1])
    }
  })

  test('keep the log from being cut before it is counted, and are asked to count it first', async () => {
    await foldAll()
    const { position: from } = await readHead(store.database)
    await create(await newOwner())
    expect(await logReadThrough(store.database)).toBe(from)
    await logReadersCatchUp(store)
    const { position } = await readHead(store.database)
    expect(position).toBeGreaterThan(from)
    expect(await logReadThrough(store.database)).toBe(position)
  })

  test('are made anew from the tasks where the log was cut all the same', async () => {
    const ownerId = await newOwner()
    await foldAll()
    for (let i = 0; i < 3; i++) await create(ownerId)
    const { position } = await readHead(store.database)
    await store.database.client.$executeRaw`DELETE FROM "Event"`
    await store.database.client.$executeRaw`UPDATE "LogHead" SET "expiredThrough" = ${position}`
    expect((await taskStats(store, userOf(ownerId))).all.counts.QUEUED).toBe(3)
    const counts = ({ tallies }: Counted) => Object.fromEntries(Object.entries(tallies).map(([key, { counts, durations }]) => [key, { counts, durations }]))
    expect(counts(await tallied(store.database))).toEqual(counts(await recounted(store.database)))
    await create(ownerId)
    await foldAll()
    expect((await taskStats(store, userOf(ownerId))).all.counts.QUEUED).toBe(4)
  })

  describe('of a log that is far ahead', () => {
    let ownerId: string
    beforeEach(async () => {
      ownerId = await newOwner()
      await as(userOf(ownerId), async (work) => {
        for (let i = 0; i < 2500; i++)
          work.events.push({ kind: 'TASK_CREATED', subjectType: 'Task', subjectId: newId(), ownerId, data: { type: 'test.far', status: 'CREATED' } })
      })
    })
    afterEach(foldAll)

    test('are brought up to it by whoever asks', async () => {
      expect((await taskStats(store, userOf(ownerId))).all.counts.CREATED).toBe(2500)
      expect(await logReadThrough(store.database)).toBe((await readHead(store.database)).position)
    })

    test('are brought up once, however many ask at once', async () => {
      const asked = Array.from({ length: 20 }, (_, i) => taskStats(i % 2 ? store : other, userOf(ownerId)))
      expect((await Promise.all(asked)).map(({ all }) => all.counts.CREATED)).toEqual(Array(20).fill(2500))
    })
  })

  test('lose minutes that are older than a week', async () => {
    const ownerId = await newOwner()
    const minuteMs = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS
    const day = 24 * 60 * MINUTE_MS
    for (const age of [8 * day, 6 * day])
      await store.database.client.taskMinute.create({ data: { ownerId, type: 'test.a', minuteMs: BigInt(minuteMs - age), created: 1 } })
    await create(ownerId)
    await foldAll()
    const left = await rows<{ minuteMs: number }>(Prisma.sql`SELECT "minuteMs" FROM "TaskMinute" WHERE "ownerId" = ${ownerId} ORDER BY "minuteMs"`)
    expect(left.map((row) => Math.round((minuteMs - row.minuteMs) / day))).toEqual([6, 0])
  })
})
