/** A change, its events and its signals: all of it, once, in this order; or nothing. */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { server } from '../../src/core/actor.ts'
import { NotFound } from '../../src/core/errors.ts'
import { openDatabase } from '../../src/db/database.ts'
import { readEvents, readHead } from '../../src/events/log.ts'
import { openStore, type Store } from '../../src/events/store.ts'
import { transact } from '../../src/events/transact.ts'
import type { Work } from '../../src/events/work.ts'
import { dialects, hasPostgres, type ScratchDatabase, scratchDatabase } from '../kit/databases.ts'

let scratch: ScratchDatabase
let store: Store
const warnings: unknown[] = []

const open = async (dialect: 'sqlite' | 'postgresql') => {
  scratch = await scratchDatabase(dialect)
  store = await openStore(await openDatabase({ url: scratch.url }), { warn: (error) => warnings.push(error) })
}
const close = async () => {
  await store.close()
  await scratch.drop()
}

const say = (work: Work, subjectId: string, count = 1) => {
  for (let i = 0; i < count; i++) work.events.push({ kind: 'SAID', subjectType: 'Test', subjectId, ownerId: 'ann', data: { i, text: 'naïve “quotes” \\ 🙂' } })
}
const about = (subjectId: string) => readEvents(store.database, 0, { subjectId }, 10_000)

describe.each(dialects())('a transaction on %s', (dialect) => {
  beforeAll(() => open(dialect))
  afterAll(close)

  test('writes its events in their order, with dense positions and the database’s time, and answers the last position', async () => {
    const before = await readHead(store.database)
    const { position } = await transact(store, server, async (work) => say(work, 'ordered', 3))
    const events = await about('ordered')
    expect(position).toBe(before.position + 3)
    expect(events.map((event) => [event.position - before.position, event.data.i])).toEqual([
      [1, 0],
      [2, 1],
      [3, 2],
    ])
    expect(events[0]).toMatchObject({ kind: 'SAID', subjectType: 'Test', ownerId: 'ann', actorId: null, data: { i: 0, text: 'naïve “quotes” \\ 🙂' } })
    expect(Math.abs(events[0]!.occurredAtMs - Date.now())).toBeLessThan(60_000)
    expect((await readHead(store.database)).position).toBe(position)
  })

  test('can write thousands of events', async () => {
    await transact(store, server, async (work) => say(work, 'many', 4000))
    const events = await about('many')
    expect(events.map((event) => event.data.i)).toEqual(Array.from({ length: 4000 }, (_, i) => i))
  })

  test('answers no position where it wrote no event, and takes none', async () => {
    const before = await readHead(store.database)
    expect(await transact(store, server, async () => 'done')).toEqual({ result: 'done', position: null })
    expect(await readHead(store.database)).toEqual(before)
  })

  test('signals only when it is committed', async () => {
    const seen: number[] = []
    const off = store.signals.on('topic', () => {
      void about('signalled').then((events) => seen.push(events.length))
    })
    const heard = vi.fn()
    store.signals.on('topic', heard)
    await transact(store, server, async (work) => {
      work.signals.add('topic')
      say(work, 'signalled')
      await work.db.$queryRaw`SELECT 1`
      expect(heard).not.toHaveBeenCalled()
    })
    expect(heard).toHaveBeenCalledTimes(1)
    await expect.poll(() => seen).toEqual([1])
    off()
  })

  test('that fails changes nothing, takes no position and says nothing', async () => {
    const before = await readHead(store.database)
    const heard = vi.fn()
    store.signals.on('never', heard)
    const error = new NotFound('Thing')
    const run = transact(store, server, async (work) => {
      work.signals.add('never')
      say(work, 'failed')
      await work.db
        .$executeRaw`INSERT INTO "IdempotencyKey" ("ownerId", "mutation", "key", "inputHash", "outcome", "createdAtMs") VALUES ('x', 'x', 'failed', 'x', ${work.sql.json(null)}, 0)`
      throw error
    })
    await expect(run).rejects.toBe(error)
    expect(await readHead(store.database)).toEqual(before)
    expect(await store.database.client.idempotencyKey.count()).toBe(0)
    expect(heard).not.toHaveBeenCalled()
  })

  test('is done though a listener of its signals throws, and the other listeners hear it', async () => {
    const heard = vi.fn()
    const off = store.signals.on('broken', () => {
      throw new Error('broken listener')
    })
    store.signals.on('broken', heard)
    const { position } = await transact(store, server, async (work) => {
      work.signals.add('broken')
      say(work, 'listened')
    })
    off()
    expect(position).toBeGreaterThan(0)
    expect(heard).toHaveBeenCalledTimes(1)
    expect(warnings.map(String)).toContain('Error: broken listener')
  })

  test('runs again with nothing left over after a failure that passes by itself', async () => {
    let runs = 0
    const { position } = await transact(store, server, async (work) => {
      say(work, 'again')
      if (++runs < 3)
        throw Object.assign(new Error('Transaction failed due to a write conflict or a deadlock.'), {
          name: 'PrismaClientKnownRequestError',
          code: 'P2034',
          clientVersion: '7',
        })
    })
    expect(runs).toBe(3)
    expect((await about('again')).map((event) => event.position)).toEqual([position])
  })
})

describe.runIf(hasPostgres)('on PostgreSQL', () => {
  beforeAll(() => open('postgresql'))
  afterAll(close)

  const lock = (work: Work, key: string) => work.db.$executeRaw`UPDATE "IdempotencyKey" SET "inputHash" = "inputHash" WHERE "key" = ${key}`

  test('two transactions that deadlock both get done, each with its events once', async () => {
    const names = [randomUUID(), randomUUID()] as const
    for (const name of names)
      await store.database.client.idempotencyKey.create({ data: { ownerId: 'x', mutation: 'm', key: name, inputHash: '', outcome: {}, createdAtMs: 0n } })
    let holding = 0
    let bothHold: () => void
    const both = new Promise<void>((resolve) => {
      bothHold = resolve
    })
    let runs = 0
    const cross = (first: string, second: string) =>
      transact(store, server, async (work) => {
        runs++
        say(work, first)
        await lock(work, first)
        if (++holding === 2) bothHold()
        await both
        await lock(work, second)
      })
    await Promise.all([cross(names[0], names[1]), cross(names[1], names[0])])
    expect(runs).toBe(3)
    for (const name of names) expect(await about(name)).toHaveLength(1)
  })

  test('a serialization failure is tried again', async () => {
    const name = randomUUID()
    await store.database.client.idempotencyKey.create({ data: { ownerId: 'x', mutation: 'm', key: name, inputHash: '', outcome: {}, createdAtMs: 0n } })
    let runs = 0
    await transact(store, server, async (work) => {
      say(work, name)
      await work.db.$executeRawUnsafe('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ')
      await work.db.$queryRaw`SELECT 1 FROM "IdempotencyKey"`
      if (++runs === 1) await store.database.client.$executeRaw`UPDATE "IdempotencyKey" SET "inputHash" = 'other' WHERE "key" = ${name}`
      await lock(work, name)
    })
    expect(runs).toBe(2)
    expect(await about(name)).toHaveLength(1)
  })

  test('commits that race take their places one behind the other, without a hole', async () => {
    const { position: start } = await readHead(store.database)
    await Promise.all(Array.from({ length: 100 }, (_, i) => transact(store, server, async (work) => say(work, 'raced', 1 + (i % 3)))))
    const events = await about('raced')
    expect(events.map((event) => event.position)).toEqual(events.map((_, i) => start + 1 + i))
    expect((await readHead(store.database)).position).toBe(start + events.length)
  })
})
