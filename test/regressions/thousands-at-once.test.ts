import { setImmediate as turn } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { server } from '../../src/core/actor.ts'
import { newId } from '../../src/core/ids.ts'
import { readEvents, readHead } from '../../src/events/log.ts'
import { transact } from '../../src/events/transact.ts'
import { streamsRescue } from '../../src/streams/streams-end.ts'
import { dialects } from '../kit/databases.ts'
import { openWorld, type TestUser, type World } from '../kit/world.ts'

/** More than a statement of SQLite has room for, at seven values an event. */
const MANY = 5000

describe.each(dialects())('thousands of changes at once, on %s', (dialect) => {
  let world: World
  let ada: TestUser
  const position = async () => (await readHead(world.app.store.database)).position
  const streams = async (of: object) => {
    const row = { ownerId: ada.id.slice('User:'.length), producer: 'OUTSIDE' as const, status: 'STREAMING' as const, createdAtMs: 1n, ...of }
    await world.client.stream.createMany({ data: Array.from({ length: MANY }, () => ({ id: newId(), ...row })) })
  }
  beforeAll(async () => {
    world = await openWorld(dialect, { env: { TASK_CONCURRENCY: '0' } })
    ada = await world.user('ada')
  })
  afterAll(() => world.close())

  it('one transaction writes them all, in order and without a hole', async () => {
    const { store } = world.app
    const before = await position()
    await transact(store, server, async (work) => {
      for (let i = 0; i < MANY; i++) work.events.push({ kind: 'SAID', subjectType: 'Test', subjectId: 'many', ownerId: i % 2 ? 'ann' : null, data: { i } })
    })
    const events = (await readEvents(store.database, before, { kinds: ['SAID'] }, 2 * MANY)).filter((event) => event.subjectId === 'many')
    expect(events.map((event) => [event.position - before, event.data.i, event.ownerId])).toEqual(
      Array.from({ length: MANY }, (_, i) => [events[0]!.position - before + i, i, i % 2 ? 'ann' : null]),
    )
  })

  it('a task is removed with all its streams', async () => {
    const { task } = await world.does(
      'mutation { taskCreate(input: { type: "text.generate", params: { prompt: "x" }, runImmediately: false }) { task { id } userErrors { code message } } }',
      {},
      ada,
    )
    await streams({ taskId: task.id.slice('Task:'.length) })
    await world.does('mutation ($id: ID!) { taskDelete(input: { id: $id }) { deletedId userErrors { code message } } }', { id: task.id }, ada)
    expect(await world.client.stream.count()).toBe(0)
  })

  it('producers that all fell silent lose their streams, step by step', async () => {
    await streams({ leaseExpiresAtMs: 1n })
    const { store } = world.app
    // What the server's own sweep is just at is passed over.
    while (await world.client.stream.count({ where: { status: 'STREAMING' } })) {
      expect((await transact(store, server, streamsRescue)).result.length).toBeLessThan(MANY)
      await turn()
    }
    expect(await world.client.stream.groupBy({ by: ['status'], _count: { _all: true } })).toEqual([{ status: 'INTERRUPTED', _count: { _all: MANY } }])
  })
})
