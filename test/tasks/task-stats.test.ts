import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../src/core/ids.ts'
import { tallyFold } from '../../src/tasks/tally-fold.ts'
import { dialects } from '../kit/databases.ts'
import type { TestUser } from '../kit/world.ts'
import { bare, CANCEL, completes, create, DELETE, does, openTaskWorld, RETRY, type TaskWorld, whenStatus } from './task.ts'

const FIGURES = 'byStatus { status count } completionRate meanDurationMs medianDurationMs p95DurationMs meanWaitMs medianWaitMs p95WaitMs'
const STATS = `query ($filter: TaskFilter) { taskStats(filter: $filter) { total ${FIGURES} byType { type count ${FIGURES} } } }`
const THROUGHPUT = `query ($filter: TaskFilter, $minutes: Int) { taskStats(filter: $filter) { throughput(minutes: $minutes) { minute created started completed failed cancelled retried } } }`
const LIVE = `subscription ($filter: TaskFilter, $everySeconds: Int) { taskStatsUpdated(filter: $filter, everySeconds: $everySeconds) { total byStatus { status count } byType { type count } throughput(minutes: 2) { created } } }`
const MINUTE_MS = 60_000
const NOTHING = { total: 0, completionRate: null, meanDurationMs: null, medianDurationMs: null, p95DurationMs: null, meanWaitMs: null, medianWaitMs: null, p95WaitMs: null, byType: [] } // biome-ignore format: one look

// biome-ignore lint/suspicious/noExplicitAny: a test says itself what it expects of an answer
type Data = any

describe.each(dialects())('figures over tasks on %s', (dialect) => {
  let on: TaskWorld
  beforeAll(async () => {
    on = await openTaskWorld(dialect, { env: { MAX_COST: '100000' } })
    on.scripts.write('fails', async () => {
      throw new Error('It failed.')
    })
  })
  afterAll(() => on.world.close())

  const fold = () => tallyFold(on.world.app.store)
  const stats = async (user: TestUser, filter?: object): Promise<Data> => {
    const { data, errors } = await on.world.ask(STATS, { filter }, user)
    if (errors) throw new Error(`${errors[0]!.extensions.code} ${errors[0]!.extensions.path ?? ''}`)
    return data.taskStats
  }
  const throughput = async (user: TestUser, variables: object = {}): Promise<Data[]> => {
    const { data, errors } = await on.world.ask(THROUGHPUT, variables as never, user)
    if (errors) throw new Error(errors[0]!.extensions.code)
    return data.taskStats.throughput
  }
  const counts = ({ byStatus }: Data) => Object.fromEntries(byStatus.filter((each: Data) => each.count).map((each: Data) => [each.status, each.count]))
  const sums = (minutes: Data[]) => {
    const sum: Record<string, number> = {}
    for (const { minute: _, ...each } of minutes) for (const [name, count] of Object.entries(each)) if (count) sum[name] = (sum[name] ?? 0) + (count as number)
    return sum
  }
  const msOf = (from: string, to: string) => new Date(to).getTime() - new Date(from).getTime()
  const waitOf = (task: Data) => msOf(task.queuedAt > task.runAt ? task.queuedAt : task.runAt, task.startedAt)

  /** Makes the attempt that runs look older, so that it takes so long. */
  const age = (id: string, ms: number) => on.world.client.$executeRaw`UPDATE "Task" SET "startedAtMs" = "startedAtMs" - ${ms} WHERE "id" = ${bare(id)}`

  async function took(user: TestUser, ms: number): Promise<Data> {
    const { id } = await create(on.world, user)
    await whenStatus(on.world, user, id, 'RUNNING')
    await age(id, ms)
    return completes(on, user, id)
  }

  it('are nothing for whoever has none', async () => {
    const nobody = await on.world.user('nobody')
    expect(await stats(nobody)).toMatchObject(NOTHING)
    expect(counts(await stats(nobody))).toEqual({})
    expect(await stats(nobody, { priority: { gte: 0 } })).toMatchObject(NOTHING)
    expect(sums(await throughput(nobody))).toEqual({})
  })

  it('count by status and type, exact as soon as a mutation is answered, before it is counted and after', async () => {
    const user = await on.world.user('counts')
    const later = { runAt: '2100-01-01T00:00:00Z' }
    await create(on.world, user, later)
    await create(on.world, user, { runImmediately: false })
    const { id } = await create(on.world, user, later)
    await does(on.world, CANCEL, { id }, user)
    const failed = await create(on.world, user, { type: 'test.scripted', params: { script: 'fails' }, maxAttempts: 1 })
    await whenStatus(on.world, user, failed.id, 'FAILED')
    const { id: done } = await create(on.world, user)
    await completes(on, user, done)
    for (const isCounted of [false, true]) {
      if (isCounted) await fold()
      const told = await stats(user)
      expect(told).toMatchObject({ total: 5, completionRate: 1 / 3 })
      expect(counts(told)).toEqual({ QUEUED: 1, CREATED: 1, CANCELLED: 1, FAILED: 1, COMPLETED: 1 })
      expect(told.byType.map(({ type, count, completionRate }: Data) => ({ type, count, completionRate }))).toEqual([
        { type: 'test.held', count: 4, completionRate: 1 / 2 },
        { type: 'test.scripted', count: 1, completionRate: 0 },
      ])
      expect(told.byType.map(counts)).toEqual([{ QUEUED: 1, CREATED: 1, CANCELLED: 1, COMPLETED: 1 }, { FAILED: 1 }])
    }
    await does(on.world, RETRY, { id }, user)
    await whenStatus(on.world, user, id, 'RUNNING')
    expect(counts(await stats(user))).toEqual({ QUEUED: 1, CREATED: 1, RUNNING: 1, FAILED: 1, COMPLETED: 1 })
    await does(on.world, CANCEL, { id }, user)
    await whenStatus(on.world, user, id, 'CANCELLED')
    await on.world.does(DELETE, { input: { id } }, user)
    expect(counts(await stats(user))).toEqual({ QUEUED: 1, CREATED: 1, FAILED: 1, COMPLETED: 1 })
    expect(await stats(user)).toMatchObject({ total: 4, completionRate: 1 / 2 })
  })

  it('tell how long tasks took and waited: mean, median and 95th percentile, of all and of each type, the same whichever way they are found', async () => {
    const user = await on.world.user('times')
    const tasks: Data[] = []
    for (const ms of [200, 1_000, 5_000, 60_000, 3_600_000]) tasks.push(await took(user, ms))
    const durations = tasks.map((task) => task.durationMs)
    const mean = (list: number[]) => list.reduce((sum, each) => sum + each, 0) / list.length
    const ofDurations = { meanDurationMs: mean(durations), medianDurationMs: durations[2], p95DurationMs: durations[4] }
    const told = await stats(user)
    expect(told).toMatchObject(ofDurations)
    expect(told.byType).toMatchObject([{ type: 'test.held', ...ofDurations }])
    // They were started once, at a time that the log knows and the aged rows do not.
    const started = await on.world.client.event.findMany({ where: { kind: 'TASK_STARTED', ownerId: bare(user.id) } })
    const waits = started.map(({ data }) => data as Data).map(({ startedAtMs, queuedAtMs, runAtMs }) => startedAtMs - Math.max(queuedAtMs, runAtMs))
    expect(told.meanWaitMs).toBe(mean(waits))
    for (const [name, exact] of [
      ['medianWaitMs', [...waits].sort((a, b) => a - b)[2]!],
      ['p95WaitMs', Math.max(...waits)],
    ] as const)
      expect(Math.abs(told[name] - exact)).toBeLessThanOrEqual(exact * 0.05)
    const { meanWaitMs: _m, medianWaitMs: _n, p95WaitMs: _p, byType, ...same } = told
    const found = await stats(user, { priority: { eq: 0 } })
    expect(found).toMatchObject(same)
    expect(found.byType).toMatchObject([{ type: 'test.held', count: byType[0].count, ...ofDurations }])
  })

  it('tell of waits, by a filter, those of the latest attempts', async () => {
    const user = await on.world.user('waits')
    const { id } = await create(on.world, user)
    const task = await completes(on, user, id)
    expect(await stats(user, { id: { eq: id } })).toMatchObject({ meanWaitMs: waitOf(task), medianWaitMs: waitOf(task), p95WaitMs: waitOf(task) })
    const { id: again } = await create(on.world, user, { runAt: '2100-01-01T00:00:00Z' })
    expect(await stats(user, { id: { eq: again } })).toMatchObject({ total: 1, meanWaitMs: null })
  })

  it('are one’s own, for ADMINs everybody’s; and whoever asks for another’s is told of none', async () => {
    const ada = await on.world.user('ada')
    const bob = await on.world.user('bob')
    const later = { runAt: '2100-01-01T00:00:00Z' }
    const before = (await stats(on.admin)).total
    await create(on.world, ada, later)
    await create(on.world, ada, { ...later, type: 'test.scripted', params: { script: 'fails' } })
    await create(on.world, bob, later)
    for (const isCounted of [false, true]) {
      if (isCounted) await fold()
      const total = async (user: TestUser, filter?: object) => (await stats(user, filter)).total
      expect([await total(ada), await total(bob), await total(on.admin)]).toEqual([2, 1, before + 3])
      expect(await total(ada, { ownerId: { eq: ada.id } })).toBe(2)
      expect(await total(ada, { ownerId: { eq: bob.id } })).toBe(0)
      expect(await total(ada, { ownerId: { in: [bob.id, ada.id] } })).toBe(2)
      expect(await total(ada, { ownerId: { ne: ada.id } })).toBe(0)
      expect(await total(on.admin, { ownerId: { eq: ada.id } })).toBe(2)
      expect(await total(on.admin, { ownerId: { in: [ada.id, bob.id] }, type: { eq: 'test.held' } })).toBe(2)
      expect(await total(on.admin, { ownerId: { eq: ada.id, in: [bob.id] } })).toBe(0)
      expect(await total(on.admin, { ownerId: { eq: `Task:${newId()}` } })).toBe(0)
      expect(await total(ada, { ownerId: { in: [] } })).toBe(0)
      expect(await total(ada, { type: { eq: 'test.scripted' } })).toBe(1)
      expect(await total(ada, { type: { in: ['test.scripted', 'test.held'] } })).toBe(2)
      expect(await total(ada, { type: { eq: 'test' } })).toBe(0)
      expect(sums(await throughput(ada, { filter: { type: { eq: 'test.held' } } }))).toEqual({ created: 1 })
      expect(sums(await throughput(ada, { filter: { ownerId: { eq: bob.id } } }))).toEqual({})
      expect(sums(await throughput(on.admin, { filter: { ownerId: { in: [ada.id, bob.id] } } }))).toEqual({ created: 3 })
    }
    await expect(stats(ada, { ownerId: { eq: '*' } })).rejects.toThrow('BAD_USER_INPUT')
    expect((await on.world.ask(STATS, {}, null)).errors![0]!.extensions.code).toBe('UNAUTHENTICATED')
  })

  describe('by the minute', () => {
    it('tell what happened in each, also that nothing did', async () => {
      const user = await on.world.user('minutes')
      const { id } = await create(on.world, user, { maxAttempts: 2 })
      await whenStatus(on.world, user, id, 'RUNNING')
      await completes(on, user, id)
      const failed = await create(on.world, user, { type: 'test.scripted', params: { script: 'fails' }, maxAttempts: 1 })
      await whenStatus(on.world, user, failed.id, 'FAILED')
      const { id: cancelled } = await create(on.world, user, { runAt: '2100-01-01T00:00:00Z' })
      await does(on.world, CANCEL, { id: cancelled }, user)
      await does(on.world, RETRY, { id: failed.id }, user)
      await whenStatus(on.world, user, failed.id, 'FAILED')
      for (const isCounted of [false, true]) {
        if (isCounted) await fold()
        const minutes = await throughput(user)
        expect(minutes).toHaveLength(60)
        for (const [i, { minute }] of minutes.entries()) {
          expect(new Date(minute).getTime() % MINUTE_MS).toBe(0)
          if (i) expect(msOf(minutes[i - 1]!.minute, minute)).toBe(MINUTE_MS)
        }
        expect(sums(minutes)).toEqual({ created: 3, started: 3, completed: 1, failed: 2, cancelled: 1, retried: 1 })
        expect(sums(minutes.slice(0, 50))).toEqual({})
      }
    })

    it('go back as far as asked, at most a day, to the minute', async () => {
      const user = await on.world.user('back')
      await create(on.world, user, { runAt: '2100-01-01T00:00:00Z' })
      await fold()
      const [last] = (await throughput(user, { minutes: 1 })).slice(-1)
      const at = new Date(last!.minute).getTime()
      for (const [back, count] of [
        [1, 5],
        [60, 7],
        [1438, 11],
        [1441, 13],
      ] as const)
        await on.world.client.taskMinute.create({
          data: { ownerId: bare(user.id), type: 'test.held', minuteMs: BigInt(at - back * MINUTE_MS), completed: count },
        })
      const found = Object.fromEntries(
        (await throughput(user, { minutes: 1440 })).filter(({ completed }) => completed).map((each) => [each.minute, each.completed]),
      )
      expect(found).toEqual(Object.fromEntries([[1438, 11], [60, 7], [1, 5]].map(([back, count]) => [new Date(at - back! * MINUTE_MS).toISOString(), count]))) // biome-ignore format: one look
    })

    it('are refused for less than one minute, for more than a day, and by other filters', async () => {
      for (const minutes of [0, -1, 1441]) await expect(throughput(on.ada, { minutes })).rejects.toThrow('BAD_USER_INPUT')
      await expect(throughput(on.ada, { filter: { domain: { eq: 'x' } } })).rejects.toThrow('BAD_USER_INPUT')
    })
  })

  describe('when followed', () => {
    const later = { runAt: '2100-01-01T00:00:00Z' }

    it('are told as they are, and then as they become, for one’s own alone', async () => {
      const user = await on.world.user('follows')
      const { id } = await create(on.world, user, later)
      const live = await on.world.follow(LIVE, {}, user)
      expect(await live.take()).toMatchObject({ total: 1, byType: [{ type: 'test.held', count: 1 }] })
      await create(on.world, on.bob, later)
      await does(on.world, CANCEL, { id }, user)
      const second = await live.take()
      expect([second.total, counts(second), sums(second.throughput)]).toEqual([1, { CANCELLED: 1 }, { created: 1 }])
      for (let i = 0; i < 5; i++) await create(on.world, user, later)
      const told = await live.until(({ total }) => total === 6)
      // No figures are told twice.
      expect(new Set(told.map(({ total }) => total)).size).toBe(told.length)
      await live.stop()
    })

    it('are everybody’s for an ADMIN, or those of a type and an owner', async () => {
      const user = await on.world.user('filtered')
      const all = await on.world.follow(LIVE, {}, on.admin)
      const { total } = await all.take()
      const some = await on.world.follow(LIVE, { filter: { type: { in: ['test.held'] }, ownerId: { eq: user.id } } }, on.admin)
      expect((await some.take()).total).toBe(0)
      await create(on.world, user, { ...later, type: 'test.scripted', params: { script: 'x' } })
      await all.until((figures) => figures.total === total + 1)
      await create(on.world, user, later)
      expect(await some.take()).toMatchObject({ total: 1, byType: [{ type: 'test.held', count: 1 }] })
      await all.until((figures) => figures.total === total + 2)
      await Promise.all([all.stop(), some.stop()])
    })

    it('are refused by other filters, and for less than a second or more than an hour', async () => {
      const refusal = async (variables: object) => {
        const live = await on.world.follow(LIVE, variables as never, on.ada)
        return live.take().then(
          () => null,
          (error: Error) => error.message.slice(0, 14),
        )
      }
      for (const variables of [{ filter: { domain: { eq: 'x' } } }, { filter: { type: { ne: 'x' } } }, { everySeconds: 0 }, { everySeconds: 3601 }])
        expect(await refusal(variables)).toBe('BAD_USER_INPUT')
    })
  })
})
