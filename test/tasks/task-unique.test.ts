import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { taskCancel } from '../../src/tasks/task-cancel.ts'
import { taskCreateUnique } from '../../src/tasks/task-create.ts'
import { dialects } from '../kit/databases.ts'
import { Engine } from './engine.ts'
import { bare, create, DELETE, does, openTaskWorld, stateOf, type TaskWorld } from './task.ts'

const UNIQUE = `mutation ($input: TaskCreateInput!) { taskCreate(input: $input) { task { id status priority } isDuplicate userErrors { code message path } } }`
const LATER = '2100-01-01T00:00:00Z'

describe.each(dialects())('a task that is asked for once, on %s', (dialect) => {
  let on: TaskWorld
  beforeAll(async () => {
    on = await openTaskWorld(dialect, { env: { TASK_CONCURRENCY: '0' } })
  })
  afterAll(() => on.world.close())
  const ask = (params: object, more: object = {}, user = on.ada) =>
    on.world.does(
      UNIQUE,
      { input: { type: 'test.scripted', params: { script: 'none', ...params }, unique: { withinSeconds: 3600 }, runAt: LATER, ...more } },
      user,
    )

  it('is the one that is there, for the same type and params, in whatever order their fields are written', async () => {
    const first = await ask({ a: 1, b: { c: [1, 2], d: null } })
    expect(first.isDuplicate).toBe(false)
    const before = await stateOf(on.world)
    const again = await ask({ b: { d: null, c: [1, 2] }, a: 1 }, { priority: 7 })
    expect(again).toEqual({ ...first, isDuplicate: true })
    expect(await stateOf(on.world)).toEqual(before)
  })

  it('is another one for other params, another type, or another user', async () => {
    const first = await ask({ n: 1 })
    for (const other of [await ask({ n: 2 }), await ask({ n: [1] }), await ask({ n: '1' }), await ask({ n: 1 }, {}, on.bob)]) {
      expect(other.isDuplicate).toBe(false)
      expect(other.task.id).not.toBe(first.task.id)
    }
    const held = await on.world.does(UNIQUE, { input: { type: 'test.held', params: {}, unique: { withinSeconds: 5 }, runAt: LATER } }, on.ada)
    expect(held.isDuplicate).toBe(false)
  })

  it('is another one once the period is over, or the former one was deleted', async () => {
    const first = await ask({ n: 'period' })
    await on.world.client.$executeRaw`UPDATE "TaskUnique" SET "expiresAtMs" = 1 WHERE "taskId" = ${bare(first.task.id)}`
    const second = await ask({ n: 'period' })
    expect(second.isDuplicate).toBe(false)
    expect((await ask({ n: 'period' })).task.id).toBe(second.task.id)
    await on.world.does(DELETE, { input: { id: second.task.id } }, on.ada)
    expect((await ask({ n: 'period' })).isDuplicate).toBe(false)
  })

  it('has nothing to do with those that were not asked for once', async () => {
    const params = { script: 'none', n: 'plain' }
    await create(on.world, on.ada, { type: 'test.scripted', params, runAt: LATER })
    expect((await ask({ n: 'plain' })).isDuplicate).toBe(false)
    const plain = await does(on.world, UNIQUE, { type: 'test.scripted', params, runAt: LATER }, on.ada)
    expect(plain.status).toBe('QUEUED')
  })

  it('keeps nothing where it is refused', async () => {
    const input = {
      type: 'test.scripted',
      params: { script: 'none', n: 'refused' },
      unique: { withinSeconds: 5 },
      parentId: 'Task:00000000-0000-7000-8000-000000000000',
    }
    expect(await on.world.refused(UNIQUE, { input }, on.ada)).toMatchObject([{ code: 'NOT_FOUND', path: ['input', 'parentId'] }])
    expect((await ask({ n: 'refused' })).isDuplicate).toBe(false)
  })

  it.each([0, -1, 2_592_001])('refuses a period of %s seconds', async (withinSeconds) => {
    const before = await stateOf(on.world)
    expect(await on.world.refused(UNIQUE, { input: { type: 'test.held', unique: { withinSeconds } } }, on.ada)).toMatchObject([
      { code: 'BAD_USER_INPUT', path: ['input', 'unique', 'withinSeconds'] },
    ])
    expect(await stateOf(on.world)).toEqual(before)
  })
})

describe.each(dialects())('twins that are asked for at once, on %s', (dialect) => {
  let engine: Engine
  beforeAll(async () => {
    engine = await Engine.open(dialect)
  })
  afterAll(() => engine.close())

  const twins = (n: number, count: number) =>
    Promise.all(
      Array.from({ length: count }, () =>
        engine.as(engine.ada, (work) => taskCreateUnique(work, engine.types, { type: 'test.a', params: { n }, unique: { withinSeconds: 3600 } })),
      ),
    )

  it('are one task, and all but one are told that it was there', async () => {
    for (let n = 0; n < 10; n++) {
      const made = await twins(n, 10)
      expect(new Set(made.map(({ task }) => task.id)).size).toBe(1)
      expect(made.filter(({ isDuplicate }) => !isDuplicate)).toHaveLength(1)
    }
  })

  it('are one task also where the former one’s period is just over', async () => {
    for (let n = 100; n < 105; n++) {
      const [former] = await twins(n, 1)
      await engine.as(engine.ada, (work) => taskCancel(work, former!.task.id))
      await engine.store.database.client.$executeRaw`UPDATE "TaskUnique" SET "expiresAtMs" = 1`
      const made = await twins(n, 10)
      expect(new Set(made.map(({ task }) => task.id)).size).toBe(1)
      expect(made[0]!.task.id).not.toBe(former!.task.id)
      expect(made.filter(({ isDuplicate }) => !isDuplicate)).toHaveLength(1)
    }
  })
})
