import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dialects } from '../kit/databases.ts'
import { bare, type TaskWorld } from '../tasks/task.ts'
import { create, eventsOf, newScheduleId, openScheduleWorld, RUN, read, stateOf, tasksOf, ticksOf } from './schedule.ts'

describe.each(dialects())('scheduleRun on %s', (dialect) => {
  let on: TaskWorld
  beforeAll(async () => {
    on = await openScheduleWorld(dialect)
  })
  afterAll(() => on.world.close())

  const refused = (id: string, user = on.ada) => on.world.refused(RUN, { input: { id } }, user)

  it('makes a task now, and leaves the ticks as they are', async () => {
    const { id, nextRunAt, updatedAt } = await create(on.world, on.ada, { task: { type: 'test.held', params: { note: 'by hand' }, priority: 3 } })
    const { task, schedule } = await on.world.does(RUN, { input: { id } }, on.ada)
    expect(task).toMatchObject({ type: 'test.held', status: 'QUEUED', owner: { id: on.ada.id } })
    expect(schedule).toMatchObject({ nextRunAt, updatedAt, lastRunAt: expect.any(String) })
    expect(await tasksOf(on.world, id)).toMatchObject([{ id: bare(task.id), params: { note: 'by hand' }, priority: 3 }])
    expect(await ticksOf(on.world, id)).toEqual([])
    const [, fired] = await eventsOf(on.world, id)
    expect(fired).toMatchObject({ kind: 'FIRED', actorId: bare(on.ada.id), data: { taskId: task.id } })
    expect(fired!.data).not.toHaveProperty('tickAtMs')
  })

  it('by an ADMIN makes a task of the owner’s', async () => {
    const { id } = await create(on.world, on.ada)
    expect((await on.world.does(RUN, { input: { id } }, on.admin)).task.owner.id).toBe(on.ada.id)
    expect((await eventsOf(on.world, id))[1]).toMatchObject({ kind: 'FIRED', actorId: bare(on.admin.id) })
  })

  it('under the same key makes one task', async () => {
    const { id } = await create(on.world, on.ada)
    const input = { id, idempotencyKey: 'run' }
    const runs = await Promise.all([1, 2, 3].map(() => on.world.does(RUN, { input }, on.ada)))
    expect(new Set(runs.map(({ task }) => task.id)).size).toBe(1)
    expect(await tasksOf(on.world, id)).toHaveLength(1)
  })

  it('says why no task can be made, and changes nothing', async () => {
    const { id } = await create(on.world, on.ada)
    await on.world.client.schedule.update({ where: { id: bare(id) }, data: { task: { type: 'gone' } } })
    const before = await stateOf(on.world)
    expect(await refused(id)).toMatchObject([{ code: 'UNKNOWN_TASK_TYPE', path: ['input', 'id'], message: expect.stringContaining('"gone"') }])
    expect(await stateOf(on.world)).toEqual(before)
  })

  it('takes a problem away that an earlier tick had', async () => {
    const { id } = await create(on.world, on.ada)
    await on.world.client.schedule.update({ where: { id: bare(id) }, data: { error: 'It failed.' } })
    await on.world.does(RUN, { input: { id } }, on.ada)
    expect(await read(on.world, on.ada, id)).toMatchObject({ error: null })
  })

  it('is for the owner and ADMINs', async () => {
    const { id } = await create(on.world, on.ada)
    for (const absent of [id, newScheduleId()]) expect(await refused(absent, on.bob)).toMatchObject([{ code: 'NOT_FOUND', path: ['input', 'id'] }])
    expect(await tasksOf(on.world, id)).toEqual([])
  })
})
