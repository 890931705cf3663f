import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { newId } from '../../src/core/ids.ts'
import type { TaskTypes } from '../../src/tasks/task-type.ts'
import { dialects } from '../kit/databases.ts'
import { statementsOf } from '../kit/statements.ts'
import { openWorld, type TestUser } from '../kit/world.ts'
import { CREATE_MANY, counting, wholeOf } from './many.ts'
import { bare, CANCEL, completes, create, does, kindsOf, newTaskId, openTaskWorld, read, type TaskWorld, whenStatus } from './task.ts'
import { REGISTER } from './work/work.ts'

/** Streams, and needs no provider. */
const streaming = (types: TaskTypes) =>
  types.register({ name: 'test.streaming', description: 'Opens a stream.', params: z.strictObject({}), streams: true, run: async () => ({}) })

const held = (fields: object = {}) => ({ type: 'test.held', ...fields })
const waiting = (fields: object = {}) => held({ runImmediately: false, ...fields })

describe.each(dialects())('taskCreateMany on %s', (dialect) => {
  let on: TaskWorld
  beforeAll(async () => {
    on = await openTaskWorld(dialect, { extend: streaming })
  })
  afterAll(() => on.world.close())

  const many = (tasks: object[], more: object = {}, user: TestUser = on.ada) => on.world.does(CREATE_MANY, { input: { tasks, ...more } }, user)
  const skipping = (tasks: object[], more: object = {}) => many(tasks, { errorPolicy: 'SKIP_FAILED', ...more })
  const refused = (tasks: object[], more: object = {}, user: TestUser = on.ada) => on.world.refused(CREATE_MANY, { input: { tasks, ...more } }, user)
  const row = (id: string) => on.world.client.task.findUniqueOrThrow({ where: { id: bare(id) } })
  const edges = (id: string) =>
    on.world.client.taskDependency.findMany({
      where: { taskId: bare(id) },
      orderBy: { dependsOnId: 'asc' },
      select: { dependsOnId: true, isPending: true, onFailure: true },
    })
  /** What is refused, and that it has changed nothing. */
  const refusedWhole = async (tasks: object[], more: object = {}, user: TestUser = on.ada) => {
    const before = await wholeOf(on.world)
    const errors = await refused(tasks, more, user)
    expect(await wholeOf(on.world)).toEqual(before)
    return errors
  }

  describe('with all of them good', () => {
    it('makes them in the order of the input, each with its own fields and one event', async () => {
      const { tasks, skipped, duplicates, eventCursor } = await many([
        held({ domain: 'one', params: { note: 'first' } }),
        waiting({ domain: 'two' }),
        held({ domain: 'three', runAt: '2100-01-01T00:00:00Z' }),
      ])
      expect(tasks).toEqual([
        { id: expect.any(String), status: expect.stringMatching(/QUEUED|RUNNING/), type: 'test.held', domain: 'one', params: { note: 'first' } },
        { id: expect.any(String), status: 'CREATED', type: 'test.held', domain: 'two', params: {} },
        { id: expect.any(String), status: 'QUEUED', type: 'test.held', domain: 'three', params: {} },
      ])
      expect([skipped, duplicates]).toEqual([[], []])
      expect(eventCursor).toMatch(/^[0-9a-f]{12}\.\d+$/)
      expect(await kindsOf(on.world, tasks[1].id)).toEqual(['CREATED'])
      await completes(on, on.ada, tasks[0].id)
    })

    it('lets them depend on each other in any order, and runs each when what it depends on has ended', async () => {
      const [first, second, third] = [newTaskId(), newTaskId(), newTaskId()]
      const { tasks } = await many([
        held({ id: third, dependsOn: [second, first] }),
        held({ id: second, dependsOn: [first], onDependencyFailure: 'RUN' }),
        held({ id: first }),
      ])
      expect(tasks.map((task: { id: string }) => task.id)).toEqual([third, second, first])
      expect(await edges(third)).toEqual([first, second].map(bare).sort().map((dependsOnId) => ({ dependsOnId, isPending: true, onFailure: 'CANCEL' }))) // biome-ignore format: one look
      expect(await edges(second)).toEqual([{ dependsOnId: bare(first), isPending: true, onFailure: 'RUN' }])
      expect([await row(first), await row(second), await row(third)].map(({ waitingFor, isAwaited }) => [waitingFor, isAwaited])).toEqual([[0, true], [1, true], [2, false]]) // biome-ignore format: one look
      for (const id of [first, second, third]) {
        expect((await whenStatus(on.world, on.ada, id, 'RUNNING')).attempt).toBe(1)
        await completes(on, on.ada, id)
      }
    })

    it('tells in the event for how many each waits', async () => {
      const [one, two] = [newTaskId(), newTaskId()]
      await many([waiting({ id: two, dependsOn: [one, one] }), waiting({ id: one })])
      const event = await on.world.client.event.findFirstOrThrow({ where: { subjectId: bare(two) } })
      expect(event.data).toMatchObject({ waitingFor: 1, status: 'CREATED' })
    })

    it('lets them belong to each other, also where the parent waits for its child', async () => {
      const [parent, child, grandchild] = [newTaskId(), newTaskId(), newTaskId()]
      await many([waiting({ id: grandchild, parentId: child }), waiting({ id: child, parentId: parent }), waiting({ id: parent, dependsOn: [child] })])
      expect([(await row(grandchild)).parentId, (await row(child)).parentId, (await row(parent)).parentId]).toEqual([bare(child), bare(parent), null])
      expect(await does(on.world, CANCEL, { id: parent }, on.ada)).toMatchObject({ status: 'CANCELLED' })
      expect([await read(on.world, on.ada, child), await read(on.world, on.ada, grandchild)]).toMatchObject([{ status: 'CANCELLED' }, { status: 'CANCELLED' }])
    })

    it('lets them depend on what is there: what has ended well is not waited for', async () => {
      const done = await create(on.world, on.ada)
      await completes(on, on.ada, done.id)
      const open = await create(on.world, on.ada, { runImmediately: false })
      const gone = await create(on.world, on.ada, { runImmediately: false })
      await does(on.world, CANCEL, { id: gone.id }, on.ada)
      const { tasks } = await many([
        held({ dependsOn: [done.id] }),
        waiting({ dependsOn: [done.id, open.id], parentId: open.id }),
        waiting({ dependsOn: [gone.id], onDependencyFailure: 'RUN' }),
      ])
      expect((await row(tasks[1].id)).waitingFor).toBe(1)
      expect((await row(tasks[2].id)).waitingFor).toBe(0)
      expect((await row(open.id)).isAwaited).toBe(true)
      await completes(on, on.ada, tasks[0].id)
    })

    it('opens the streams of those that stream', async () => {
      const { tasks } = await many([{ type: 'test.streaming', runImmediately: false }, waiting(), { type: 'test.streaming', runImmediately: false }])
      const streams = await on.world.client.stream.findMany({ where: { taskId: { in: tasks.map((task: { id: string }) => bare(task.id)) } } })
      expect(
        streams
          .map(({ taskId, producerTaskId, status, attempt }) => ({ taskId, producerTaskId, status, attempt }))
          .sort((a, b) => (a.taskId! < b.taskId! ? -1 : 1)),
      ).toEqual(
        [tasks[0].id, tasks[2].id].map(bare).sort().map((id) => ({ taskId: id, producerTaskId: id, status: 'PENDING', attempt: null })), // biome-ignore format: one look
      )
    })

    it('makes unique work once: what is there already stands for it, and so does another of these', async () => {
      const unique = { withinSeconds: 60 }
      const there = await create(on.world, on.ada, { params: { note: 'unique' }, runImmediately: false, unique })
      const { tasks, duplicates } = await many([
        waiting({ params: { note: 'fresh' }, unique }),
        waiting({ params: { note: 'unique' }, unique }),
        waiting({ params: { note: 'fresh' }, unique }),
        waiting({ params: { note: 'fresh' } }),
      ])
      expect(duplicates).toEqual([1, 2])
      expect(tasks[1].id).toBe(there.id)
      expect(tasks[2].id).toBe(tasks[0].id)
      expect(new Set(tasks.map((task: { id: string }) => task.id)).size).toBe(3)
    })
  })

  describe('with one at fault', () => {
    it('refuses all, tells every fault of each with its place, and changes nothing', async () => {
      const gone = await create(on.world, on.ada, { runImmediately: false })
      await does(on.world, CANCEL, { id: gone.id }, on.ada)
      const missing = newTaskId()
      const errors = await refusedWhole([
        waiting(),
        waiting({ domain: '', priority: 5000 }),
        { type: 'no.such' },
        waiting({ params: { note: 5, other: 1 } }),
        waiting({ dependsOn: [gone.id, missing] }),
        waiting({ parentId: gone.id }),
        waiting({ parentId: missing }),
        waiting({ id: gone.id }),
        waiting({ id: 'nonsense' }),
      ])
      expect(errors.map(({ code, path }) => [code, path!.join('.')])).toEqual([
        ['BAD_USER_INPUT', 'input.tasks.1.domain'],
        ['BAD_USER_INPUT', 'input.tasks.1.priority'],
        ['UNKNOWN_TASK_TYPE', 'input.tasks.2.type'],
        ['BAD_USER_INPUT', 'input.tasks.3.params.note'],
        ['BAD_USER_INPUT', 'input.tasks.3.params.other'],
        ['DEPENDENCY_ENDED', 'input.tasks.4.dependsOn.0'],
        ['NOT_FOUND', 'input.tasks.4.dependsOn.1'],
        ['PARENT_ENDED', 'input.tasks.5.parentId'],
        ['NOT_FOUND', 'input.tasks.6.parentId'],
        ['ID_TAKEN', 'input.tasks.7.id'],
        ['BAD_USER_INPUT', 'input.tasks.8.id'],
      ])
    })

    it('names the circle in which they would wait for each other', async () => {
      const [a, b, c] = [newTaskId(), newTaskId(), newTaskId()]
      const [error, ...others] = await refusedWhole([
        waiting(),
        waiting({ id: a, dependsOn: [b] }),
        waiting({ id: c, dependsOn: [a] }),
        waiting({ id: b, dependsOn: [c] }),
        waiting({ dependsOn: [a] }),
      ])
      expect(error).toMatchObject({ code: 'DEPENDENCY_CIRCLE', path: ['input', 'tasks', '1', 'dependsOn'] })
      expect(error!.message).toBe(`These tasks would wait for each other: ${[a, b, c, a].join(' → ')}.`)
      expect(others).toEqual([])
    })

    it('names one that waits for itself, and tasks that would be parts of each other', async () => {
      const [self, a, b] = [newTaskId(), newTaskId(), newTaskId()]
      const errors = await refusedWhole([waiting({ id: self, dependsOn: [self] }), waiting({ id: a, parentId: b }), waiting({ id: b, parentId: a })])
      expect(errors).toEqual([
        { code: 'DEPENDENCY_CIRCLE', path: ['input', 'tasks', '0', 'dependsOn'], message: `These tasks would wait for each other: ${self} → ${self}.` },
        { code: 'BAD_USER_INPUT', path: ['input', 'tasks', '1', 'parentId'], message: `These tasks would belong to each other: ${a} → ${b} → ${a}.` },
      ])
    })

    it('takes an id that stands there twice for taken the second time', async () => {
      const id = newTaskId()
      expect(await refusedWhole([waiting({ id }), waiting({ id })])).toMatchObject([{ code: 'ID_TAKEN', path: ['input', 'tasks', '1', 'id'] }])
    })

    it('refuses to let others depend on one that may turn out to be another', async () => {
      const id = newTaskId()
      const errors = await refusedWhole([waiting({ id, unique: { withinSeconds: 60 } }), waiting({ dependsOn: [id] }), waiting({ parentId: id })])
      expect(errors.map(({ code, path }) => [code, path!.join('.')])).toEqual([
        ['BAD_USER_INPUT', 'input.tasks.1.dependsOn.0'],
        ['BAD_USER_INPUT', 'input.tasks.2.parentId'],
      ])
    })

    it('gives up checking the rest where a schema takes its time with each of them', async () => {
      const paramsSchema = { properties: { a: { pattern: '^(a+)+$' } } }
      await on.world.does(REGISTER, { input: { name: 'slow.to.check', paramsSchema } }, on.ada)
      const began = performance.now()
      const errors = await refusedWhole(Array.from({ length: 100 }, () => ({ type: 'slow.to.check', params: { a: `${'a'.repeat(40)}!` } })))
      // Each alone may take 250 ms.
      expect(performance.now() - began).toBeLessThan(15_000)
      expect(errors).toHaveLength(100)
      expect(errors[99]).toMatchObject({ code: 'BAD_USER_INPUT', path: ['input', 'tasks', '99', 'params'] })
    })

    it('tells the first hundred faults', async () => {
      expect(await refused(Array.from({ length: 150 }, () => ({ type: 'no.such' })))).toHaveLength(100)
    })

    it('makes the others where it is told to skip, and says which it skipped and why', async () => {
      const [good, bad, after] = [newTaskId(), newTaskId(), newTaskId()]
      const { tasks, skipped } = await skipping([
        waiting({ id: after, dependsOn: [good, bad] }),
        waiting({ id: bad, params: { note: 5 } }),
        waiting({ id: good }),
        waiting({ parentId: after }),
        waiting({ dependsOn: [good] }),
        { type: 'no.such' },
      ])
      expect(tasks.map((task: { id: string } | null) => task?.id ?? null)).toEqual([null, null, good, null, expect.any(String), null])
      expect(skipped).toEqual([
        {
          index: 0,
          userErrors: [{ code: 'TASK_SKIPPED', path: ['input', 'tasks', '0', 'dependsOn', '1'], message: `${bad}, which is tasks.1, is not made.` }],
        },
        { index: 1, userErrors: [{ code: 'BAD_USER_INPUT', path: ['input', 'tasks', '1', 'params', 'note'], message: expect.any(String) }] },
        { index: 3, userErrors: [{ code: 'TASK_SKIPPED', path: ['input', 'tasks', '3', 'parentId'], message: `${after}, which is tasks.0, is not made.` }] },
        { index: 5, userErrors: [{ code: 'UNKNOWN_TASK_TYPE', path: ['input', 'tasks', '5', 'type'], message: expect.any(String) }] },
      ])
      expect(await read(on.world, on.ada, after)).toBeNull()
    })

    it('skips all of a circle, and what depends on it', async () => {
      const [a, b, c] = [newTaskId(), newTaskId(), newTaskId()]
      const { tasks, skipped } = await skipping([
        waiting({ id: a, dependsOn: [b] }),
        waiting({ id: b, dependsOn: [a] }),
        waiting({ id: c, dependsOn: [b] }),
        waiting(),
      ])
      expect(tasks.map((task: unknown) => task !== null)).toEqual([false, false, false, true])
      expect(skipped.map((skip: { userErrors: { code: string }[] }) => skip.userErrors.map(({ code }) => code))).toEqual([['DEPENDENCY_CIRCLE'], ['DEPENDENCY_CIRCLE'], ['TASK_SKIPPED']]) // biome-ignore format: one look
    })

    it('makes none and skips all where all are at fault', async () => {
      const { tasks, skipped } = await skipping([{ type: 'no.such' }, waiting({ domain: '' })])
      expect(tasks).toEqual([null, null])
      expect(skipped).toHaveLength(2)
    })
  })

  it.each([
    ['none', [], ['input', 'tasks']],
    ['more than 1,000', Array.from({ length: 1001 }, () => ({ type: 'x' })), ['input', 'tasks']],
  ])('refuses %s', async (_what, tasks, path) => {
    const before = await wholeOf(on.world)
    const query = 'mutation ($input: TaskCreateManyInput!) { taskCreateMany(input: $input) { userErrors { code message path } } }'
    expect(await on.world.refused(query, { input: { tasks } }, on.ada)).toMatchObject([{ code: 'BAD_USER_INPUT', path }])
    expect(await wholeOf(on.world)).toEqual(before)
  })

  it('refuses more than 10,000 dependencies all together', async () => {
    const dependsOn = Array.from({ length: 501 }, () => newTaskId())
    expect(await refusedWhole(Array.from({ length: 20 }, () => waiting({ dependsOn })))).toMatchObject([{ code: 'BAD_USER_INPUT', path: ['input', 'tasks'] }])
  })

  it('answers for tasks of others as for those that are not there', async () => {
    const { id } = await create(on.world, on.bob, { runImmediately: false })
    const missing = newTaskId()
    const of = async (other: string) =>
      (await refusedWhole([waiting({ dependsOn: [other] }), waiting({ parentId: other })])).map((error) => ({
        ...error,
        message: error.message.replace(other, 'it'),
      }))
    expect(await of(id)).toEqual(await of(missing))
    expect((await of(id)).map(({ code }) => code)).toEqual(['NOT_FOUND', 'NOT_FOUND'])
  })

  describe('sent again', () => {
    it('with the same key makes nothing more, and answers the same', async () => {
      const tasks = [waiting({ domain: 'once' }), { type: 'no.such' }]
      const first = await skipping(tasks, { idempotencyKey: 'many' })
      const before = await wholeOf(on.world)
      const { eventCursor: _, ...again } = await skipping(tasks, { idempotencyKey: 'many' })
      expect(first).toMatchObject(again)
      expect(await wholeOf(on.world)).toEqual(before)
      expect(await refused([waiting({ domain: 'twice' })], { idempotencyKey: 'many', errorPolicy: 'SKIP_FAILED' })).toMatchObject([
        { code: 'IDEMPOTENCY_MISMATCH' },
      ])
    })

    it('with the same key is refused for the same reasons, all of them', async () => {
      const tasks = [{ type: 'no.such' }, waiting({ domain: '' })]
      const errors = await refused(tasks, { idempotencyKey: 'refused many' })
      expect(errors).toHaveLength(2)
      expect(await refused(tasks, { idempotencyKey: 'refused many' })).toEqual(errors)
    })

    it('with ids of the client’s making is harmless without a key', async () => {
      const tasks = [waiting({ id: newTaskId() }), waiting()]
      const first = await many(tasks)
      const before = await wholeOf(on.world)
      expect((await many(tasks)).tasks).toEqual(first.tasks)
      expect(await wholeOf(on.world)).toEqual(before)
    })

    it('mended, makes what was skipped', async () => {
      const [good, bad] = [newTaskId(), newTaskId()]
      await skipping([waiting({ id: good }), waiting({ id: bad, domain: '', dependsOn: [good] })])
      const { tasks, skipped } = await skipping([waiting({ id: good }), waiting({ id: bad, domain: 'mended', dependsOn: [good] })])
      expect(tasks[1]).toMatchObject({ id: bad, domain: 'mended' })
      expect(skipped).toMatchObject([{ index: 0, userErrors: [{ code: 'ID_TAKEN' }] }])
    })

    it('by twins at once makes them once', async () => {
      const tasks = [waiting({ id: newTaskId() }), waiting({ id: newTaskId() })]
      const twins = await Promise.all(Array.from({ length: 5 }, () => many(tasks)))
      expect(new Set(twins.map((twin) => JSON.stringify(twin.tasks))).size).toBe(1)
      for (const { id } of tasks as unknown as { id: string }[]) expect(await kindsOf(on.world, id)).toEqual(['CREATED'])
    })
  })

  it('races with others for the same ids: whole calls win or lose', async () => {
    const ids = Array.from({ length: 10 }, () => newTaskId())
    const answers = await Promise.all(Array.from({ length: 4 }, (_, i) => refused(ids.map((id) => waiting({ id, domain: `call ${i}` })))))
    const losers = answers.filter((errors) => errors.length)
    expect(losers).toHaveLength(3)
    expect(new Set(losers.flat().map(({ code }) => code))).toEqual(new Set(['ID_TAKEN']))
    const rows = await on.world.client.task.findMany({ where: { id: { in: ids.map(bare) } } })
    expect(rows).toHaveLength(10)
    expect(new Set(rows.map(({ domain }) => domain)).size).toBe(1)
  })

  it('weighs long values as often as tasks are sent', async () => {
    const { errors } = await on.world.ask(CREATE_MANY, { input: { tasks: Array.from({ length: 300 }, () => waiting()) } }, on.ada)
    expect(errors![0]!.extensions.code).toBe('QUERY_TOO_COMPLEX')
  })

  it('is for those who are logged in', async () => {
    const { errors } = await on.world.ask(CREATE_MANY, { input: { tasks: [waiting()] } })
    expect(errors![0]!.extensions.code).toBe('UNAUTHENTICATED')
  })
})

describe.each(dialects())('a thousand at once on %s', (dialect) => {
  const ONLY_IDS = `mutation ($input: TaskCreateManyInput!) { taskCreateMany(input: $input) { tasks { id status } userErrors { code message path } } }`

  it('take as many statements as ten, and a few more for every five hundred', async () => {
    const world = await openWorld(dialect, { env: { TASK_CONCURRENCY: '0' }, extend: (types) => void streaming(types) })
    try {
      const ada = await world.user('ada')
      const call = async (count: number) => {
        const ids = Array.from({ length: count }, () => `Task:${newId()}`)
        // A chain, its last end first, with parts and streams.
        const tasks = ids.map((id, i) => ({ type: 'test.streaming', id, dependsOn: ids.slice(i + 1, i + 3), ...(i % 2 && { parentId: ids[i - 1] }) }))
        const { answer, statements } = await statementsOf(() => world.ask(ONLY_IDS, { input: { tasks } }, ada))
        expect(answer.errors).toBeUndefined()
        expect(answer.data.taskCreateMany.userErrors).toEqual([])
        expect(answer.data.taskCreateMany.tasks.map((task: { id: string }) => task.id)).toEqual(ids)
        // How many messages the signals go out in is a question of the moment.
        return statements.filter((sql) => !sql.includes('pg_notify')).length
      }
      await counting(async () => {
        await call(2)
        const few = await call(10)
        const before = await world.client.task.count({ where: { waitingFor: 2 } })
        const many = await call(1000)
        // One more INSERT of tasks, and on SQLite one more of events: of tasks and streams there are two thousand. There the trail has a
        // statement of its own.
        expect([few, many]).toEqual(dialect === 'sqlite' ? [12, 14] : [12, 13])
        expect(await world.client.task.count({ where: { waitingFor: 2 } })).toBe(before + 998)
        expect(await world.client.stream.count()).toBe(await world.client.task.count())
      })
    } finally {
      await world.close()
    }
  })
})
