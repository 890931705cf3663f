import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../src/core/ids.ts'
import { dialects } from '../kit/databases.ts'
import { bare, type TaskWorld } from '../tasks/task.ts'
import { age, create, DAY, eventsOf, kindsOf, newScheduleId, openScheduleWorld, read, settle, stateOf, tasksOf, ticksOf, UPDATE } from './schedule.ts'

describe.each(dialects())('scheduleUpdate on %s', (dialect) => {
  let on: TaskWorld
  beforeAll(async () => {
    on = await openScheduleWorld(dialect)
  })
  afterAll(() => on.world.close())

  const update = async (id: string, input: object, user = on.ada) => (await on.world.does(UPDATE, { input: { id, ...input } }, user)).schedule
  const refused = (input: object, user = on.ada) => on.world.refused(UPDATE, { input }, user)

  it('changes what is given and leaves the rest', async () => {
    const schedule = await create(on.world, on.ada, { endsAt: '2199-01-01T00:00:00.000Z' })
    const changed = await update(schedule.id, { name: 'new name', missed: 'RUN_ONCE', maxCatchUp: 3, task: { type: 'test.held', description: 'other' } })
    expect(changed).toEqual({
      ...schedule,
      name: 'new name',
      missed: 'RUN_ONCE',
      maxCatchUp: 3,
      task: { type: 'test.held', description: 'other', params: null, priority: null },
      updatedAt: changed.updatedAt,
    })
    expect(await update(schedule.id, { endsAt: null })).toMatchObject({ endsAt: null, name: 'new name', nextRunAt: schedule.nextRunAt })
    const [, first, second] = await eventsOf(on.world, schedule.id)
    expect(first).toMatchObject({
      kind: 'UPDATED',
      data: { fields: ['name', 'task', 'missed', 'maxCatchUp'], before: { name: schedule.name, missed: 'SKIP' } },
    })
    expect(second).toMatchObject({ kind: 'UPDATED', data: { fields: ['endsAt'], endsAtMs: null, before: { endsAtMs: Date.parse('2199-01-01') } } })
  })

  it('with nothing to change changes nothing', async () => {
    const schedule = await create(on.world, on.ada)
    expect(await update(schedule.id, {})).toEqual(schedule)
    expect(await kindsOf(on.world, schedule.id)).toEqual(['CREATED'])
  })

  it('begins anew from now with another cron expression or time zone: what was due by the old one does not fire', async () => {
    const cy = await on.world.user('cy')
    const { id } = await create(on.world, cy, { missed: 'CATCH_UP' })
    // Nothing of theirs fires meanwhile.
    const disable = (disabledAtMs: bigint | null) => on.world.client.user.update({ where: { id: bare(cy.id) }, data: { disabledAtMs } })
    await disable(1n)
    await age(on.world, id, 3 * DAY)
    const changed = await update(id, { cron: '0 0 1 1 *', timezone: 'Europe/Berlin' }, on.admin)
    await disable(null)
    const year = new Date().getUTCFullYear() + 1
    expect(changed.nextRunAt).toBe(`${year - 1}-12-31T23:00:00.000Z`)
    await settle(on.world)
    expect(await ticksOf(on.world, id)).toEqual([])
  })

  it('leaves what is due when anything else is changed', async () => {
    const { id } = await create(on.world, on.ada, { missed: 'RUN_ONCE', paused: true })
    await update(id, { task: { type: 'test.held', description: 'new' }, endsAt: '2199-01-01T00:00:00Z' })
    expect(await read(on.world, on.ada, id)).toMatchObject({ pausedAt: expect.any(String), nextRunAt: null })
    const { id: running, nextRunAt } = await create(on.world, on.ada)
    expect(await update(running, { endsAt: '2199-01-01T00:00:00Z', maxCatchUp: 2 })).toMatchObject({ nextRunAt })
  })

  it('lets one that has ended go on when its end is moved', async () => {
    const { id, nextRunAt } = await create(on.world, on.ada)
    await on.world.client.schedule.update({ where: { id: bare(id) }, data: { nextRunAtMs: null, endsAtMs: 1n } })
    expect(await update(id, { name: 'ended' })).toMatchObject({ nextRunAt: null })
    expect(await update(id, { endsAt: null })).toMatchObject({ nextRunAt, endsAt: null })
  })

  it('uses the new task at the next tick', async () => {
    const { id } = await create(on.world, on.ada, { missed: 'RUN_ONCE' })
    await update(id, { task: { type: 'test.held', description: 'second', priority: 5 } })
    await age(on.world, id, DAY)
    await settle(on.world)
    expect(await tasksOf(on.world, id)).toMatchObject([{ description: 'second', priority: 5, ownerId: bare(on.ada.id) }])
  })

  it.each([
    [{ cron: 'x' }, 'BAD_USER_INPUT', 'cron'],
    [{ cron: '0 0 30 2 *' }, 'SCHEDULE_NEVER_RUNS', 'cron'],
    [{ timezone: 'x' }, 'BAD_USER_INPUT', 'timezone'],
    [{ endsAt: '2020-01-01T00:00:00Z' }, 'SCHEDULE_NEVER_RUNS', 'endsAt'],
    [{ task: { type: 'x' } }, 'UNKNOWN_TASK_TYPE', 'task', 'type'],
    [{ task: { type: 'test.held', params: { note: 1 } } }, 'BAD_USER_INPUT', 'task', 'params', 'note'],
    [{ name: '' }, 'BAD_USER_INPUT', 'name'],
    [{ maxCatchUp: -1 }, 'BAD_USER_INPUT', 'maxCatchUp'],
  ])('refuses %j, and changes nothing', async (input, code, ...path) => {
    const { id } = await create(on.world, on.ada)
    const before = await stateOf(on.world)
    expect(await refused({ id, ...input })).toEqual([expect.objectContaining({ code, path: ['input', ...path] })])
    expect(await stateOf(on.world)).toEqual(before)
  })

  it('refuses a name that another schedule has', async () => {
    const [one, two] = [await create(on.world, on.ada), await create(on.world, on.ada)]
    expect(await refused({ id: two.id, name: one.name })).toMatchObject([{ code: 'SCHEDULE_NAME_TAKEN', path: ['input', 'name'] }])
  })

  it('is for the owner and ADMINs; for others there is no such schedule', async () => {
    const { id } = await create(on.world, on.ada)
    for (const absent of [id, newScheduleId(), `Task:${newId()}`])
      expect(await refused({ id: absent, name: 'x' }, on.bob)).toMatchObject([{ code: 'NOT_FOUND', path: ['input', 'id'] }])
    expect(await update(id, { name: 'by an ADMIN', task: { type: 'test.held' } }, on.admin)).toMatchObject({ name: 'by an ADMIN', owner: { id: on.ada.id } })
  })

  it('under the same key is done once', async () => {
    const { id } = await create(on.world, on.ada)
    await update(id, { name: 'A', idempotencyKey: 'u' })
    await update(id, { name: 'B' })
    expect(await update(id, { name: 'A', idempotencyKey: 'u' })).toMatchObject({ name: 'B' })
  })
})
