import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../src/core/ids.ts'
import { taskOf } from '../db/rows.ts'
import { dialects } from '../kit/databases.ts'
import { bare, type TaskWorld } from '../tasks/task.ts'
import { age, create, DAY, DELETE, kindsOf, newScheduleId, openScheduleWorld, RUN, read, settle, stateOf, tasksOf, ticksOf } from './schedule.ts'

describe.each(dialects())('scheduleDelete on %s', (dialect) => {
  let on: TaskWorld
  beforeAll(async () => {
    on = await openScheduleWorld(dialect)
  })
  afterAll(() => on.world.close())

  const remove = (id: string, user = on.ada, more: object = {}) => on.world.does(DELETE, { input: { id, ...more } }, user)
  const refused = (id: string, user = on.ada) => on.world.refused(DELETE, { input: { id } }, user)

  it('removes it with its ticks; the tasks stay', async () => {
    const { id } = await create(on.world, on.ada, { missed: 'RUN_ONCE' })
    await age(on.world, id, DAY)
    await settle(on.world)
    await on.world.does(RUN, { input: { id } }, on.ada)
    const tasks = await tasksOf(on.world, id)
    expect(tasks).toHaveLength(2)
    expect((await remove(id)).deletedId).toBe(id)
    expect(await read(on.world, on.ada, id)).toBeNull()
    expect(await ticksOf(on.world, id)).toEqual([])
    const left = await on.world.client.task.findMany({ where: { id: { in: tasks.map((task) => task.id) } } })
    expect(left.map(({ scheduleId, status }) => [scheduleId, status])).toEqual([[null, 'QUEUED'], [null, 'QUEUED']]) // biome-ignore format: one look
    expect(await kindsOf(on.world, id)).toEqual(['CREATED', 'FIRED', 'FIRED', 'DELETED'])
  })

  it('goes in steps where it has made very many tasks', { timeout: 60_000 }, async () => {
    const { id } = await create(on.world, on.ada)
    const other = await create(on.world, on.ada)
    const scheduleId = bare(id)
    const ownerId = bare(on.ada.id)
    const tasks = (of: string, count: number) =>
      on.world.client.task.createMany({ data: Array.from({ length: count }, () => taskOf(ownerId, { scheduleId: of, status: 'CREATED' })) })
    const ticks = (of: string, count: number) =>
      on.world.client.scheduleTick.createMany({ data: Array.from({ length: count }, (_, i) => ({ scheduleId: of, tickAtMs: BigInt(i), firedAtMs: 0n })) })
    await Promise.all([tasks(scheduleId, 2100), ticks(scheduleId, 2100), tasks(bare(other.id), 3), ticks(bare(other.id), 3)])
    const before = await on.world.client.task.count()
    const { deletedId, eventCursor } = await remove(id, on.ada, { idempotencyKey: 'steps' })
    expect(deletedId).toBe(id)
    expect(await kindsOf(on.world, id)).toEqual(['CREATED', 'PAUSED', 'DELETED'])
    expect(eventCursor).toBe((await on.world.ask('{ eventCursor }', {}, on.ada)).data.eventCursor)
    expect(await on.world.client.task.count()).toBe(before)
    expect(await on.world.client.task.count({ where: { scheduleId } })).toBe(0)
    expect([await tasksOf(on.world, other.id), await ticksOf(on.world, other.id)].map((rows) => rows.length)).toEqual([3, 3])
    expect((await remove(id, on.ada, { idempotencyKey: 'steps' })).deletedId).toBe(id)
  })

  it('is for the owner and ADMINs, and once', async () => {
    const { id } = await create(on.world, on.ada)
    const before = await stateOf(on.world)
    for (const absent of [id, newScheduleId(), `Task:${newId()}`])
      expect(await refused(absent, on.bob)).toMatchObject([{ code: 'NOT_FOUND', path: ['input', 'id'] }])
    expect(await stateOf(on.world)).toEqual(before)
    expect((await remove(id, on.admin)).deletedId).toBe(id)
    expect(await refused(id)).toMatchObject([{ code: 'NOT_FOUND' }])
  })

  it('while it fires is first, or second', async () => {
    for (let i = 0; i < 5; i++) {
      const { id } = await create(on.world, on.ada, { missed: 'RUN_ONCE' })
      await age(on.world, id, DAY)
      await Promise.all([settle(on.world), remove(id)])
      const kinds = await kindsOf(on.world, id)
      expect(kinds.at(-1)).toBe('DELETED')
      expect(['CREATED,DELETED', 'CREATED,FIRED,DELETED']).toContain(kinds.join())
      expect(await read(on.world, on.ada, id)).toBeNull()
    }
  })
})
