/** The same key, the same result. */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Actor } from '../../src/core/actor.ts'
import { BadUserInput, Forbidden, IdempotencyMismatch, NotFound, Unavailable } from '../../src/core/errors.ts'
import { openDatabase } from '../../src/db/database.ts'
import { once } from '../../src/events/once.ts'
import { eventsExpire } from '../../src/events/retention.ts'
import { openStore, type Store } from '../../src/events/store.ts'
import type { Work } from '../../src/events/work.ts'
import { dialects, type ScratchDatabase, scratchDatabase } from '../kit/databases.ts'
import { HeldTasks } from '../kit/task-types.ts'
import { openWorld, type World } from '../kit/world.ts'

const actorOf = (userId: string): Actor => ({ kind: 'session', sessionId: 's', expiresAtMs: Number.MAX_SAFE_INTEGER, userId, role: 'USER' })
const ann = actorOf('ann')
const bob = actorOf('bob')

describe.each(dialects())('an idempotency key on %s', (dialect) => {
  let scratch: ScratchDatabase
  let store: Store

  beforeAll(async () => {
    scratch = await scratchDatabase(dialect)
    store = await openStore(await openDatabase({ url: scratch.url }), { warn: () => {} })
  })
  afterAll(async () => {
    await store.close()
    await scratch.drop()
  })

  const key = () => randomUUID()
  const effect = async (work: Work, subject: string) => {
    work.events.push({ kind: 'EFFECT', subjectType: 'Test', subjectId: subject, ownerId: null })
    return { subject, nonce: randomUUID() }
  }
  const effects = (subject: string) => store.database.client.event.count({ where: { subjectId: subject } })
  const keys = (name: string) => store.database.client.idempotencyKey.count({ where: { key: name } })

  test('that twenty use at once has one effect, and all get the same answer', async () => {
    const k = key()
    const answers = await Promise.all(Array.from({ length: 20 }, () => once(store, ann, { mutation: 'm', key: k, input: { a: 1 } }, (work) => effect(work, k))))
    expect(new Set(answers.map(({ result }) => result.nonce)).size).toBe(1)
    expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1)
    expect(await effects(k)).toBe(1)
  })

  test('is the same input whatever the order of its fields, and what is undefined is not there', async () => {
    const k = key()
    const first = await once(store, ann, { mutation: 'm', key: k, input: { a: 1, b: { c: [1, { d: 2, e: 3 }] }, f: undefined } }, (work) => effect(work, k))
    const second = await once(store, ann, { mutation: 'm', key: k, input: { b: { c: [1, { e: 3, d: 2 }] }, a: 1 } }, (work) => effect(work, k))
    expect(second).toEqual({ result: first.result, position: null, replayed: true })
  })

  test('refuses another input, and nothing changes', async () => {
    const k = key()
    await once(store, ann, { mutation: 'm', key: k, input: { a: 1 } }, (work) => effect(work, k))
    await expect(once(store, ann, { mutation: 'm', key: k, input: { a: 2 } }, (work) => effect(work, k))).rejects.toThrow(IdempotencyMismatch)
    expect(await effects(k)).toBe(1)
  })

  test('that is an id of one’s own is named so where it comes with another input', async () => {
    const k = key()
    await once(store, ann, { mutation: 'm', key: null, id: k, input: { a: 1 } }, (work) => effect(work, k))
    const again = once(store, ann, { mutation: 'm', key: null, id: k, input: { a: 2 } }, (work) => effect(work, k))
    await expect(again).rejects.toMatchObject({ message: 'This id was used before with another input.', inputPath: ['input', 'id'] })
    expect(await effects(k)).toBe(1)
  })

  test('is its owner’s and its mutation’s own', async () => {
    const k = key()
    for (const [actor, mutation] of [
      [ann, 'm'],
      [bob, 'm'],
      [ann, 'n'],
    ] as const)
      expect((await once(store, actor, { mutation, key: k, input: {} }, (work) => effect(work, k))).replayed).toBe(false)
    expect(await effects(k)).toBe(3)
  })

  test('replays a refusal with its code, message and path, though by now it would work', async () => {
    const k = key()
    const refuse = async () => Promise.reject(new BadUserInput('Not so.', ['input', 'a']))
    await expect(once(store, ann, { mutation: 'm', key: k, input: {} }, refuse)).rejects.toThrow('Not so.')
    await expect(once(store, ann, { mutation: 'm', key: k, input: {} }, (work) => effect(work, k))).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
      message: 'Not so.',
      inputPath: ['input', 'a'],
    })
    expect(await effects(k)).toBe(0)
  })

  test('does not remember what may be otherwise the next time: a missing right, or a server that is busy', async () => {
    for (const error of [new Forbidden(), new Unavailable('Busy.')]) {
      const k = key()
      await expect(once(store, ann, { mutation: 'm', key: k, input: {} }, () => Promise.reject(error))).rejects.toBe(error)
      expect((await once(store, ann, { mutation: 'm', key: k, input: {} }, (work) => effect(work, k))).replayed).toBe(false)
    }
  })

  test('gives both twins the same answer where one is refused and the other is faster before that is remembered', async () => {
    const k = key()
    const answerOf = (call: Promise<{ result: unknown }>) =>
      call.then(
        ({ result }) => result,
        (error: Error) => error.message,
      )
    const calls: Promise<unknown>[] = []
    // The refused one's transaction is rolled back when its promise is: the twin begins in this same turn.
    const refuse = async (work: Work) => {
      calls.push(answerOf(once(store, ann, { mutation: 'm', key: k, input: {} }, (twinWork) => effect(twinWork, k))))
      // On SQLite the twin waits for the writer, on PostgreSQL for the key's row.
      await work.db.$queryRaw`SELECT 1`
      throw new NotFound('Thing')
    }
    const first = await answerOf(once(store, ann, { mutation: 'm', key: k, input: {} }, refuse))
    expect(await calls[0]).toEqual(first)
  })

  test('leaves nothing where the transaction breaks, and the next call has the effect', async () => {
    const k = key()
    const crash = async (work: Work) => {
      await effect(work, k)
      throw new Error('crash')
    }
    await expect(once(store, ann, { mutation: 'm', key: k, input: {} }, crash)).rejects.toThrow('crash')
    expect([await effects(k), await keys(k)]).toEqual([0, 0])
    await once(store, ann, { mutation: 'm', key: k, input: {} }, (work) => effect(work, k))
    expect([await effects(k), await keys(k)]).toEqual([1, 1])
  })

  test('is remembered for a day at least, and forgotten after two', async () => {
    const [young, old] = [key(), key()]
    for (const k of [young, old]) await once(store, ann, { mutation: 'm', key: k, input: {} }, (work) => effect(work, k))
    const ageBy = (k: string, hours: number) =>
      store.database.client.$executeRaw`UPDATE "IdempotencyKey" SET "createdAtMs" = "createdAtMs" - CAST(${hours * 3_600_000} AS BIGINT) WHERE "key" = ${k}`
    await ageBy(young, 25)
    await ageBy(old, 49)
    await eventsExpire(store, 30)
    expect([await keys(young), await keys(old)]).toEqual([1, 0])
  })

  test('has 1 to 200 characters; without one, each call has its effect', async () => {
    for (const k of ['', 'x'.repeat(201)])
      await expect(once(store, ann, { mutation: 'm', key: k, input: {} }, (work) => effect(work, k))).rejects.toMatchObject({ code: 'BAD_USER_INPUT' })
    const subject = key()
    for (const k of [null, undefined]) await once(store, ann, { mutation: 'm', key: k, input: {} }, (work) => effect(work, subject))
    expect(await effects(subject)).toBe(2)
  })
})

describe.each(dialects())('through the API on %s', (dialect) => {
  let world: World
  beforeAll(async () => {
    world = await openWorld(dialect, { env: { TASK_CONCURRENCY: '0' }, extend: new HeldTasks().register })
  })
  afterAll(() => world.close())

  test('twenty taskCreate with one key make one task', async () => {
    const user = await world.user()
    const input = { type: 'test.held', idempotencyKey: 'once', runImmediately: false }
    const create = `mutation ($input: TaskCreateInput!) { taskCreate(input: $input) { task { id } eventCursor userErrors { code path } } }`
    const made = await Promise.all(Array.from({ length: 20 }, () => world.does(create, { input }, user)))
    expect(new Set(made.map((payload) => payload.task.id)).size).toBe(1)
    expect(await world.client.task.count()).toBe(1)
    const mismatch = await world.ask(create, { input: { ...input, priority: 7 } }, user)
    expect(mismatch.data.taskCreate).toMatchObject({ task: null, userErrors: [{ code: 'IDEMPOTENCY_MISMATCH', path: ['input', 'idempotencyKey'] }] })
  })
})
