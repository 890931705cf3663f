import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../src/core/ids.ts'
import { dialects } from '../kit/databases.ts'
import type { TestUser } from '../kit/world.ts'
import { ARCHIVE_MANY, CANCEL_MANY, DELETE_MANY, RETRY_MANY, seed, UNARCHIVE_MANY, UPDATE_MANY, wholeOf } from './many.ts'
import { bare, completes, create, openTaskWorld, type TaskWorld } from './task.ts'

describe.each(dialects())('what is done to all tasks that a filter finds on %s', (dialect) => {
  let on: TaskWorld
  beforeAll(async () => {
    on = await openTaskWorld(dialect, { env: { TASK_CONCURRENCY: '0' } })
  })
  afterAll(() => on.world.close())

  const does = (mutation: string, input: object, user: TestUser = on.ada) => on.world.does(mutation, { input }, user)
  /** A word that nobody else filters by. */
  const word = () => newId()

  it('does it to all that match and can, in small steps, and says how many', async () => {
    const domain = word()
    const ids = await seed(on.world, on.ada, 1203, { domain })
    const others = await seed(on.world, on.bob, 2, { domain })
    await does(CANCEL_MANY, { ids: ids.slice(0, 3) })
    const { position } = await on.world.client.logHead.findFirstOrThrow()
    const payload = await does(CANCEL_MANY, { filter: { domain: { eq: domain } } })
    expect(payload).toMatchObject({ count: 1200, hasMore: false, tasks: null, refused: [] })
    expect(await on.world.client.task.groupBy({ by: ['status'], where: { id: { in: ids.map(bare) } }, _count: true })).toEqual([
      { status: 'CANCELLED', _count: 1203 },
    ])
    expect(await on.world.client.task.count({ where: { id: { in: others.map(bare) }, status: 'CREATED' } })).toBe(2)
    expect(payload.eventCursor.split('.')[1]).toBe(String(position + 1200n))
  })

  it('of which the filter is empty does it to all of one’s own', async () => {
    const cid = await on.world.user('cid')
    const ids = await seed(on.world, cid, 3)
    expect(await does(DELETE_MANY, { filter: {} }, cid)).toMatchObject({ count: 3, deletedIds: null })
    expect(await on.world.client.task.count({ where: { id: { in: ids.map(bare) } } })).toBe(0)
    expect(await on.world.client.task.count({ where: { ownerId: bare(on.ada.id) } })).toBeGreaterThan(0)
  })

  it('changes those that are not so already, so that calling again finds the rest', async () => {
    const sessionKey = word()
    const ids = await seed(on.world, on.ada, 4, { sessionKey })
    await does(UPDATE_MANY, { ids: ids.slice(0, 1), domain: 'so', priority: 3 })
    await does(UPDATE_MANY, { ids: ids.slice(1, 2), domain: 'so' })
    const input = { filter: { sessionKey: { eq: sessionKey } }, domain: 'so', priority: 3 }
    expect(await does(UPDATE_MANY, input)).toMatchObject({ count: 3 })
    expect(await does(UPDATE_MANY, input)).toMatchObject({ count: 0 })
    expect(await does(UPDATE_MANY, { filter: input.filter, domain: null })).toMatchObject({ count: 4 })
    expect(await on.world.client.task.count({ where: { sessionKey, domain: null, priority: 3 } })).toBe(4)
  })

  it('retries, puts away, takes out and removes', async () => {
    const domain = word()
    const filter = { domain: { eq: domain } }
    const ids = await seed(on.world, on.ada, 5, { domain, runAt: '2100-01-01T00:00:00Z' })
    await does(CANCEL_MANY, { ids: ids.slice(0, 3) })
    const counts = []
    for (const mutation of [ARCHIVE_MANY, ARCHIVE_MANY, UNARCHIVE_MANY, UNARCHIVE_MANY, RETRY_MANY, RETRY_MANY, CANCEL_MANY, DELETE_MANY, DELETE_MANY])
      counts.push((await does(mutation, { filter })).count)
    expect(counts).toEqual([3, 0, 3, 0, 3, 0, 5, 5, 0])
  })

  it('finds by when they ended', async () => {
    const domain = word()
    await seed(on.world, on.ada, 2, { domain })
    await does(CANCEL_MANY, { filter: { domain: { eq: domain } } })
    const filter = (lt: string) => ({ domain: { eq: domain }, completedAt: { lt } })
    expect(await does(DELETE_MANY, { filter: filter('2020-01-01T00:00:00Z') })).toMatchObject({ count: 0 })
    expect(await does(DELETE_MANY, { filter: filter('2100-01-01T00:00:00Z') })).toMatchObject({ count: 2 })
  })

  it('stops at 10,000, says that there is more, and goes on when it is called again', async () => {
    const domain = word()
    await seed(on.world, on.ada, 10_001, { domain })
    const input = { filter: { domain: { eq: domain } } }
    expect(await does(DELETE_MANY, input)).toMatchObject({ count: 10_000, hasMore: true })
    expect(await does(DELETE_MANY, input)).toMatchObject({ count: 1, hasMore: false })
    expect(await does(DELETE_MANY, input)).toMatchObject({ count: 0, hasMore: false })
  }, 120_000)

  it('with the same key is done once; a call that broke off is gone on with', async () => {
    const domain = word()
    await seed(on.world, on.ada, 1100, { domain })
    const input = { filter: { domain: { eq: domain } }, domain: null, driftScore: 0.5, idempotencyKey: domain }
    const first = await does(UPDATE_MANY, input)
    expect(first).toMatchObject({ count: 1100 })
    const before = await wholeOf(on.world)
    expect(await does(UPDATE_MANY, input)).toMatchObject({ count: 1100, hasMore: false })
    expect(await wholeOf(on.world)).toEqual(before)
    // As if the server had died after the first step: what the others did was never committed.
    await on.world.client.idempotencyKey.deleteMany({ where: { key: domain, mutation: { in: ['taskUpdateMany#1', 'taskUpdateMany#2'] } } })
    const rest = await on.world.client.task.findMany({
      where: { driftScore: 0.5, domain: null, ownerId: bare(on.ada.id) },
      orderBy: [{ createdAtMs: 'asc' }, { id: 'asc' }],
    })
    await on.world.client.task.updateMany({ where: { id: { in: rest.slice(500).map(({ id }) => id) } }, data: { domain, driftScore: null } })
    expect(await does(UPDATE_MANY, input)).toMatchObject({ count: 1100 })
    expect(await on.world.client.task.count({ where: { driftScore: 0.5, domain: null } })).toBe(1100)
    expect(await on.world.client.event.count({ where: { kind: 'TASK_UPDATED', subjectId: rest[0]!.id } })).toBe(1)
  })
})

describe.each(dialects())('the queue on %s', (dialect) => {
  let on: TaskWorld
  beforeAll(async () => {
    on = await openTaskWorld(dialect)
  })
  afterAll(() => on.world.close())

  it('goes on while many are removed: a task that is made meanwhile has ended before the last of them is gone', async () => {
    const domain = newId()
    await seed(on.world, on.ada, 5000, { domain })
    const removal = on.world.does(DELETE_MANY, { input: { filter: { domain: { eq: domain } } } }, on.ada)
    const { id } = await create(on.world, on.ada)
    await completes(on, on.ada, id)
    await removal
    const at = async (where: object) => (await on.world.client.event.findFirstOrThrow({ where, orderBy: { position: 'desc' } })).position
    expect(await at({ subjectId: bare(id), kind: 'TASK_COMPLETED' })).toBeLessThan(await at({ kind: 'TASK_DELETED' }))
  }, 60_000)
})
