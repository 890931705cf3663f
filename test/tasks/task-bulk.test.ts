import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../src/core/ids.ts'
import { dialects } from '../kit/databases.ts'
import { statementsOf } from '../kit/statements.ts'
import type { TestUser } from '../kit/world.ts'
import { ARCHIVE_MANY, CANCEL_MANY, CREATE_MANY, counting, DELETE_MANY, RETRY_MANY, seed, UNARCHIVE_MANY, UPDATE_MANY, wholeOf } from './many.ts'
import { bare, completes, create, kindsOf, newTaskId, openTaskWorld, read, type TaskWorld, whenStatus } from './task.ts'

const MUTATIONS = { CANCEL_MANY, RETRY_MANY, ARCHIVE_MANY, UNARCHIVE_MANY, DELETE_MANY }
const ALL = Object.entries({ ...MUTATIONS, UPDATE_MANY })

describe.each(dialects())('what is done to many tasks on %s', (dialect) => {
  let on: TaskWorld
  beforeAll(async () => {
    on = await openTaskWorld(dialect)
  })
  afterAll(() => on.world.close())

  const does = (mutation: string, input: object, user: TestUser = on.ada) => on.world.does(mutation, { input }, user)
  const refused = (mutation: string, input: object, user: TestUser = on.ada) => on.world.refused(mutation, { input }, user)
  const refusedWhole = async (mutation: string, input: object) => {
    const before = await wholeOf(on.world)
    const errors = await refused(mutation, input)
    expect(await wholeOf(on.world)).toEqual(before)
    return errors
  }
  const waiting = async (input: object = {}) => (await create(on.world, on.ada, { runImmediately: false, ...input })).id as string
  const running = async () => {
    const { id } = await create(on.world, on.ada)
    await whenStatus(on.world, on.ada, id, 'RUNNING')
    return id as string
  }
  const cancelled = async () => {
    const id = await waiting()
    await does(CANCEL_MANY, { ids: [id] })
    return id
  }
  const statuses = async (ids: string[]) => Promise.all(ids.map(async (id) => (await read(on.world, on.ada, id))?.status ?? null))
  const codes = (payload: { refused: { index: number; id: string; userErrors: { code: string; path: string[] }[] }[] }) =>
    payload.refused.map(({ index, userErrors }) => [index, userErrors[0]!.code, userErrors[0]!.path.join('.')])

  describe('named by their ids', () => {
    it('cancels those that wait, asks those that run to stop, and tells the others apart', async () => {
      const [one, two, run, gone] = [await waiting(), await waiting(), await running(), await cancelled()]
      const payload = await does(CANCEL_MANY, { ids: [gone, one, newTaskId(), run, two, one, `Stream:${newId()}`] })
      expect(payload).toMatchObject({ count: 3, hasMore: false, tasks: [{ id: one, status: 'CANCELLED' }, { id: run }, { id: two, status: 'CANCELLED' }] })
      expect(codes(payload)).toEqual([
        [0, 'TASK_FINAL', 'input.ids.0'],
        [2, 'NOT_FOUND', 'input.ids.2'],
        [6, 'NOT_FOUND', 'input.ids.6'],
      ])
      expect(payload.refused[0].id).toBe(gone)
      expect((await whenStatus(on.world, on.ada, run, 'CANCELLED')).cancelRequestedAt).not.toBeNull()
    })

    it('cancels what depends on them and what belongs to them, also where these are among them', async () => {
      const [first, second, child] = [newTaskId(), newTaskId(), newTaskId()]
      const other = newTaskId()
      const tasks = [{ id: first }, { id: second, dependsOn: [first] }, { id: child, parentId: first }, { id: other, dependsOn: [second] }].map((task) => ({
        type: 'test.held',
        runImmediately: false,
        ...task,
      }))
      await does(CREATE_MANY, { tasks })
      expect(await does(CANCEL_MANY, { ids: [second, first] })).toMatchObject({ count: 2, refused: [] })
      expect(await statuses([first, second, child, other])).toEqual(Array(4).fill('CANCELLED'))
      for (const id of [first, second, child, other]) expect((await kindsOf(on.world, id)).filter((kind) => kind === 'CANCELLED')).toEqual(['CANCELLED'])
    })

    it('asked again to stop, goes on stopping', async () => {
      const id = await running()
      await Promise.all([does(CANCEL_MANY, { ids: [id] }), does(CANCEL_MANY, { ids: [id] })].map((call) => call.catch(() => {})))
      await whenStatus(on.world, on.ada, id, 'CANCELLED')
      expect((await kindsOf(on.world, id)).filter((kind) => kind.startsWith('CANCEL'))).toEqual(['CANCEL_REQUESTED', 'CANCELLED'])
    })

    it('changes what they say of themselves, and clears what is null', async () => {
      const [one, gone] = [await waiting({ sessionKey: 'session' }), await cancelled()]
      const payload = await does(UPDATE_MANY, { ids: [one, gone], domain: 'moved', driftScore: 0.5, sessionKey: null })
      expect(payload).toMatchObject({
        count: 2,
        refused: [],
        tasks: [
          { id: one, domain: 'moved' },
          { id: gone, domain: 'moved' },
        ],
      })
      expect(await read(on.world, on.ada, one)).toMatchObject({ domain: 'moved', driftScore: 0.5, sessionKey: null, status: 'CREATED' })
      const event = await on.world.client.event.findFirstOrThrow({ where: { subjectId: bare(one), kind: 'TASK_UPDATED' } })
      expect(event.data).toMatchObject({ fields: ['domain', 'driftScore', 'sessionKey'], before: { domain: null, driftScore: null, sessionKey: 'session' } })
    })

    it('changes how they are run while they wait', async () => {
      const [one, run, gone] = [await waiting(), await running(), await cancelled()]
      const payload = await does(UPDATE_MANY, {
        ids: [one, run, gone],
        domain: 'd',
        priority: 7,
        runAt: '2100-01-01T00:00:00Z',
        maxAttempts: 9,
        timeoutSeconds: 60,
      })
      expect(payload).toMatchObject({ count: 1, tasks: [{ id: one, priority: 7, domain: 'd' }] })
      expect(codes(payload)).toEqual([
        [1, 'TASK_NOT_WAITING', 'input.priority'],
        [2, 'TASK_NOT_WAITING', 'input.priority'],
      ])
      expect(await read(on.world, on.ada, one)).toMatchObject({ runAt: '2100-01-01T00:00:00.000Z', maxAttempts: 9, timeoutSeconds: 60 })
      expect(await read(on.world, on.ada, run)).toMatchObject({ domain: null, priority: 0 })
      await completes(on, on.ada, run)
    })

    it('lets a queued one wait for its new time', async () => {
      const { id } = await create(on.world, on.ada, { runAt: '2100-01-01T00:00:00Z' })
      await does(UPDATE_MANY, { ids: [id], runAt: '2001-01-01T00:00:00Z' })
      await completes(on, on.ada, id)
    })

    it('retries those that did not end well, each after what it depends on', async () => {
      const [first, second, third] = [newTaskId(), newTaskId(), newTaskId()]
      await does(CREATE_MANY, {
        tasks: [
          { type: 'test.held', id: first, runAt: '2100-01-01T00:00:00Z' },
          { type: 'test.held', id: second, dependsOn: [first] },
          { type: 'test.held', id: third, dependsOn: [second] },
        ],
      })
      await does(CANCEL_MANY, { ids: [first] })
      const { id: done } = await create(on.world, on.ada)
      await completes(on, on.ada, done)
      const alone = await does(RETRY_MANY, { ids: [third] })
      expect(codes(alone)).toEqual([[0, 'DEPENDENCY_ENDED', 'input.ids.0']])
      const payload = await does(RETRY_MANY, { ids: [third, second, done, first] })
      expect(payload).toMatchObject({ count: 3, tasks: [{ id: third }, { id: second }, { id: first }] })
      expect(codes(payload)).toEqual([[2, 'TASK_NOT_RETRYABLE', 'input.ids.2']])
      for (const id of [first, second, third]) await completes(on, on.ada, id)
    })

    it('keeps the attempts of those it retries', async () => {
      const ids = await Promise.all([running(), running()])
      for (const id of ids) (await on.held.run(id)).fail(new Error('Not this time.'))
      await on.world.client.$executeRaw`UPDATE "Task" SET "maxAttempts" = 1 WHERE "id" IN (${ids.map(bare)[0]}, ${ids.map(bare)[1]})`
      for (const id of ids) await whenStatus(on.world, on.ada, id, 'FAILED', 'QUEUED')
      await does(CANCEL_MANY, { ids })
      expect((await does(RETRY_MANY, { ids })).count).toBe(2)
      const attempts = await on.world.client.taskAttempt.findMany({ where: { taskId: { in: ids.map(bare) } } })
      expect(attempts.map(({ attempt, outcome }) => [attempt, outcome])).toEqual([[1, 'FAILED'], [1, 'FAILED']]) // biome-ignore format: one look
      await does(CANCEL_MANY, { ids })
    })

    it('puts away those that have ended, and takes them out again', async () => {
      const [gone, open] = [await cancelled(), await waiting()]
      const payload = await does(ARCHIVE_MANY, { ids: [open, gone] })
      expect(payload).toMatchObject({ count: 1, tasks: [{ id: gone, archivedAt: expect.any(String) }] })
      expect(codes(payload)).toEqual([[0, 'TASK_NOT_FINAL', 'input.ids.0']])
      expect(await does(ARCHIVE_MANY, { ids: [gone] })).toMatchObject({ count: 1, refused: [] })
      expect(await does(UNARCHIVE_MANY, { ids: [gone] })).toMatchObject({ count: 1, tasks: [{ archivedAt: null }] })
      expect(await kindsOf(on.world, gone)).toEqual(['CREATED', 'CANCELLED', 'ARCHIVED', 'UNARCHIVED'])
    })

    it('removes those that do not run; what waits for them is cancelled, and what depends on each other among them is simply gone', async () => {
      const [first, second, third, child] = [newTaskId(), newTaskId(), newTaskId(), newTaskId()]
      const tasks = [{ id: first }, { id: second, dependsOn: [first] }, { id: third, dependsOn: [second] }, { id: child, parentId: second }]
      await does(CREATE_MANY, { tasks: tasks.map((task) => ({ type: 'test.held', runImmediately: false, ...task })) })
      const run = await running()
      const payload = await does(DELETE_MANY, { ids: [run, first, second] })
      expect(payload).toMatchObject({ count: 2, deletedIds: [first, second] })
      expect(codes(payload)).toEqual([[0, 'TASK_RUNNING', 'input.ids.0']])
      expect(await statuses([first, second, third, child])).toEqual([null, null, 'CANCELLED', 'CANCELLED'])
      expect([await kindsOf(on.world, first), await kindsOf(on.world, second)]).toEqual([['CREATED', 'DELETED'], ['CREATED', 'DELETED']]) // biome-ignore format: one look
      await completes(on, on.ada, run)
    })

    it.each(ALL)('answers for tasks of others as for those that are not there, and changes nothing (%s)', async (_name, mutation) => {
      const { id } = await create(on.world, on.bob, { runImmediately: false })
      const before = await wholeOf(on.world)
      const input = { ids: [id, newTaskId()], ...(mutation === UPDATE_MANY && { domain: 'theirs' }) }
      const payload = await does(mutation, input)
      expect(payload.count).toBe(0)
      expect(codes(payload)).toEqual([[0, 'NOT_FOUND', 'input.ids.0'], [1, 'NOT_FOUND', 'input.ids.1']]) // biome-ignore format: one look
      expect(await wholeOf(on.world)).toEqual(before)
    })

    it('is for ADMINs with everybody’s', async () => {
      const { id } = await create(on.world, on.bob, { runImmediately: false })
      expect(await does(UPDATE_MANY, { ids: [id], domain: 'seen' }, on.admin)).toMatchObject({ count: 1 })
    })

    it('with the same key is done once, and answers the same', async () => {
      const [one, run] = [await waiting(), newTaskId()]
      const input = { ids: [one, run], idempotencyKey: 'cancel many' }
      const { eventCursor: _, ...first } = await does(CANCEL_MANY, input)
      const before = await wholeOf(on.world)
      expect(await does(CANCEL_MANY, input)).toMatchObject(first)
      expect(await wholeOf(on.world)).toEqual(before)
      expect(await refused(CANCEL_MANY, { ...input, ids: [one] })).toMatchObject([{ code: 'IDEMPOTENCY_MISMATCH' }])
    })

    it('by twins at once is done once to each', async () => {
      const ids = await seed(on.world, on.ada, 50)
      const payloads = await Promise.all([ids, [...ids].reverse(), ids].map((some) => does(CANCEL_MANY, { ids: some })))
      expect(payloads.map(({ count }) => count).reduce((sum, count) => sum + count)).toBe(50)
      expect(await on.world.client.event.count({ where: { kind: 'TASK_CANCELLED', subjectId: { in: ids.map(bare) } } })).toBe(50)
    })

    it('races with the workers: each is cancelled, or has ended before', async () => {
      for (let i = 0; i < 5; i++) {
        const { tasks } = await does(CREATE_MANY, { tasks: Array.from({ length: 20 }, () => ({ type: 'test.held' })) })
        const ids = tasks.map((task: { id: string }) => task.id)
        expect(await does(CANCEL_MANY, { ids })).toMatchObject({ count: 20, refused: [] })
        for (const id of ids) await whenStatus(on.world, on.ada, id, 'CANCELLED')
      }
    })
  })

  describe('is refused, and changes nothing,', () => {
    const update = (mutation: string) => (mutation === UPDATE_MANY ? { domain: 'd' } : {})

    it.each(ALL)('without ids and filter, and with both (%s)', async (_name, mutation) => {
      const ids = [await waiting()]
      for (const input of [{}, { ids, filter: {} }])
        expect(await refusedWhole(mutation, { ...input, ...update(mutation) })).toEqual([
          { code: 'BAD_USER_INPUT', path: ['input'], message: 'Give either ids or a filter.' },
        ])
    })

    it.each(ALL)('with no ids, too many, and what is no id (%s)', async (_name, mutation) => {
      for (const ids of [[], Array.from({ length: 1001 }, newTaskId)]) {
        const query = mutation.replace(/\{ count.*\} eventCursor/s, '{ eventCursor')
        expect(await refusedWhole(query, { ids, ...update(mutation) })).toMatchObject([{ code: 'BAD_USER_INPUT', path: ['input', 'ids'] }])
      }
      expect(await refusedWhole(mutation, { ids: [newTaskId(), 'nonsense'], ...update(mutation) })).toMatchObject([
        { code: 'BAD_USER_INPUT', path: ['input', 'ids', '1'] },
      ])
    })

    it('with a filter that is too large, or names what is no id', async () => {
      const filter = { or: Array.from({ length: 201 }, () => ({ domain: { eq: 'x' } })) }
      expect(await refusedWhole(CANCEL_MANY, { filter })).toMatchObject([{ code: 'BAD_USER_INPUT', path: ['input', 'filter'] }])
      expect(await refusedWhole(CANCEL_MANY, { filter: { parentId: { eq: 'x' } } })).toMatchObject([
        { code: 'BAD_USER_INPUT', path: ['input', 'filter', 'parentId'] },
      ])
    })

    it('with nothing to change, or values out of range', async () => {
      const ids = [await waiting()]
      expect(await refusedWhole(UPDATE_MANY, { ids })).toMatchObject([{ path: ['input'], message: 'Say what shall be otherwise.' }])
      for (const bad of [{ domain: '' }, { driftScore: 2 }, { priority: 1001 }, { runAt: '1999-01-01T00:00:00Z' }, { maxAttempts: 0 }, { timeoutSeconds: 0 }])
        expect(await refusedWhole(UPDATE_MANY, { ids, ...bad })).toMatchObject([{ code: 'BAD_USER_INPUT', path: ['input', Object.keys(bad)[0]] }])
    })

    it.each(ALL)('for whoever is not logged in (%s)', async (_name, mutation) => {
      const { errors } = await on.world.ask(mutation, { input: { ids: [newTaskId()], ...update(mutation) } })
      expect(errors![0]!.extensions.code).toBe('UNAUTHENTICATED')
    })
  })
})

describe.each(dialects())('what is done to many tasks while nobody works on %s', (dialect) => {
  let on: TaskWorld
  beforeAll(async () => {
    on = await openTaskWorld(dialect, { env: { TASK_CONCURRENCY: '0' } })
  })
  afterAll(() => on.world.close())

  it('takes as many statements for a thousand as for ten', () =>
    counting(async () => {
      const FEW = (name: string, more = 'refused { index }') =>
        `mutation ($input: ${name}Input!) { ${name[0]!.toLowerCase()}${name.slice(1)}(input: $input) { count ${more} userErrors { code message } } }`
      const count = async (mutation: string, input: object) => {
        const { answer, statements } = await statementsOf(() => on.world.ask(mutation, { input }, on.ada))
        expect(answer.errors).toBeUndefined()
        const [payload] = Object.values(answer.data) as { count: number }[]
        return { done: payload!.count, statements: statements.filter((sql) => !sql.includes('pg_notify')).length }
      }
      const costs: Record<string, number[]> = {}
      for (const size of [10, 1000]) {
        const ids = await seed(on.world, on.ada, size)
        for (const [name, input] of [
          ['TaskUpdateMany', { domain: 'counted' }],
          ['TaskCancelMany', {}],
          ['TaskRetryMany', {}],
          ['TaskCancelMany', {}],
          ['TaskArchiveMany', {}],
          ['TaskDeleteMany', {}],
        ] as const) {
          const { done, statements } = await count(FEW(name), { ids, ...input })
          expect([name, done]).toEqual([name, size])
          costs[name] = [...(costs[name] ?? []), statements]
        }
      }
      for (const [name, [few, ...others]] of Object.entries(costs)) {
        expect(few).toBeLessThan(12)
        for (const many of others) expect([name, many]).toEqual([name, few])
      }
    }))
})
