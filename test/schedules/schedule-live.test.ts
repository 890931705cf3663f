import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../src/core/ids.ts'
import { dialects } from '../kit/databases.ts'
import { bare, type TaskWorld } from '../tasks/task.ts'
import { age, create, DAY, DELETE, newScheduleId, openScheduleWorld, PAUSE, RESUME, RUN, settle, UPDATE } from './schedule.ts'

const EVENT = 'cursor occurredAt kind scheduleId tickAt task { id type } data actor { id } schedule { id name }'
const ONE = `subscription ($id: ID!, $after: Cursor) { scheduleUpdated(id: $id, after: $after) { ${EVENT} } }`
const MANY = `subscription ($filter: ScheduleFilter, $after: Cursor) { schedulesUpdated(filter: $filter, after: $after) { ${EVENT} } }`

describe.each(dialects())('following schedules on %s', (dialect) => {
  let on: TaskWorld
  beforeAll(async () => {
    on = await openScheduleWorld(dialect)
  })
  afterAll(() => on.world.close())

  const follow = (id: string, after?: string | null, user = on.ada) => on.world.follow(ONE, { id, after }, user)
  const cursorNow = async () => (await on.world.ask('{ eventCursor }', {}, on.ada)).data.eventCursor as string
  const refusal = async (live: ReturnType<typeof follow>) => (await (await live).next()).value?.errors?.[0].extensions.code
  const does = (mutation: string, input: object) => on.world.does(mutation, { input }, on.ada)

  it('begins with how it stands, then tells every change, to the last', async () => {
    const { id, name } = await create(on.world, on.ada, { missed: 'CATCH_UP' })
    const live = await follow(id)
    expect(await live.take()).toMatchObject({
      kind: 'SNAPSHOT',
      scheduleId: id,
      actor: null,
      tickAt: null,
      task: null,
      data: { name, missed: 'CATCH_UP' },
      schedule: { id, name },
    })
    await does(UPDATE, { id, name: `${name}!` })
    expect(await live.take()).toMatchObject({ kind: 'UPDATED', actor: { id: on.ada.id }, data: { name: `${name}!`, fields: ['name'], before: { name } } })
    const tickAtMs = await age(on.world, id, DAY)
    await settle(on.world)
    expect(await live.take()).toMatchObject({ kind: 'FIRED', actor: null, tickAt: new Date(tickAtMs).toISOString(), task: { type: 'test.held' } })
    const { task } = await does(RUN, { id })
    expect(await live.take()).toMatchObject({ kind: 'FIRED', actor: { id: on.ada.id }, tickAt: null, task: { id: task.id } })
    await on.world.client.schedule.update({ where: { id: bare(id) }, data: { task: { type: 'gone' } } })
    // The later of these two days has fired already.
    await age(on.world, id, 2 * DAY)
    await settle(on.world)
    expect(await live.take()).toMatchObject({ kind: 'FAILED', task: null, data: { reason: expect.stringContaining('gone') } })
    await live.stop()
    const rest = await follow(id, await cursorNow())
    await does(PAUSE, { id })
    expect(await rest.take()).toMatchObject({ kind: 'PAUSED', data: { nextRunAtMs: null } })
    await does(RESUME, { id })
    expect(await rest.take()).toMatchObject({ kind: 'RESUMED', data: { pausedAtMs: null } })
    await does(DELETE, { id })
    expect(await rest.take()).toMatchObject({ kind: 'DELETED', scheduleId: id, schedule: null })
    expect(await rest.next()).toMatchObject({ done: true })
  })

  it('goes on after a cursor with exactly what was not seen', async () => {
    const before = await cursorNow()
    const { id } = await create(on.world, on.ada)
    await does(PAUSE, { id })
    await does(RESUME, { id })
    const all = await (await follow(id, before)).until(({ kind }) => kind === 'RESUMED')
    expect(all.map(({ kind }) => kind)).toEqual(['CREATED', 'PAUSED', 'RESUMED'])
    const rest = await (await follow(id, all[0].cursor)).until(({ kind }) => kind === 'RESUMED')
    expect(rest.map(({ cursor }) => cursor)).toEqual(all.slice(1).map(({ cursor }) => cursor))
  })

  it('tells someone who resumes that it is gone since, and is refused for what is not there or not yours', async () => {
    const { id } = await create(on.world, on.ada)
    expect(await refusal(follow(id, null, on.bob))).toBe('NOT_FOUND')
    expect(await refusal(follow(newScheduleId()))).toBe('NOT_FOUND')
    expect(await refusal(follow(`Task:${newId()}`))).toBe('NOT_FOUND')
    expect(await refusal(follow('x'))).toBe('BAD_USER_INPUT')
    expect(await refusal(follow(id, 'x'))).toBe('BAD_USER_INPUT')
    expect(await refusal(on.world.follow(ONE, { id }))).toBe('UNAUTHENTICATED')
    const after = await cursorNow()
    await does(DELETE, { id })
    const live = await follow(id, after)
    expect(await live.take()).toMatchObject({ kind: 'DELETED', schedule: null })
    expect(await live.next()).toMatchObject({ done: true })
    expect(await refusal(follow(id))).toBe('NOT_FOUND')
  })

  it('of many tells one’s own that match before or after', async () => {
    const after = await cursorNow()
    const live = await on.world.follow(MANY, { after, filter: { pausedAt: { isNull: true }, missed: { eq: 'CATCH_UP' } } }, on.ada)
    await create(on.world, on.bob, { missed: 'CATCH_UP' })
    await create(on.world, on.ada)
    const { id } = await create(on.world, on.ada, { missed: 'CATCH_UP' })
    await does(PAUSE, { id })
    await does(UPDATE, { id, maxCatchUp: 3 })
    await does(RESUME, { id })
    const seen = await live.until(({ kind }) => kind === 'RESUMED')
    await live.stop()
    expect(seen.map(({ kind, scheduleId }) => [kind, scheduleId])).toEqual([['CREATED', id], ['PAUSED', id], ['RESUMED', id]]) // biome-ignore format: one look
    const all = await on.world.follow(MANY, { after }, on.admin)
    expect((await all.until(({ kind }) => kind === 'RESUMED')).filter(({ kind }) => kind === 'CREATED')).toHaveLength(3)
    await all.stop()
  })
})
