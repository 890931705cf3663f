import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../src/core/ids.ts'
import { tallyFold } from '../../src/tasks/tally-fold.ts'
import { usageFold } from '../../src/usage/usage-fold.ts'
import { dialects } from '../kit/databases.ts'
import type { TestUser } from '../kit/world.ts'
import { bare, create, DELETE, openTaskWorld, type TaskWorld, whenTask } from '../tasks/task.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const FIGURES = 'created started completed failed cancelled retried completionRate meanDurationMs medianDurationMs p95DurationMs'
const TASKS = `query ($bucket: AnalyticsBucket!, $from: DateTime!, $to: DateTime, $ownerId: ID, $types: [String!]) {
  analytics(bucket: $bucket, from: $from, to: $to, ownerId: $ownerId) { tasks(types: $types) { from to ${FIGURES} byType { type ${FIGURES} } } } }`
const USAGE = `query ($bucket: AnalyticsBucket!, $from: DateTime!, $to: DateTime, $ownerId: ID, $groupBy: [UsageGroup!]) {
  analytics(bucket: $bucket, from: $from, to: $to, ownerId: $ownerId) {
    usage(groupBy: $groupBy) { from to provider model taskType user { id } calls failedCalls inputTokens outputTokens costMicroUsd } } }`

// biome-ignore lint/suspicious/noExplicitAny: a test says itself what it expects of an answer
type Data = any

describe.each(dialects())('what went on, by spans of time, on %s,', (dialect) => {
  let on: TaskWorld
  beforeAll(async () => {
    on = await openTaskWorld(dialect, { env: { CACHE_SECONDS: '300' } })
  })
  afterAll(() => on.world.close())

  const nowMs = Date.now()
  const iso = (ms: number) => new Date(ms).toISOString()
  const ask = async (query: string, variables: object, user: TestUser): Promise<Data> => {
    const answer = await on.world.ask(query, variables as Record<string, unknown>, user)
    expect(answer.errors).toBeUndefined()
    return Object.values(answer.data.analytics)[0]
  }
  const refused = async (query: string, variables: object, user: TestUser | null) =>
    (await on.world.ask(query, variables as Record<string, unknown>, user)).errors?.[0]?.extensions.code
  const sum = (buckets: Data[], name: string) => buckets.reduce((total, bucket) => total + bucket[name], 0)
  const lastHours = { bucket: 'HOUR', from: iso(nowMs - HOUR) }

  it('tells of tasks to the last commit, to their owner and to ADMINs, and not to others', async () => {
    const [good, bad, dropped] = [
      await create(on.world, on.ada),
      await create(on.world, on.ada, { maxAttempts: 1 }),
      await create(on.world, on.ada, { runImmediately: false }),
    ]
    ;(await on.held.run(good.id)).complete({})
    ;(await on.held.run(bad.id)).fail(new Error('no'))
    for (const { id } of [good, bad]) await whenTask(on.world, on.ada, id, ({ status }: Data) => status === 'COMPLETED' || status === 'FAILED')
    await on.world.does(DELETE, { input: { id: dropped.id } }, on.ada)
    const check = async () => {
      for (const [user, variables] of [
        [on.ada, {}],
        [on.admin, {}],
        [on.admin, { ownerId: on.ada.id }],
        [on.ada, { types: ['test.held'] }],
      ] as const) {
        const told = await ask(TASKS, { ...lastHours, ...variables }, user)
        expect(['created', 'started', 'completed', 'failed', 'cancelled', 'retried'].map((name) => sum(told, name))).toEqual([3, 2, 1, 1, 0, 0])
        const [row] = await on.world.client.task.findMany({ where: { id: bare(good.id) } })
        const ended = told.find(({ completed }: Data) => completed)
        expect([ended.meanDurationMs, ended.medianDurationMs, ended.p95DurationMs]).toEqual(new Array(3).fill(Number(row!.durationMs)))
        expect(told.flatMap(({ byType }: Data) => byType.map(({ type }: Data) => type))).toContain('test.held')
      }
      for (const [user, variables] of [
        [on.bob, {}],
        [on.bob, { ownerId: on.ada.id }],
        [on.ada, { ownerId: on.bob.id }],
        [on.admin, { ownerId: on.bob.id }],
        [on.ada, { types: ['another'] }],
      ] as const) {
        const told = await ask(TASKS, { ...lastHours, ...variables }, user)
        expect(told.map(({ created, byType, completionRate }: Data) => [created, byType, completionRate])).toEqual(told.map(() => [0, [], null]))
      }
    }
    await check()
    while (!(await tallyFold(on.world.app.store)));
    await check()
  })

  it('keeps of hours and of days what the minutes of them add up to', async () => {
    while (!(await tallyFold(on.world.app.store)));
    const minutes = await on.world.client.taskMinute.findMany()
    for (const hours of [1, 24]) {
      const sums = new Map<string, number>()
      for (const { ownerId, type, minuteMs, created, completed } of minutes) {
        const key = `${ownerId} ${type} ${Number(minuteMs) - (Number(minuteMs) % (hours * HOUR))}`
        sums.set(key, (sums.get(key) ?? 0) + created * 1000 + completed)
      }
      const kept = await on.world.client.taskPeriod.findMany({ where: { hours, type: { not: '' } } })
      expect(new Map(kept.map(({ ownerId, type, startMs, created, completed }) => [`${ownerId} ${type} ${startMs}`, created * 1000 + completed]))).toEqual(sums)
      const all = await on.world.client.taskPeriod.findMany({ where: { hours, type: '' } })
      const whole = (rows: { created: number; completed: number }[]) => rows.reduce((total, { created, completed }) => total + created * 1000 + completed, 0)
      expect(whole(all)).toBe(whole(kept))
    }
  })

  it('puts days together to weeks from Monday and to months, with exact means and close quantiles', async () => {
    const cy = await on.world.user('cy')
    const ownerId = bare(cy.id)
    const tally = { ownerId, type: 'old', durationCounts: {}, waitCounts: {} }
    await on.world.client.taskTally.create({ data: tally })
    const days = [Date.UTC(2025, 5, 29), Date.UTC(2025, 5, 30), Date.UTC(2025, 6, 6), Date.UTC(2025, 6, 7)]
    await on.world.client.taskPeriod.createMany({
      data: ['old', ''].flatMap((type) =>
        days.map((startMs, i) => ({
          ownerId,
          type,
          hours: 24,
          startMs: BigInt(startMs),
          created: 1,
          completed: 2,
          failed: i,
          durationCounts: { [10 * (i + 1)]: [2, 20 * (i + 1)] },
        })),
      ),
    })
    const range = { from: '2025-06-29T13:00:00Z', to: '2025-07-07T01:00:00Z' }
    const told = async (bucket: string) =>
      (await ask(TASKS, { bucket, ...range }, cy)).map(({ from, completed, failed, meanDurationMs, medianDurationMs }: Data) => [
        from.slice(0, 10),
        completed,
        failed,
        meanDurationMs,
        medianDurationMs,
      ])
    expect(await told('WEEK')).toEqual([
      ['2025-06-23', 2, 0, 10, 10],
      ['2025-06-30', 4, 3, 25, 20],
      ['2025-07-07', 2, 3, 40, 40],
    ])
    expect(await told('MONTH')).toEqual([
      ['2025-06-01', 4, 1, 15, 10],
      ['2025-07-01', 4, 5, 35, 30],
    ])
    expect((await told('DAY')).length).toBe(9)
    const [, , last] = await ask(TASKS, { bucket: 'WEEK', ...range, types: ['old'] }, cy)
    expect([last.completed, last.meanDurationMs, last.byType.map(({ type, failed }: Data) => [type, failed])]).toEqual([2, 40, [['old', 3]]])
  })

  it('tells of tokens and cost by hours and days, before they are summed up and after', async () => {
    const dan = await on.world.user('dan')
    const call = (agoMs: number, more: object = {}) => ({
      id: newId(),
      ownerId: bare(dan.id),
      provider: 'p',
      model: 'm',
      taskType: 'test.a',
      status: 'COMPLETED' as const,
      inputTokens: 10,
      outputTokens: 5,
      costMicroUsd: 7n,
      durationMs: 3,
      priceSource: 'OPERATOR' as const,
      day: Math.floor((nowMs - agoMs) / DAY),
      startedAtMs: BigInt(nowMs - agoMs),
      endedAtMs: BigInt(nowMs - agoMs),
      ...more,
    })
    await on.world.client.providerUsage.createMany({
      data: [call(0), call(0, { model: 'n', costMicroUsd: 100n }), call(2 * HOUR), call(3 * DAY, { status: 'FAILED', taskType: null })],
    })
    await on.world.client.providerUsage.createMany({ data: [call(0, { ownerId: bare(on.bob.id), inputTokens: 1000 })] })
    const check = async () => {
      const hours = await ask(USAGE, { bucket: 'HOUR', from: iso(nowMs - 2 * HOUR), to: iso(nowMs + 1) }, dan)
      expect(hours.map(({ calls, inputTokens }: Data) => [calls, inputTokens])).toEqual([
        [1, 10],
        [0, 0],
        [2, 20],
      ])
      const span = { bucket: 'DAY', from: iso(nowMs - 3 * DAY), to: iso(nowMs + 1) }
      const days = await ask(USAGE, { ...span, groupBy: ['TASK_TYPE'] }, dan)
      expect(days.map(({ from, taskType }: Data) => [from.slice(0, 10), taskType])).toContainEqual([iso(nowMs - 3 * DAY).slice(0, 10), ''])
      expect([sum(days, 'calls'), sum(days, 'failedCalls'), sum(days, 'costMicroUsd')]).toEqual([4, 1, 121])
      const models = await ask(USAGE, { bucket: 'HOUR', from: iso(nowMs), to: iso(nowMs + 1), groupBy: ['MODEL', 'PROVIDER'] }, dan)
      expect(models.map(({ model, provider, costMicroUsd, user }: Data) => [model, provider, costMicroUsd, user])).toEqual([
        ['n', 'p', 100, null],
        ['m', 'p', 7, null],
      ])
      const users = await ask(USAGE, { ...span, groupBy: ['USER'] }, on.admin)
      expect(new Set(users.map(({ user }: Data) => user.id))).toEqual(new Set([dan.id, on.bob.id]))
      expect(sum(await ask(USAGE, { ...span, ownerId: on.bob.id }, on.admin), 'inputTokens')).toBe(1000)
      expect(sum(await ask(USAGE, { ...span, ownerId: on.bob.id }, dan), 'calls')).toBe(0)
      expect(sum(await ask(USAGE, span, on.ada), 'calls')).toBe(0)
    }
    await check()
    await usageFold(on.world.app.store)
    await check()
  })

  it('refuses what would have no end, and what is kept no more', async () => {
    const asked = [
      { bucket: 'DAY', from: iso(nowMs), to: iso(nowMs) },
      { bucket: 'DAY', from: iso(nowMs - 751 * DAY) },
      { bucket: 'HOUR', from: iso(nowMs - 36 * DAY), to: iso(nowMs - 35 * DAY) },
      { bucket: 'MONTH', from: '1969-12-31T00:00:00Z' },
      { bucket: 'DAY', from: iso(nowMs), to: iso(nowMs + DAY), types: new Array(101).fill('x') },
    ]
    for (const variables of asked) expect(await refused(TASKS, variables, on.ada)).toBe('BAD_USER_INPUT')
    expect(await refused(USAGE, { ...lastHours, groupBy: ['DAY'] }, on.ada)).toBe('BAD_USER_INPUT')
    expect(await refused(TASKS, lastHours, null)).toBe('UNAUTHENTICATED')
  })

  it('tells ADMINs, and nobody else, what each table takes', async () => {
    const query = '{ storageUse { entity rows bytes isEstimate } }'
    const { storageUse } = (await on.world.ask(query, {}, on.admin)).data
    const tasks = storageUse.find(({ entity }: Data) => entity === 'Task')
    expect(tasks.bytes).toBeGreaterThan(0)
    expect(tasks.rows).toBe(await on.world.client.task.count())
    expect(storageUse.map(({ entity }: Data) => entity)).toEqual(expect.arrayContaining(['Event', 'StreamChunk', 'User', 'Message']))
    expect(storageUse.some(({ entity }: Data) => /^(_prisma|sqlite_)/.test(entity))).toBe(false)
    expect((await on.world.ask(query, {}, on.ada)).errors?.[0]?.extensions.code).toBe('FORBIDDEN')
  })
})
