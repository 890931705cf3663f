import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Prisma } from '../../src/generated/sqlite/client.ts'
import { dialects } from '../kit/databases.ts'
import type { TestUser } from '../kit/world.ts'
import { bare, create, DELETE, openTaskWorld, read, type TaskWorld } from './task.ts'

const STATS = 'query ($filter: TaskFilter) { taskStats(filter: $filter) { total medianWaitMs byStatus { status count } byType { count } } }'
const MANY = 50_000
const COUNT = 'query ($filter: TaskFilter) { tasks(filter: $filter) { totalCount } }'

// biome-ignore lint/suspicious/noExplicitAny: a test says itself what it expects of an answer
type Data = any

describe.each(dialects())('figures over the tasks of a filter on %s', (dialect) => {
  let on: TaskWorld
  let user: TestUser
  const now = new Date().toISOString()
  beforeAll(async () => {
    on = await openTaskWorld(dialect)
    user = await on.world.user('filters')
    const later = { runAt: '2100-01-01T00:00:00Z' }
    await create(on.world, user, { ...later, domain: 'a', priority: 3, driftScore: 0.5 })
    await create(on.world, user, { ...later, domain: 'b', driftScore: 0.25, sessionKey: 's' })
    await create(on.world, user, { runImmediately: false, domain: 'é' })
    await create(on.world, user, { ...later, type: 'test.scripted', params: { script: 'x' }, priority: -2 })
  })
  afterAll(() => on.world.close())

  const stats = async (user: TestUser, filter: object): Promise<Data> => {
    const { data, errors } = await on.world.ask(STATS, { filter }, user)
    if (errors) throw new Error(errors[0]!.extensions.code)
    return data.taskStats
  }
  const sum = (rows: { count: number }[]) => rows.reduce((total, { count }) => total + count, 0)

  it.each([
    [4, {}],
    [2, { domain: { in: ['a', 'b'] } }],
    [1, { domain: { ne: 'a', notIn: ['b'] } }],
    [1, { domain: { isNull: true } }],
    [3, { domain: { isNull: false } }],
    [4, { type: { isNull: false } }],
    [0, { domain: { in: [] } }],
    [4, { domain: { notIn: [] } }],
    [2, { domain: { gt: 'a' } }],
    [3, { status: { eq: 'QUEUED' } }],
    [1, { status: { in: ['CREATED', 'RUNNING'] } }],
    [1, { status: { notIn: ['QUEUED'] } }],
    [1, { driftScore: { lt: 0.5 } }],
    [3, { priority: { gte: 0, lte: 3 } }],
    [4, { createdAt: { gte: '2020-01-01T00:00:00Z' } }],
    [0, { createdAt: { gt: '2090-01-01T00:00:00Z' } }],
    [3, { runAt: { gt: '2090-01-01T00:00:00Z' }, createdAt: { lt: '2090-01-01T00:00:00Z' } }],
    [4, { completedAt: { isNull: true } }],
    [2, { or: [{ domain: { eq: 'a' } }, { priority: { lt: 0 } }] }],
    [0, { or: [] }],
    [1, { and: [{ domain: { eq: 'a' } }, { type: { eq: 'test.held' } }] }],
    [4, { and: [] }],
    [2, { not: { domain: { eq: 'a' } } }],
    [3, { not: { and: [{ type: { eq: 'test.scripted' } }, { not: { status: { eq: 'CREATED' } } }] } }],
    [0, { not: {} }],
    [3, { type: { ne: 'test.scripted' } }],
    [3, { type: { gte: 'test.held', lt: 'test.s' } }],
    [1, { type: { eq: 'test.held' }, domain: { eq: 'b' } }],
  ])('are of the %i tasks that a list with it has: %j', async (count, filter) => {
    expect((await on.world.ask(COUNT, { filter }, user)).data.tasks.totalCount).toBe(count)
    const told = await stats(user, filter)
    expect(told.total).toBe(count)
    expect(sum(told.byType)).toBe(count)
    expect(sum(told.byStatus)).toBe(count)
  })

  it('find a task by its id and by its times', async () => {
    const { id } = await create(on.world, user, { runAt: '2100-01-01T00:00:00Z' })
    const { createdAt } = await read(on.world, user, id)
    expect(await stats(user, { id: { eq: id }, createdAt: { eq: createdAt }, updatedAt: { lte: '2090-01-01T00:00:00Z' } })).toMatchObject({ total: 1 })
    expect(await stats(on.bob, { id: { eq: id } })).toMatchObject({ total: 0 })
    expect(await stats(on.admin, { id: { in: [id] }, updatedAt: { gte: now } })).toMatchObject({ total: 1 })
    await on.world.does(DELETE, { input: { id } }, user)
  })

  it('are added up over many tasks while the server goes on with what others ask', { timeout: 60_000 }, async () => {
    const { id } = await on.world.user('many')
    const { database } = on.world.app.store
    const numbers =
      dialect === 'sqlite'
        ? Prisma.sql`"value" AS "number" FROM json_each(${JSON.stringify([...Array(MANY).keys()])})`
        : Prisma.sql`generate_series(0, ${MANY - 1}::int) AS "number"`
    await on.world.client.$executeRaw`
      INSERT INTO "Task" ("id", "ownerId", "type", "lane", "status", "domain", "params", "agentsInvolved", "runAtMs", "createdAtMs", "updatedAtMs", "queuedAtMs", "startedAtMs")
      SELECT 'many' || CAST("number" AS TEXT), ${bare(id)}, 'test.held', 'test.held', ${database.sql.asEnum('TaskStatus', Prisma.sql`'CREATED'`)}, 'many', ${database.sql.json({})}, ${database.sql.json([])},
        1, 1, 1, 1, 11 FROM (SELECT ${numbers}) AS "made"`
    let isTold = false
    const told = stats(on.admin, { domain: { eq: 'many' } }).finally(() => {
      isTold = true
    })
    for (let i = 0; i < 2; i++) expect((await on.world.ask('{ viewer { displayName } }', {}, on.bob)).errors).toBeUndefined()
    expect(isTold).toBe(false)
    expect(await told).toMatchObject({ total: MANY, medianWaitMs: expect.closeTo(10, 0) })
    expect((await told).byStatus).toContainEqual({ status: 'CREATED', count: MANY })
  })

  it('are refused where the filter is too large, as a list is', async () => {
    let filter: object = { priority: { eq: 1 } }
    for (let i = 0; i < 6; i++) filter = { not: filter }
    await expect(stats(user, filter)).rejects.toThrow('BAD_USER_INPUT')
    await expect(stats(user, { type: { in: Array(1001).fill('x') } })).rejects.toThrow('BAD_USER_INPUT')
  })
})
