/** Many who wait for the one writer of a SQLite file go into one commit, and each is told of its own. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { server } from '../../src/core/actor.ts'
import { NotFound } from '../../src/core/errors.ts'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { GroupCommit } from '../../src/events/group-commit.ts'
import { readEvents, readHead } from '../../src/events/log.ts'
import { openStore, type Store } from '../../src/events/store.ts'
import { transact } from '../../src/events/transact.ts'
import type { Work } from '../../src/events/work.ts'
import { Prisma } from '../../src/generated/sqlite/client.ts'
import { type ScratchDatabase, scratchDatabase } from '../kit/databases.ts'

describe('operations that wait for the writer together', () => {
  let scratch: ScratchDatabase
  let store: Store
  let commits: number

  beforeEach(async () => {
    scratch = await scratchDatabase('sqlite')
    const database = await openDatabase({ url: scratch.url })
    const counted: Database = {
      ...database,
      begin: () => {
        commits++
        return database.begin()
      },
    }
    store = await openStore(counted, { warn: () => {} })
    commits = 0
  })
  afterEach(async () => {
    await store.close()
    await scratch.drop()
  })

  const write = (work: Work, key: string) =>
    work.execute(
      Prisma.sql`INSERT INTO "IdempotencyKey" ("ownerId", "mutation", "key", "inputHash", "outcome", "createdAtMs") VALUES ('ann', 'test', ${key}, '', '{}', 0)`,
    )
  const say = (work: Work, subjectId: string, count = 1) => {
    for (let i = 0; i < count; i++) work.events.push({ kind: 'SAID', subjectType: 'Test', subjectId, ownerId: 'ann' })
  }
  const doing = (key: string, events = 1) =>
    transact(store, server, async (work) => {
      await write(work, key)
      say(work, key, events)
      work.signals.add(key)
      return key
    })
  const failing = (key: string, fail: (work: Work) => Promise<unknown>) =>
    transact(store, server, async (work) => {
      await write(work, key)
      say(work, key, 3)
      work.signals.add(key)
      await fail(work)
      throw new NotFound('Test')
    })
  const keys = async () => (await store.database.rows<{ key: string }>(Prisma.sql`SELECT "key" FROM "IdempotencyKey" ORDER BY "key"`)).map(({ key }) => key)
  const heard = (...topics: string[]) => {
    const list: string[] = []
    for (const topic of topics) store.signals.on(topic, () => list.push(topic))
    return list
  }

  test('take along who arrives while the first one is done, before there was a commit to wait for', async () => {
    // As the next request does that lies in another socket already.
    const next = new Promise((resolve) => setImmediate(() => resolve(doing('b'))))
    expect(await doing('a')).toMatchObject({ result: 'a', position: 1 })
    expect(await next).toMatchObject({ result: 'b', position: 2 })
    expect(commits).toBe(1)
  })

  test('share a commit, and each is told its own result and its own place in the log', async () => {
    const answers = await Promise.all([doing('a', 2), doing('b', 0), doing('c', 3), doing('d')])
    expect(answers).toEqual([
      { result: 'a', position: 2 },
      { result: 'b', position: null },
      { result: 'c', position: 5 },
      { result: 'd', position: 6 },
    ])
    expect(commits).toBeLessThan(4)
    expect((await readEvents(store.database, 0, {}, 10)).map(({ position, subjectId }) => [position, subjectId])).toEqual([
      [1, 'a'],
      [2, 'a'],
      [3, 'c'],
      [4, 'c'],
      [5, 'c'],
      [6, 'd'],
    ])
  })

  test('see what those before them have written', async () => {
    const reading = transact(store, server, (work) => work.rows(Prisma.sql`SELECT "key" FROM "IdempotencyKey"`))
    const [, { result }] = await Promise.all([doing('a'), transact(store, server, (work) => work.rows(Prisma.sql`SELECT "key" FROM "IdempotencyKey"`))])
    expect((await reading).result).toEqual([])
    expect(result).toEqual([{ key: 'a' }])
  })

  test.each([
    ['the first', 0],
    ['one in the middle', 2],
    ['the last', 4],
  ])('are undone one by one: %s fails, and takes nobody with it', async (_, place) => {
    const topics = ['a', 'b', 'c', 'd']
    const told = heard('bad', ...topics)
    const calls: (() => Promise<unknown>)[] = topics.map((key) => () => doing(key, 2))
    calls.splice(place, 0, () => failing('bad', async () => {}))
    const answers = await Promise.allSettled(calls.map((call) => call()))
    expect(answers[place]).toMatchObject({ status: 'rejected', reason: { code: 'NOT_FOUND' } })
    expect(answers.filter(({ status }) => status === 'fulfilled').map((each) => (each as PromiseFulfilledResult<unknown>).value)).toEqual(
      topics.map((key, i) => ({ result: key, position: 2 * i + 2 })),
    )
    expect(await keys()).toEqual(topics)
    expect((await readEvents(store.database, 0, {}, 100)).map(({ position, subjectId }) => [position, subjectId])).toEqual(
      topics.flatMap((key, i) => [
        [2 * i + 1, key],
        [2 * i + 2, key],
      ]),
    )
    expect(told).toEqual(topics)
  })

  test('that fail one after the other are each undone', async () => {
    const calls = Array.from({ length: 30 }, (_, i) => (i % 3 === 1 ? doing(`good ${i}`) : failing(`bad ${i}`, async () => {})))
    const answers = await Promise.allSettled(calls)
    expect(answers.map(({ status }) => status === 'fulfilled')).toEqual(Array.from({ length: 30 }, (_, i) => i % 3 === 1))
    expect(await keys()).toEqual(Array.from({ length: 10 }, (_, i) => `good ${3 * i + 1}`).sort())
    expect((await readHead(store.database)).position).toBe(10)
  })

  test('are undone one by one where the database refuses a statement', async () => {
    const answers = await Promise.allSettled([doing('a'), failing('bad', (work) => write(work, 'a')), doing('b')])
    expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(await keys()).toEqual(['a', 'b'])
  })

  test('are none of them told of success where the commit fails, and nothing of them is kept', async () => {
    const orphan = Prisma.sql`INSERT INTO "StreamChunk" ("streamId", "seq", "kind", "content", "contentType", "createdAtMs") VALUES ('nobody''s', 0, 'TEXT', x'00', 'text/plain', 0)`
    const told = heard('a', 'b', 'bad')
    const bad = transact(store, server, async (work) => {
      // Looked at by the commit only.
      await work.execute(Prisma.sql`PRAGMA defer_foreign_keys = ON`)
      await work.execute(orphan)
      say(work, 'bad')
      work.signals.add('bad')
    })
    const answers = await Promise.allSettled([doing('a'), bad, doing('b')])
    expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
    expect(await keys()).toEqual([])
    expect((await readHead(store.database)).position).toBe(0)
    expect(told).toEqual([])
    // And the writer is there for the next.
    expect(await doing('next')).toEqual({ result: 'next', position: 1 })
  })

  test('are none of them told of success where the database itself ends the transaction', async () => {
    const rollback = (work: Work) =>
      work.execute(Prisma.sql`INSERT OR ROLLBACK INTO "LogHead" ("id", "logId", "position", "expiredThrough") VALUES (1, '', 0, 0)`)
    const answers = await Promise.allSettled([doing('a'), failing('bad', rollback), doing('b')])
    expect(answers.slice(0, 2).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    const kept = answers[2]!.status === 'fulfilled' ? ['b'] : []
    expect(await keys()).toEqual(kept)
    expect((await readHead(store.database)).position).toBe(kept.length)
    expect((await doing('next')).result).toBe('next')
  })

  test('do not go with one that does not end: it is given up, and they have their turn again', async () => {
    const impatient: Store = { ...store, group: new GroupCommit(100) }
    const on = <T>(operation: (work: Work) => Promise<T>) => transact(impatient, server, operation)
    const answers = await Promise.allSettled([
      on((work) => write(work, 'a')),
      on(async (work) => {
        await write(work, 'late')
        await new Promise(() => {})
      }),
      on((work) => write(work, 'b')),
    ])
    expect(answers).toMatchObject([
      { status: 'fulfilled' },
      { status: 'rejected', reason: { message: 'An operation did not end within 0.1 s; nothing of it was kept.' } },
      { status: 'fulfilled' },
    ])
    expect(await keys()).toEqual(['a', 'b'])
  })

  test('cannot go on once their turn is over', async () => {
    let late!: Work
    await transact(store, server, async (work) => {
      late = work
    })
    await expect(late.rows(Prisma.sql`SELECT 1`)).rejects.toThrow('The transaction has ended.')
    await expect(write(late, 'late')).rejects.toThrow('The transaction has ended.')
    expect(await keys()).toEqual([])
  })

  test('by hundreds go in groups, in their order', async () => {
    const answers = await Promise.all(Array.from({ length: 450 }, (_, i) => doing(`key ${String(i).padStart(3, '0')}`)))
    expect(answers.map(({ position }) => position)).toEqual(Array.from({ length: 450 }, (_, i) => i + 1))
    expect(commits).toBeLessThan(60)
  })
})
