import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../src/core/ids.ts'
import { dialects } from '../kit/databases.ts'
import { statementsOf } from '../kit/statements.ts'
import { bare, type TaskWorld } from '../tasks/task.ts'
import { create, newScheduleId, openScheduleWorld, RUN } from './schedule.ts'

const LIST = `query ($filter: ScheduleFilter, $orderBy: [ScheduleOrder!], $first: Int, $after: String, $last: Int, $before: String) {
  schedules(filter: $filter, orderBy: $orderBy, first: $first, after: $after, last: $last, before: $before) {
    nodes { id name } edges { cursor } totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`

describe.each(dialects())('schedules on %s', (dialect) => {
  let on: TaskWorld
  const ids: Record<string, string> = {}
  beforeAll(async () => {
    on = await openScheduleWorld(dialect, { env: { MAX_COST: '1000000' } })
    for (const [name, input] of Object.entries({
      a: { missed: 'CATCH_UP', endsAt: '2190-01-01T00:00:00Z' },
      b: { timezone: 'Europe/Berlin', paused: true },
      c: { cron: '0 0 1 1 *' },
      d: {},
    }))
      ids[name] = (await create(on.world, on.ada, { name, ...input })).id
    await create(on.world, on.bob, { name: 'bob' })
    await on.world.client.schedule.updateMany({ where: { id: { in: [bare(ids.a!), bare(ids.b!)] } }, data: { createdAtMs: 1000n } })
    await on.world.client.schedule.update({ where: { id: bare(ids.c!) }, data: { createdAtMs: 2000n, updatedAtMs: 1n, error: 'It failed.' } })
    await on.world.does(RUN, { input: { id: ids.d } }, on.ada)
  })
  afterAll(() => on.world.close())

  const list = async (variables: object, user = on.ada) => {
    const { data, errors } = await on.world.ask(LIST, { ...variables }, user)
    if (errors) throw new Error(`${errors[0]!.extensions.code}: ${errors[0]!.message}`)
    return data.schedules
  }
  const names = ({ nodes }: { nodes: { name: string }[] }) => nodes.map(({ name }) => name).join('')

  it('are one’s own, newest first; ADMINs see everybody’s', async () => {
    expect(names(await list({}))).toBe('dcba')
    expect(names(await list({}, on.bob))).toBe('bob')
    expect((await list({}, on.admin)).totalCount).toBe(5)
    expect((await on.world.ask(LIST)).errors![0]!.extensions.code).toBe('UNAUTHENTICATED')
  })

  it.each([
    [{ name: { eq: 'a' } }, 'a'],
    [{ name: { in: ['a', 'd', 'bob'] } }, 'ad'],
    [{ timezone: { ne: 'UTC' } }, 'b'],
    [{ cron: { eq: '0 0 1 1 *' } }, 'c'],
    [{ missed: { eq: 'CATCH_UP' } }, 'a'],
    [{ missed: { notIn: ['CATCH_UP'] } }, 'bcd'],
    [{ pausedAt: { isNull: false } }, 'b'],
    [{ nextRunAt: { isNull: true } }, 'b'],
    [{ nextRunAt: { gt: '2020-01-01T00:00:00Z' } }, 'acd'],
    [{ endsAt: { lt: '2191-01-01T00:00:00Z' } }, 'a'],
    [{ lastRunAt: { isNull: false } }, 'd'],
    [{ error: { isNull: false } }, 'c'],
    [{ createdAt: { lte: '1970-01-01T00:00:01Z' } }, 'ab'],
    [{ updatedAt: { lt: '1970-01-01T00:00:01Z' } }, 'c'],
    [{ or: [{ name: { eq: 'a' } }, { error: { eq: 'It failed.' } }] }, 'ac'],
    [{ not: { name: { in: ['a', 'b'] } } }, 'cd'],
  ])('are filtered by %j', async (filter, expected) => {
    const found = await list({ filter, orderBy: [{ field: 'NAME' }] })
    expect(names(found)).toBe(expected)
    expect(found.totalCount).toBe(expected.length)
  })

  it('are filtered by ids and owners', async () => {
    expect(names(await list({ filter: { id: { in: [ids.a, ids.d, `Task:${newId()}`] } } }))).toBe('da')
    expect(names(await list({ filter: { ownerId: { eq: on.bob.id } } }))).toBe('')
    expect(names(await list({ filter: { ownerId: { eq: on.bob.id } } }, on.admin))).toBe('bob')
  })

  it.each([
    [[{ field: 'NAME' }], 'abcd'],
    [[{ field: 'NAME', direction: 'DESC' }], 'dcba'],
    [[{ field: 'CREATED_AT' }], 'abcd'],
    [[{ field: 'UPDATED_AT' }], 'cabd'],
  ])('are ordered by %j, and paged both ways', async (orderBy, expected) => {
    for (const size of [1, 3]) {
      let forwards = ''
      for (let after: string | null = null, more = true; more; ) {
        const page = await list({ orderBy, first: size, after })
        forwards += names(page)
        ;[after, more] = [page.pageInfo.endCursor, page.pageInfo.hasNextPage]
      }
      expect(forwards).toBe(expected)
      let backwards = ''
      for (let before: string | null = null, more = true; more; ) {
        const page = await list({ orderBy, last: size, before })
        backwards = names(page) + backwards
        ;[before, more] = [page.pageInfo.startCursor, page.pageInfo.hasPreviousPage]
      }
      expect(backwards).toBe(expected)
    }
  })

  it('are found one by one by schedule, node and nodes, where they are one’s own', async () => {
    const query = 'query ($id: ID!, $ids: [ID!]!) { schedule(id: $id) { name } node(id: $id) { __typename id } nodes(ids: $ids) { id } }'
    const wanted = { id: ids.a, ids: [ids.b, newScheduleId(), ids.a] }
    expect((await on.world.ask(query, wanted, on.ada)).data).toEqual({
      schedule: { name: 'a' },
      node: { __typename: 'Schedule', id: ids.a },
      nodes: [{ id: ids.b }, null, { id: ids.a }],
    })
    expect((await on.world.ask(query, wanted, on.bob)).data).toEqual({ schedule: null, node: null, nodes: [null, null, null] })
    expect((await on.world.ask(`{ schedule(id: "${on.ada.id}") { id } }`, {}, on.ada)).data.schedule).toBeNull()
    expect((await on.world.ask('{ schedule(id: "x") { id } }', {}, on.ada)).errors![0]!.extensions.code).toBe('BAD_USER_INPUT')
  })

  describe('tell their next runs', () => {
    const runs = async (id: string, args: string) => {
      const { data, errors } = await on.world.ask(`query ($id: ID!) { schedule(id: $id) { nextRuns${args} } }`, { id }, on.ada)
      return errors ? errors[0]!.extensions.code : data.schedule.nextRuns
    }
    /** A schedule whose next tick is at a given time, far from now. */
    const at = async (nextRunAt: string, input: object) => {
      const { id } = await create(on.world, on.ada, input)
      await on.world.client.schedule.update({ where: { id: bare(id) }, data: { nextRunAtMs: BigInt(Date.parse(nextRunAt)) } })
      return id
    }

    it('over a change of the clocks', async () => {
      const night = await at('2040-03-24T01:30:00Z', { cron: '30 2 * * *', timezone: 'Europe/Berlin' })
      expect(await runs(night, '(first: 4)')).toEqual([
        '2040-03-24T01:30:00.000Z',
        '2040-03-25T01:00:00.000Z', // There is no 02:30: clocks go from 02:00 to 03:00.
        '2040-03-26T00:30:00.000Z',
        '2040-03-27T00:30:00.000Z',
      ])
      const autumn = await at('2040-10-27T00:30:00Z', { cron: '30 2 * * *', timezone: 'Europe/Berlin' })
      expect(await runs(autumn, '(first: 3)')).toEqual([
        '2040-10-27T00:30:00.000Z',
        '2040-10-28T00:30:00.000Z', // 02:30 comes twice, and this is the first.
        '2040-10-29T01:30:00.000Z',
      ])
      const halfHours = await at('2040-10-28T00:00:00Z', { cron: '*/30 2 * * *', timezone: 'Europe/Berlin' })
      expect(await runs(halfHours, '')).toEqual([
        '2040-10-28T00:00:00.000Z',
        '2040-10-28T00:30:00.000Z',
        '2040-10-28T01:00:00.000Z',
        '2040-10-28T01:30:00.000Z',
        '2040-10-29T01:00:00.000Z',
      ])
    })

    it('as far as there are any', async () => {
      const ending = await at('2040-01-01T00:00:00Z', { cron: '0 0 * * *', endsAt: '2040-01-03T00:00:00Z' })
      expect(await runs(ending, '')).toEqual(['2040-01-01T00:00:00.000Z', '2040-01-02T00:00:00.000Z', '2040-01-03T00:00:00.000Z'])
      expect(await runs(ids.b!, '')).toEqual([])
      const leap = await at('2192-02-29T00:00:00Z', { cron: '0 0 29 2 *' })
      expect(await runs(leap, '')).toEqual(['2192-02-29T00:00:00.000Z', '2196-02-29T00:00:00.000Z'])
    })

    it('at most a hundred', async () => {
      expect(await runs(ids.d!, '(first: 100)')).toHaveLength(100)
      expect((await runs(ids.d!, '(first: 1)'))[0]).toBe((await on.world.ask(`{ schedule(id: "${ids.d}") { nextRunAt } }`, {}, on.ada)).data.schedule.nextRunAt)
      for (const args of ['(first: 0)', '(first: -1)', '(first: 101)']) expect(await runs(ids.d!, args)).toBe('BAD_USER_INPUT')
    })
  })

  describe('with their ticks and tasks', () => {
    const TICKS = `query ($first: Int, $after: String, $last: Int, $before: String, $id: ID!) { schedule(id: $id) { ticks(first: $first, after: $after, last: $last, before: $before) {
      totalCount nodes { tickAt firedAt task { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }`
    const page = async (variables: object) => {
      const { data, errors } = await on.world.ask(TICKS, { id: ids.d, ...variables }, on.ada)
      if (errors) throw new Error(errors[0]!.extensions.code)
      return data.schedule.ticks
    }
    const times = ({ nodes }: { nodes: { tickAt: string }[] }) => nodes.map(({ tickAt }) => Date.parse(tickAt)).join()

    beforeAll(async () => {
      const scheduleId = bare(ids.d!)
      const task = await on.world.client.task.findFirstOrThrow({ where: { scheduleId } })
      const data = [1, 2, 3, 4, 5].map((n) => ({
        scheduleId,
        tickAtMs: BigInt(n),
        firedAtMs: BigInt(n + 100),
        taskId: n === 5 ? task.id : n === 4 ? newId() : null,
      }))
      await on.world.client.scheduleTick.createMany({ data })
    })

    it('newest first, in pages', async () => {
      const all = await page({})
      expect(times(all)).toBe('5,4,3,2,1')
      expect(all).toMatchObject({
        totalCount: 5,
        nodes: [{ firedAt: '1970-01-01T00:00:00.105Z', task: { id: expect.any(String) } }, { task: null }, { task: null }, {}, {}],
      })
      const first = await page({ first: 2 })
      expect([times(first), first.pageInfo.hasNextPage, first.pageInfo.hasPreviousPage]).toEqual(['5,4', true, false])
      const rest = await page({ first: 3, after: first.pageInfo.endCursor })
      expect([times(rest), rest.pageInfo.hasNextPage, rest.pageInfo.hasPreviousPage]).toEqual(['3,2,1', false, true])
      const back = await page({ last: 2, before: rest.pageInfo.endCursor })
      expect([times(back), back.pageInfo.hasPreviousPage, back.pageInfo.hasNextPage]).toEqual(['3,2', true, true])
      for (const wrong of [{ first: 0 }, { first: 101 }, { after: 'x' }, { first: 1, last: 1 }]) await expect(page(wrong)).rejects.toThrow('BAD_USER_INPUT')
    })

    it('and the task knows its schedule', async () => {
      const { data } = await on.world.ask(`{ schedule(id: "${ids.d}") { tasks { totalCount nodes { type schedule { id name } } } } }`, {}, on.ada)
      expect(data.schedule.tasks).toEqual({ totalCount: 1, nodes: [{ type: 'test.held', schedule: { id: ids.d, name: 'd' } }] })
    })

    it('are read by as many statements for many as for few', async () => {
      const query = `{ schedules(first: 50) { totalCount nodes { name nextRuns owner { displayName } task { type params }
        ticks(first: 2) { totalCount nodes { tickAt task { id } } } tasks(first: 2) { totalCount nodes { id schedule { name } } } } } }`
      const count = async () => {
        const { answer, statements } = await statementsOf(() => on.world.ask(query, {}, on.ada))
        expect(answer.errors).toBeUndefined()
        return statements.length
      }
      await count()
      const few = await count()
      for (let i = 0; i < 12; i++) {
        const { id } = await create(on.world, on.ada, { paused: true })
        await on.world.does(RUN, { input: { id } }, on.ada)
        const { id: taskId } = await on.world.client.task.findFirstOrThrow({ where: { scheduleId: bare(id) } })
        await on.world.client.scheduleTick.create({ data: { scheduleId: bare(id), tickAtMs: 1n, firedAtMs: 2n, taskId } })
      }
      expect(await count()).toBe(few)
      expect(few).toBeLessThanOrEqual(15)
    })
  })
})
