import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dialects } from '../kit/databases.ts'
import { bare, type TaskWorld } from '../tasks/task.ts'
import { age, create, DAY, kindsOf, newScheduleId, openScheduleWorld, PAUSE, RESUME, RUN, read, settle, stateOf, ticksOf } from './schedule.ts'

describe.each(dialects())('a schedule that is paused on %s', (dialect) => {
  let on: TaskWorld
  beforeAll(async () => {
    on = await openScheduleWorld(dialect)
  })
  afterAll(() => on.world.close())

  const pause = async (id: string, user = on.ada) => (await on.world.does(PAUSE, { input: { id } }, user)).schedule
  const resume = async (id: string, user = on.ada) => (await on.world.does(RESUME, { input: { id } }, user)).schedule

  it('has no next tick, and goes on from now', async () => {
    const { id, nextRunAt } = await create(on.world, on.ada)
    expect(await pause(id)).toMatchObject({ pausedAt: expect.any(String), nextRunAt: null })
    expect(await resume(id)).toMatchObject({ pausedAt: null, nextRunAt })
    expect(await kindsOf(on.world, id)).toEqual(['CREATED', 'PAUSED', 'RESUMED'])
  })

  it('does not fire, not even what was due already, nor makes up for it', async () => {
    const { id, nextRunAt } = await create(on.world, on.ada, { missed: 'CATCH_UP' })
    await pause(id)
    await on.world.client.schedule.update({ where: { id: bare(id) }, data: { pausedAtMs: BigInt(Date.now() - 5 * DAY) } })
    await settle(on.world)
    expect(await resume(id)).toMatchObject({ nextRunAt })
    await settle(on.world)
    expect(await ticksOf(on.world, id)).toEqual([])
  })

  it('twice is as good as once', async () => {
    const { id, nextRunAt } = await create(on.world, on.ada)
    const { pausedAt } = await pause(id)
    expect(await pause(id)).toMatchObject({ pausedAt })
    await resume(id)
    expect(await resume(id)).toMatchObject({ pausedAt: null, nextRunAt })
    expect(await kindsOf(on.world, id)).toEqual(['CREATED', 'PAUSED', 'RESUMED'])
  })

  it('is not resumed after its end', async () => {
    const { id } = await create(on.world, on.ada, { paused: true })
    await on.world.client.schedule.update({ where: { id: bare(id) }, data: { endsAtMs: BigInt(Date.now()) } })
    const before = await stateOf(on.world)
    expect(await on.world.refused(RESUME, { input: { id } }, on.ada)).toMatchObject([{ code: 'SCHEDULE_NEVER_RUNS', path: ['input', 'id'] }])
    expect(await stateOf(on.world)).toEqual(before)
  })

  it('can be run by hand', async () => {
    const { id } = await create(on.world, on.ada, { paused: true })
    expect(await on.world.does(RUN, { input: { id } }, on.ada)).toMatchObject({
      task: { status: 'QUEUED' },
      schedule: { nextRunAt: null, lastRunAt: expect.any(String) },
    })
  })

  it.each([
    ['schedulePause', PAUSE],
    ['scheduleResume', RESUME],
  ])('%s is for the owner and ADMINs', async (_name, mutation) => {
    const { id } = await create(on.world, on.ada, { paused: mutation === RESUME })
    for (const absent of [id, newScheduleId()])
      expect(await on.world.refused(mutation, { input: { id: absent } }, on.bob)).toMatchObject([{ code: 'NOT_FOUND', path: ['input', 'id'] }])
    await on.world.does(mutation, { input: { id } }, on.admin)
    expect((await read(on.world, on.ada, id)).pausedAt !== null).toBe(mutation === PAUSE)
  })

  it('while it fires is one or the other', async () => {
    for (let i = 0; i < 5; i++) {
      const { id } = await create(on.world, on.ada, { missed: 'RUN_ONCE' })
      await age(on.world, id, DAY)
      await Promise.all([settle(on.world), pause(id)])
      const fired = (await ticksOf(on.world, id)).length
      expect((await kindsOf(on.world, id)).sort()).toEqual(['CREATED', ...(fired ? ['FIRED'] : []), 'PAUSED'])
      expect(await read(on.world, on.ada, id)).toMatchObject({ nextRunAt: null, pausedAt: expect.any(String) })
    }
  })
})
