import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../src/core/ids.ts'
import type { Work } from '../../src/events/work.ts'
import { taskCancel } from '../../src/tasks/task-cancel.ts'
import { taskComplete } from '../../src/tasks/task-complete.ts'
import { taskDelete } from '../../src/tasks/task-delete.ts'
import { taskFail } from '../../src/tasks/task-fail.ts'
import { taskRetry } from '../../src/tasks/task-retry.ts'
import { taskUpdate } from '../../src/tasks/task-update.ts'
import { tasksCreateMany } from '../../src/tasks/tasks-create-many.ts'
import { dialects } from '../kit/databases.ts'
import { Engine } from './engine.ts'
import { bare, create, openTaskWorld, stateOf, type TaskWorld, UPDATE, whenStatus } from './task.ts'

const FAILURE = { error: 'It broke.', retry: false }

describe.each(dialects())('a task that depends on others, on %s', (dialect) => {
  let on: TaskWorld
  beforeAll(async () => {
    on = await openTaskWorld(dialect, { env: { TASK_CONCURRENCY: '30' } })
  })
  afterAll(() => on.world.close())

  const scripted = (script: string, input: object = {}) => create(on.world, on.ada, { type: 'test.scripted', params: { script }, ...input })
  const refused = async (input: object, user = on.ada) => {
    const before = await stateOf(on.world)
    const errors = await on.world.refused(
      'mutation ($input: TaskCreateInput!) { taskCreate(input: $input) { userErrors { code message path } } }',
      { input: { type: 'test.held', ...input } },
      user,
    )
    expect(await stateOf(on.world)).toEqual(before)
    return errors
  }

  it('runs once all of them have ended, and reads what came of them', async () => {
    on.scripts.write('sum', async (task) => ({
      result: (await task.dependencies()).map(({ type, status, result, error }) => ({ type, status, result, error })),
    }))
    const first = await create(on.world, on.ada)
    const second = await create(on.world, on.ada)
    const sum = await scripted('sum', { dependsOn: [first.id, second.id, first.id] })
    expect(sum).toMatchObject({ status: 'QUEUED', attempt: 0 })
    ;(await on.held.run(second.id)).complete({ result: { two: 2 } })
    await whenStatus(on.world, on.ada, second.id, 'COMPLETED')
    expect((await on.world.client.task.findUniqueOrThrow({ where: { id: bare(sum.id) } })).waitingFor).toBe(1)
    ;(await on.held.run(first.id)).complete({ result: { one: 1 } })
    const ended = { type: 'test.held', status: 'COMPLETED', error: null }
    expect((await whenStatus(on.world, on.ada, sum.id, 'COMPLETED')).result).toEqual([
      { ...ended, result: { one: 1 } },
      { ...ended, result: { two: 2 } },
    ])
    const events = await on.world.client.event.findMany({ where: { subjectId: bare(sum.id) }, orderBy: { position: 'asc' } })
    expect(events.map(({ kind, data }) => [kind, (data as { waitingFor: number }).waitingFor])).toEqual([
      ['TASK_CREATED', 2],
      ['TASK_DEPENDENCY_ENDED', 1],
      ['TASK_DEPENDENCY_ENDED', 0],
      ['TASK_STARTED', 0],
      ['TASK_COMPLETED', 0],
    ])
  })

  it('runs at once where they have ended before', async () => {
    const done = await create(on.world, on.ada)
    ;(await on.held.run(done.id)).complete({})
    await whenStatus(on.world, on.ada, done.id, 'COMPLETED')
    const { id } = await create(on.world, on.ada, { dependsOn: [done.id] })
    expect(await whenStatus(on.world, on.ada, id, 'RUNNING')).toMatchObject({ attempt: 1 })
  })

  it('runs all the same where it is to, and can read what happened', async () => {
    on.scripts.write('what happened', async (task) => ({ result: (await task.dependencies()).map(({ status, error }) => ({ status, error })) }))
    const failed = await scripted('not written', { maxAttempts: 1 })
    const cancelled = await create(on.world, on.ada, { runAt: '2100-01-01T00:00:00Z' })
    const { id } = await scripted('what happened', { dependsOn: [failed.id, cancelled.id], onDependencyFailure: 'RUN' })
    await whenStatus(on.world, on.ada, failed.id, 'FAILED')
    await on.world.does('mutation ($id: ID!) { taskCancel(input: { id: $id }) { userErrors { code message } } }', { id: cancelled.id }, on.ada)
    expect((await whenStatus(on.world, on.ada, id, 'COMPLETED')).result).toEqual([
      { status: 'FAILED', error: expect.stringContaining('internal error') },
      { status: 'CANCELLED', error: null },
    ])
  })

  it('is not made where they are not there, not yours, or no tasks, and the place is named', async () => {
    const mine = await create(on.world, on.ada, { runImmediately: false })
    const missing = [{ code: 'NOT_FOUND', path: ['input', 'dependsOn', '1'], message: expect.stringMatching(/not found\.$/) }]
    for (const id of [`Task:${newId()}`, `Stream:${bare(mine.id)}`]) expect(await refused({ dependsOn: [mine.id, id] })).toEqual(missing)
    const others = await create(on.world, on.bob, { runImmediately: false })
    expect(await refused({ dependsOn: [mine.id, others.id] })).toMatchObject([{ code: 'NOT_FOUND', path: ['input', 'dependsOn', '1'] }])
    expect(await refused({ dependsOn: [mine.id, 'nonsense'] })).toMatchObject([{ code: 'BAD_USER_INPUT', path: ['input', 'dependsOn', '1'] }])
    expect(await refused({ dependsOn: Array.from({ length: 1001 }, () => mine.id) })).toEqual([
      { code: 'BAD_USER_INPUT', path: ['input', 'dependsOn'], message: 'Must have at most 1000 entries.' },
    ])
  })

  it('is not made where one has ended badly and would take it along', async () => {
    const fine = await create(on.world, on.ada, { runImmediately: false })
    const failed = await scripted('not written', { maxAttempts: 1 })
    await whenStatus(on.world, on.ada, failed.id, 'FAILED')
    expect(await refused({ dependsOn: [fine.id, failed.id] })).toEqual([
      {
        code: 'DEPENDENCY_ENDED',
        path: ['input', 'dependsOn', '1'],
        message: `${failed.id} is FAILED already; retry it, or let this one run all the same with onDependencyFailure: RUN.`,
      },
    ])
    const { id } = await create(on.world, on.ada, { dependsOn: [failed.id], onDependencyFailure: 'RUN' })
    await whenStatus(on.world, on.ada, id, 'RUNNING')
  })

  describe('is changed', () => {
    const update = (id: string, input: object) => on.world.does(UPDATE, { input: { id, ...input } }, on.ada)
    const waiting = (dependsOn: string[] = []) => create(on.world, on.ada, { runImmediately: false, dependsOn })

    it('to depend on nothing any more, and runs', async () => {
      const { id: other } = await waiting()
      for (const dependsOn of [[], null]) {
        const { id } = await create(on.world, on.ada, { dependsOn: [other] })
        await update(id, { dependsOn })
        await whenStatus(on.world, on.ada, id, 'RUNNING')
      }
    })

    it('to wait for one more, though it was about to run', async () => {
      const { id } = await create(on.world, on.ada, { runAt: '2100-01-01T00:00:00Z' })
      const { id: other } = await create(on.world, on.ada)
      await update(id, { dependsOn: [other], runAt: '2001-01-01T00:00:00Z' })
      ;(await on.held.run(other)).complete({})
      await whenStatus(on.world, on.ada, id, 'RUNNING')
      const events = await on.world.client.event.findMany({ where: { subjectId: bare(id) }, orderBy: { position: 'asc' } })
      expect(events.map(({ kind }) => kind)).toEqual(['TASK_CREATED', 'TASK_UPDATED', 'TASK_DEPENDENCY_ENDED', 'TASK_STARTED'])
    })

    it('but never so that it waits for itself: the circle is named, and nothing is changed', async () => {
      const { id: a } = await waiting()
      const { id: b } = await waiting([a])
      const { id: c } = await waiting([b])
      const { id: d } = await waiting([a, c])
      const before = await stateOf(on.world)
      const circle = (input: object) => on.world.refused(UPDATE, { input }, on.ada)
      expect(await circle({ id: a, dependsOn: [d] })).toEqual([
        {
          code: 'DEPENDENCY_CIRCLE',
          path: ['input', 'dependsOn'],
          message: expect.stringMatching(new RegExp(`^These tasks would wait for each other: ${a} → ${d} → ${c} → ${b} → ${a}\\.$|: ${a} → ${d} → ${a}\\.$`)),
        },
      ])
      expect(await circle({ id: a, dependsOn: [c] })).toEqual([
        { code: 'DEPENDENCY_CIRCLE', path: ['input', 'dependsOn'], message: `These tasks would wait for each other: ${a} → ${c} → ${b} → ${a}.` },
      ])
      expect(await circle({ id: a, dependsOn: [a] })).toEqual([
        { code: 'DEPENDENCY_CIRCLE', path: ['input', 'dependsOn'], message: `These tasks would wait for each other: ${a} → ${a}.` },
      ])
      expect(await stateOf(on.world)).toEqual(before)
    })

    it('only to what is yours and has not ended badly', async () => {
      const { id } = await waiting()
      const { id: others } = await create(on.world, on.bob, { runImmediately: false })
      const failed = await scripted('not written', { maxAttempts: 1 })
      await whenStatus(on.world, on.ada, failed.id, 'FAILED')
      const before = await stateOf(on.world)
      expect(await on.world.refused(UPDATE, { input: { id, dependsOn: [others] } }, on.ada)).toMatchObject([
        { code: 'NOT_FOUND', path: ['input', 'dependsOn', '0'] },
      ])
      expect(await on.world.refused(UPDATE, { input: { id, dependsOn: [failed.id] } }, on.ada)).toMatchObject([
        { code: 'DEPENDENCY_ENDED', path: ['input', 'dependsOn', '0'] },
      ])
      expect(await stateOf(on.world)).toEqual(before)
    })
  })
})

describe.each(dialects())('tasks that depend on each other, on %s', (dialect) => {
  let engine: Engine
  beforeAll(async () => {
    engine = await Engine.open(dialect)
  })
  afterAll(() => engine.close())
  const ada = () => engine.ada
  const asServer = <T>(operation: (work: Work) => Promise<T>) => engine.asServer(operation)

  it('are cancelled one after the other when the first of them fails, each with its reason', async () => {
    const first = await engine.create()
    const second = await engine.create({ dependsOn: [first] })
    const third = await engine.create({ dependsOn: [second] })
    const stubborn = await engine.create({ dependsOn: [second], onDependencyFailure: 'RUN' })
    const lease = await engine.claimOne()
    await asServer((work) => taskFail(work, lease, FAILURE))
    expect(await Promise.all([first, second, third, stubborn].map((id) => engine.status(id)))).toEqual(['FAILED', 'CANCELLED', 'CANCELLED', 'QUEUED'])
    expect((await engine.events(second)).at(-1)!.data.reason).toBe(`It depends on Task:${first}, which FAILED.`)
    expect((await engine.events(third)).at(-1)!.data.reason).toBe(`It depends on Task:${second}, which was CANCELLED.`)
    expect((await engine.claimOne()).id).toBe(stubborn)
  })

  it.each<[string, (work: Work, id: string) => Promise<unknown>]>([
    ['cancelled', taskCancel],
    ['deleted', taskDelete],
  ])('are cancelled with one that is %s', async (_, act) => {
    const first = await engine.create({ runImmediately: false })
    const second = await engine.create({ dependsOn: [first] })
    const runs = await engine.create({ dependsOn: [first], onDependencyFailure: 'RUN' })
    await engine.as(ada(), (work) => act(work, first))
    expect([await engine.status(second), await engine.status(runs)]).toEqual(['CANCELLED', 'QUEUED'])
    expect((await engine.claimOne()).id).toBe(runs)
  })

  it('are retried in their order: not before what they depend on', async () => {
    const first = await engine.create({ maxAttempts: 1 })
    const second = await engine.create({ dependsOn: [first] })
    const lease = await engine.claimOne()
    await asServer((work) => taskFail(work, lease, FAILURE))
    const before = await engine.row(second)
    expect((await engine.refused(ada(), (work) => taskRetry(work, second))).code).toBe('DEPENDENCY_ENDED')
    expect(await engine.row(second)).toEqual(before)
    await engine.as(ada(), (work) => taskRetry(work, first))
    await engine.as(ada(), (work) => taskRetry(work, second))
    expect(await engine.row(second)).toMatchObject({ status: 'QUEUED', waitingFor: 1, readyAtMs: null })
    const again = await engine.claimOne()
    expect(again.id).toBe(first)
    await asServer((work) => taskComplete(work, again, {}))
    expect((await engine.claimOne()).id).toBe(second)
  })

  it('do not wait for a task that is written down only once it has ended, but until it is run', async () => {
    const first = await engine.create({ runImmediately: false })
    const second = await engine.create({ dependsOn: [first] })
    expect(await engine.claim()).toEqual([])
    await engine.as(ada(), (work) => taskUpdate(work, engine.types, second, { dependsOn: [] }))
    expect((await engine.claimOne()).id).toBe(second)
  })

  it('never go on when what they depend on fails in the moment they are made', async () => {
    for (let i = 0; i < 40; i++) {
      const first = await engine.create({ priority: 1 })
      const lease = await engine.claimOne()
      expect(lease.id).toBe(first)
      const id = newId()
      const [made] = await Promise.allSettled([engine.create({ id, dependsOn: [first] }), asServer((work) => taskFail(work, lease, FAILURE))])
      if (made.status === 'fulfilled') expect(await engine.status(id)).toBe('CANCELLED')
      else expect(made.reason).toMatchObject({ code: 'DEPENDENCY_ENDED', inputPath: ['input', 'dependsOn', '0'] })
    }
    expect(await engine.claim()).toEqual([])
  })

  it('are not made to wait for themselves through thousands of others', async () => {
    const ids = Array.from({ length: 10_100 }, () => newId())
    const [first, last] = [ids[0]!, ids.at(-1)!]
    const wanted = ids.map((id, i) => ({ id, creation: { id, type: 'test.a', runImmediately: false, dependsOn: i ? [ids[i - 1]!] : [] }, faults: [] }))
    for (let i = 0; i < wanted.length; i += 1000) await engine.as(ada(), (work) => tasksCreateMany(work, engine.types, wanted.slice(i, i + 1000), 'REJECT_ALL'))
    const { code, path, message } = await engine.refused(ada(), (work) => taskUpdate(work, engine.types, first, { dependsOn: [last] }))
    expect([code, path]).toEqual(['DEPENDENCY_CIRCLE', ['input', 'dependsOn']])
    expect(message).toContain(`: Task:${first} → Task:${last} → Task:${ids.at(-2)} → `)
    expect(await engine.row(first)).toMatchObject({ waitingFor: 0 })
    const other = await engine.create({ runImmediately: false })
    await engine.as(ada(), (work) => taskUpdate(work, engine.types, other, { dependsOn: [last] }))
    expect(await engine.row(other)).toMatchObject({ waitingFor: 1 })
  })

  it('are not made to wait for each other by two who change them at once', async () => {
    for (let i = 0; i < 20; i++) {
      const [a, b, c] = [
        await engine.create({ runImmediately: false }),
        await engine.create({ runImmediately: false }),
        await engine.create({ runImmediately: false }),
      ]
      const change = (id: string, on: string) => engine.as(ada(), (work) => taskUpdate(work, engine.types, id, { dependsOn: [on] }))
      const results = await Promise.allSettled([change(a, b), change(b, c), change(c, a)])
      const refusals = results.filter((result) => result.status === 'rejected')
      expect(refusals.map(({ reason }) => reason.code)).toEqual(['DEPENDENCY_CIRCLE'])
    }
  })
})
