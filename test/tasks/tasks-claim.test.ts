import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Work } from '../../src/events/work.ts'
import { Prisma } from '../../src/generated/sqlite/client.ts'
import type { Turns } from '../../src/tasks/claim-candidates.ts'
import { TASKS_TOPIC } from '../../src/tasks/task.ts'
import { taskComplete } from '../../src/tasks/task-complete.ts'
import { taskFail } from '../../src/tasks/task-fail.ts'
import type { Rate } from '../../src/tasks/task-rates.ts'
import { taskReleaseCancelled } from '../../src/tasks/task-release.ts'
import type { Claimed } from '../../src/tasks/tasks-claim.ts'
import { tasksPromote } from '../../src/tasks/tasks-promote.ts'
import { dialects } from '../kit/databases.ts'
import { Engine } from './engine.ts'

describe.each(dialects())('what is claimed on %s', (dialect) => {
  let engine: Engine
  beforeAll(async () => {
    engine = await Engine.open(dialect)
  })
  afterAll(() => engine.close())
  beforeEach(async () => {
    await engine.store.database.client.$executeRaw`DELETE FROM "Task"`
    await engine.store.database.client.$executeRaw`DELETE FROM "TaskRate"`
  })
  const asServer = <T>(operation: (work: Work) => Promise<T>) => engine.asServer(operation)
  const createMany = async (count: number, creation: object) => {
    const ids: string[] = []
    for (let i = 0; i < count; i++) ids.push(await engine.create(creation))
    return ids
  }

  describe('first', () => {
    it('has the highest priority, then waits longest, then was made first, whatever its type', async () => {
      const [late, early] = [new Date('2002-01-01'), new Date('2001-01-01')]
      const last = await engine.create({ priority: -1, runAt: early })
      const [second, third] = [await engine.create({ runAt: late, type: 'test.b' }), await engine.create({ runAt: late })]
      const first = await engine.create({ runAt: early })
      const urgent = await engine.create({ priority: 1000, runAt: late, type: 'test.b' })
      expect(await engine.claimAll()).toEqual([urgent, first, second, third, last])
    })

    it('of many at once is so too', async () => {
      const ids = []
      for (const priority of [3, 1, 2, 5, 4]) ids.push(await engine.create({ priority, type: priority % 2 ? 'test.a' : 'test.b' }))
      const claimed = await engine.claim({ limit: 3 })
      expect(claimed.map(({ task }) => task.priority).sort()).toEqual([3, 4, 5])
    })
  })

  it('is not what is due later, waits for others, or is only written down', async () => {
    const written = await engine.create({ runImmediately: false })
    await engine.create({ dependsOn: [written] })
    const later = await engine.create({ runAt: new Date('2100-01-01') })
    expect(await engine.claim({ limit: 10 })).toEqual([])
    await engine.age(later, { runAtMs: 1 })
    await asServer(tasksPromote)
    expect(await engine.claimAll()).toEqual([later])
  })

  it('is not held up by a backlog of another type, however long it waits and however urgent it is', async () => {
    const mine = await engine.create({ type: 'test.a', priority: -1000 })
    const model = await engine.create({ type: 'test.b', priority: 1000, runAt: new Date('2001-01-01') })
    const columns = Object.keys(await engine.row(model)).map((column) => `"${column}"`)
    const others = columns.map((column) => (column === '"id"' ? '"n"' : `"Task".${column}`)).join(', ')
    const numbers =
      dialect === 'postgresql'
        ? `(SELECT 'backlog ' || i AS "n" FROM generate_series(1, 20000) AS i)`
        : `(WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 20000) SELECT 'backlog ' || i AS "n" FROM s)`
    await engine.store.database.client.$executeRawUnsafe(
      `INSERT INTO "Task" (${columns.join(', ')}) SELECT ${others} FROM "Task" CROSS JOIN ${numbers} AS "numbers" WHERE "Task"."id" = '${model}'`,
    )
    const only = { lanes: { exact: ['test.a'], ranges: [{ from: 'test.a@', to: 'test.aA' }] } }
    expect((await engine.claim({ ...only, limit: 5 })).map(({ id }) => id)).toEqual([mine])
    expect(await engine.claim({ ...only, limit: 5 })).toEqual([])
    // And who can run both takes the urgent ones first.
    const behind = await engine.create({ type: 'test.a', priority: 999 })
    const claimed = await engine.claim({ limit: 5 })
    expect(claimed.map(({ task }) => task.type)).toEqual(Array(5).fill('test.b'))
    expect(await engine.status(behind)).toBe('QUEUED')
  })

  describe('under a concurrency key', () => {
    it('is no more than may run at once, over all types, and the next when one of them ends', async () => {
      const key = { concurrencyKey: 'printer', concurrencyLimit: 2 }
      const ids = [...(await createMany(2, key)), ...(await createMany(2, { ...key, type: 'test.b' }))]
      const [one, two, ...none] = await engine.claim({ limit: 10 })
      expect([one!.id, two!.id].sort()).toEqual([ids[0], ids[1]].sort())
      expect(none).toEqual([])
      expect(await engine.claim({ limit: 10 })).toEqual([])
      await asServer((work) => taskComplete(work, one!, {}))
      expect((await engine.claim({ limit: 10 })).map(({ id }) => id)).toEqual([ids[2]])
      await asServer((work) => taskFail(work, two!, { error: 'It broke.', retry: false }))
      expect((await engine.claim({ limit: 10 })).map(({ id }) => id)).toEqual([ids[3]])
    })

    it('is one where no limit was given, and is nobody’s but the owner’s', async () => {
      await createMany(2, { concurrencyKey: 'printer' })
      const bobs = await engine.create({ concurrencyKey: 'printer' }, engine.bob)
      const claimed = await engine.claim({ limit: 10 })
      expect(claimed).toHaveLength(2)
      expect(claimed.map(({ id }) => id)).toContain(bobs)
    })

    it('holds nobody else up, however much waits behind the key', async () => {
      await createMany(30, { concurrencyKey: 'printer', priority: 1000 })
      const [free, other] = [await engine.create(), await engine.create({ concurrencyKey: 'scanner' })]
      const claimed = (await engine.claim({ limit: 10 })).map(({ id }) => id)
      expect(claimed).toHaveLength(3)
      expect(claimed).toEqual(expect.arrayContaining([free, other]))
    })

    it('is each time as many as the task itself says', async () => {
      const wide = await createMany(3, { concurrencyKey: 'lane', concurrencyLimit: 3, priority: 1 })
      const narrow = await engine.create({ concurrencyKey: 'lane', concurrencyLimit: 1 })
      expect((await engine.claim({ limit: 10 })).map(({ id }) => id).sort()).toEqual(wide.sort())
      expect(await engine.claim({ limit: 10 })).toEqual([])
      for (const { id, leaseToken } of await engine.store.database.rows<{ id: string; leaseToken: string }>(
        Prisma.sql`SELECT "id", "leaseToken" FROM "Task" WHERE "status" = 'RUNNING'`,
      ))
        await asServer((work) => taskComplete(work, { id, leaseToken }, {}))
      expect((await engine.claimOne()).id).toBe(narrow)
    })

    it('never is more than may run, however many claim at the same time', async () => {
      for (let round = 0; round < 10; round++) {
        await createMany(8, { concurrencyKey: `busy ${round}`, concurrencyLimit: 3 })
        let claimed = 0
        for (let tries = 0; claimed < 3; tries++) {
          expect(tries).toBeLessThan(20)
          const all = await Promise.all(Array.from({ length: 5 }, (_, i) => engine.claim({ limit: 2, worker: `worker ${i}` })))
          claimed += all.flat().length
          expect(claimed).toBeLessThanOrEqual(3)
        }
      }
    })

    it('is looked for as soon as its key is free: whoever waits for work is woken', async () => {
      const ids = await createMany(3, { concurrencyKey: 'woken', concurrencyLimit: 3, maxAttempts: 1 })
      const plain = await engine.create()
      const leases = new Map((await engine.claim({ limit: 4 })).map((lease) => [lease.id, lease]))
      const heard: string[] = []
      let now = ''
      const off = engine.store.signals.on(TASKS_TOPIC, () => heard.push(now))
      const ends: [string, string, (work: Work, lease: Claimed) => Promise<unknown>][] = [
        ['completed', ids[0]!, (work, lease) => taskComplete(work, lease, {})],
        ['failed', ids[1]!, (work, lease) => taskFail(work, lease, { error: 'It broke.', retry: false })],
        ['given up', ids[2]!, (work, lease) => taskReleaseCancelled(work, lease)],
        ['without a key', plain, (work, lease) => taskComplete(work, lease, {})],
      ]
      for (const [how, id, end] of ends) {
        now = how
        await asServer((work) => end(work, leases.get(id)!))
      }
      off()
      expect(heard).toEqual(['completed', 'failed', 'given up'])
    })

    it('is found behind any number of keys that are full', async () => {
      for (let i = 0; i < 250; i++) await createMany(2, { concurrencyKey: `key ${String(i).padStart(3, '0')}` })
      const turns: Turns = new Map()
      // Every key gets one, which runs on: from now on all 250 are full.
      for (let claimed = 0, tries = 0; claimed < 250; tries++) {
        expect(tries).toBeLessThan(20)
        claimed += (await engine.claim({ limit: 100, turns })).length
      }
      const last = await engine.create({ concurrencyKey: 'zzz' })
      const found: string[] = []
      for (let tries = 0; tries < 5; tries++) found.push(...(await engine.claim({ limit: 100, turns })).map(({ id }) => id))
      expect(found).toEqual([last])
    })
  })

  describe('of a type with a rate', () => {
    const rates = (limit: number, seconds: number): ReadonlyMap<string, Rate> => new Map([['test.a', { limit, seconds }]])
    const pass = (seconds: number) =>
      engine.store.database.client.$executeRaw`UPDATE "TaskRate" SET "freeAtMs" = "freeAtMs" - CAST(${BigInt(seconds * 1000)} AS BIGINT)`

    it('is as many as the rate allows, and more as time passes', async () => {
      await createMany(10, {})
      const claim = { limit: 10, rates: rates(3, 60) }
      expect(await engine.claim(claim)).toHaveLength(3)
      expect(await engine.claim(claim)).toHaveLength(0)
      await pass(20)
      expect(await engine.claim(claim)).toHaveLength(1)
      await pass(1000)
      expect(await engine.claim(claim)).toHaveLength(3)
      // Another type has nothing to do with it.
      const other = await engine.create({ type: 'test.b' })
      expect((await engine.claim(claim)).map(({ id }) => id)).toEqual([other])
    })

    it('is counted once for all who claim at the same time', async () => {
      await createMany(30, {})
      // Whole milliseconds for each: what is rounded up is free a moment later, which may be after these.
      const all = await Promise.all(Array.from({ length: 6 }, () => engine.claim({ limit: 5, rates: rates(8, 3600) })))
      expect(all.flat()).toHaveLength(8)
    })

    it('uses up nothing of it for what a full key holds back', async () => {
      await createMany(20, { concurrencyKey: 'full', priority: 5 })
      const claim = { limit: 10, rates: rates(10, 3600) }
      expect(await engine.claim(claim)).toHaveLength(1)
      for (let i = 0; i < 5; i++) expect(await engine.claim(claim)).toEqual([])
      await createMany(20, {})
      expect(await engine.claim(claim)).toHaveLength(9)
    })

    it('nor for what there was no room for', async () => {
      for (const key of ['one', 'two', 'three']) await engine.create({ concurrencyKey: key })
      await createMany(5, {})
      const claim = { limit: 1, rates: rates(8, 3600) }
      expect(await engine.claimAll(claim)).toHaveLength(8)
    })
  })
})
