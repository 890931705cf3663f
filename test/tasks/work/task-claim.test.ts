import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildSchema } from '../../../src/graphql/schema.ts'
import { serve } from '../../../src/server/serve.ts'
import { readyWatch } from '../../../src/tasks/ready-watch.ts'
import { dialects } from '../../kit/databases.ts'
import { openWorld } from '../../kit/world.ts'
import { CANCEL, CREATE, kindsOf, lapse, newTaskId, openTaskWorld, read, stateOf, type TaskWorld } from '../task.ts'
import { BEAT, CLAIM, COMPLETE, claim, claimOne, keyOf, lease, REGISTER } from './work.ts'

describe.each(dialects())('taskClaim on %s', (dialect) => {
  let on: TaskWorld
  let key: string
  let adminKey: string
  let made = 0
  beforeAll(async () => {
    on = await openTaskWorld(dialect)
    key = await keyOf(on.world, on.ada)
    adminKey = await keyOf(on.world, on.admin)
  })
  afterAll(() => on.world.close())

  /** A type of its own for each test. */
  const newType = async (input: object = {}, by: string = key): Promise<string> => {
    const name = `claim.t${++made}`
    await on.world.does(REGISTER, { input: { name, ...input } }, by)
    return name
  }
  const create = async (type: string, input: object = {}, user = on.ada) => (await on.world.does(CREATE, { input: { type, ...input } }, user)).task
  const refused = (input: object, by: string | null = key) => on.world.refused(CLAIM, { input }, by)

  it('gives a waiting task under a lease, with what is to be done', async () => {
    const type = await newType()
    const { id } = await create(type, { params: { url: 'https://example.com' } })
    const [first, ...others] = await claim(on.world, key, { types: [type], worker: 'crawler 1', leaseSeconds: 60 })
    expect(others).toEqual([])
    expect(first).toEqual({
      leaseToken: expect.stringMatching(/^[\w-]{20,}$/),
      leaseExpiresAt: expect.any(String),
      task: expect.objectContaining({
        id,
        type,
        status: 'RUNNING',
        attempt: 1,
        worker: 'crawler 1',
        params: { url: 'https://example.com' },
        leaseExpiresAt: first!.leaseExpiresAt,
      }),
    })
    const row = await on.world.client.task.findUniqueOrThrow({ where: { id: id.slice(5) } })
    expect(row).toMatchObject({ workerKind: 'OUTSIDE', leaseSeconds: 60 })
    expect(Number(row.leaseExpiresAtMs) - Number(row.startedAtMs)).toBe(60_000)
    expect(await kindsOf(on.world, id)).toEqual(['CREATED', 'STARTED'])
  })

  it('gives as many as are asked for, the highest priority first, then the longest wait', async () => {
    const type = await newType()
    const [a, b, c] = [await create(type), await create(type), await create(type, { priority: 5 })]
    expect((await claim(on.world, key, { types: [type], limit: 2 })).map(({ task }) => task.id)).toEqual([c.id, a.id])
    expect((await claim(on.world, key, { types: [type], limit: 2 })).map(({ task }) => task.id)).toEqual([b.id])
    expect(await claim(on.world, key, { types: [type], limit: 2 })).toEqual([])
  })

  it('gives a key its owner’s tasks, an ADMIN’s key everybody’s', async () => {
    const type = await newType({}, adminKey)
    const [ada, bob] = [await create(type), await create(type, {}, on.bob)]
    expect((await claim(on.world, key, { types: [type], limit: 10 })).map(({ task }) => task.id)).toEqual([ada.id])
    expect((await claim(on.world, adminKey, { types: [type], limit: 10 })).map(({ task }) => task.id)).toEqual([bob.id])
    const mine = await newType()
    const { id } = await create(mine)
    expect(await claim(on.world, adminKey, { types: [mine] })).toMatchObject([{ task: { id } }])
  })

  it('keeps concurrency keys, and what waits behind one is in nobody’s way', async () => {
    const type = await newType()
    const [first] = [await create(type, { concurrencyKey: 'site' }), await create(type, { concurrencyKey: 'site' })]
    const free = await create(type)
    expect((await claim(on.world, key, { types: [type], limit: 10 })).map(({ task }) => task.id).sort()).toEqual([first.id, free.id].sort())
    expect(await claim(on.world, key, { types: [type], limit: 10 })).toEqual([])
  })

  it('keeps the rate of a type, over all who ask', async () => {
    const type = await newType({ rateLimit: 2, rateSeconds: 3600 })
    for (let i = 0; i < 4; i++) await create(type)
    const claims = await Promise.all([key, adminKey, key].map((by) => claim(on.world, by, { types: [type], limit: 4 })))
    expect(claims.flat()).toHaveLength(2)
  })

  it('keeps to the rate of the type that a task is of: one’s own has none of the ADMIN’s, whoever claims', async () => {
    const RATE = { rateLimit: 1, rateSeconds: 3600 }
    const ownersOf = async (type: string, by = adminKey) =>
      (
        await on.world.client.task.findMany({
          where: { id: { in: (await claim(on.world, by, { types: [type], limit: 20 })).map(({ task }) => task.id.slice(5)) } },
        })
      )
        .map(({ ownerId }) => `User:${ownerId}`)
        .sort()
    const bobKey = await keyOf(on.world, on.bob)
    const carl = await on.world.user('carl')

    // Ada's own has no rate, Bob's one of its own; the ADMIN's is for the ADMIN and Carl together.
    const type = await newType(RATE, adminKey)
    await on.world.does(REGISTER, { input: { name: type } }, key)
    await on.world.does(REGISTER, { input: { name: type, rateLimit: 2, rateSeconds: 3600 } }, bobKey)
    for (const user of [on.ada, on.bob, on.admin, carl]) for (let i = 0; i < 3; i++) await create(type, {}, user)
    const owners = await ownersOf(type)
    expect(owners.filter((owner) => owner === on.ada.id)).toHaveLength(3)
    expect(owners.filter((owner) => owner === on.bob.id)).toHaveLength(2)
    expect(owners.filter((owner) => owner === on.admin.id || owner === carl.id)).toHaveLength(1)
    expect(await ownersOf(type)).toEqual([])
    await create(type)
    expect(await ownersOf(type, key)).toEqual([on.ada.id])

    // And the other way round: the rate of one's own is for nobody else.
    const other = await newType({}, adminKey)
    await on.world.does(REGISTER, { input: { name: other, ...RATE } }, key)
    for (const user of [on.ada, on.bob]) for (let i = 0; i < 2; i++) await create(other, {}, user)
    expect(await ownersOf(other)).toEqual([on.ada.id, on.bob.id, on.bob.id].sort())
  })

  it('gives the tasks of built-in types to an ADMIN’s worker only', async () => {
    const quiet = await openTaskWorld(dialect, { env: { TASK_CONCURRENCY: '0' } })
    try {
      const { task } = await quiet.world.does(CREATE, { input: { type: 'test.held', params: { note: 'x' } } }, quiet.ada)
      const path = ['input', 'types', '0']
      expect(await quiet.world.refused(CLAIM, { input: { types: ['test.held'] } }, quiet.ada)).toMatchObject([{ code: 'TASK_TYPE_BUILT_IN', path }])
      expect(await claim(quiet.world, quiet.admin, { types: ['test.held'] })).toMatchObject([{ task: { id: task.id, params: { note: 'x' } } }])
    } finally {
      await quiet.world.close()
    }
  })

  it('of many who ask at once gives each task to one', async () => {
    const type = await newType()
    const ids = await Promise.all(Array.from({ length: 40 }, async () => (await create(type)).id))
    const claims = (await Promise.all(Array.from({ length: 20 }, (_, i) => claim(on.world, i % 2 ? key : on.ada, { types: [type], limit: 3 })))).flat()
    for (let more = await claim(on.world, key, { types: [type], limit: 100 }); more.length; more = await claim(on.world, key, { types: [type], limit: 100 }))
      claims.push(...more)
    expect(claims.map(({ task }) => task.id).sort()).toEqual(ids.sort())
  })

  it.each([
    ['no types', { types: [] }, 'BAD_USER_INPUT', ['types']],
    ['a type that nobody registered', { types: ['nobody.knows'] }, 'UNKNOWN_TASK_TYPE', ['types', '0']],
    ['too many types', { types: Array.from({ length: 101 }, (_, i) => `t${i}`) }, 'BAD_USER_INPUT', ['types']],
    ['a limit of 0', { types: ['x'], limit: 0 }, 'BAD_USER_INPUT', ['limit']],
    ['a limit of 101', { types: ['x'], limit: 101 }, 'BAD_USER_INPUT', ['limit']],
    ['a lease of 4 s', { types: ['x'], leaseSeconds: 4 }, 'BAD_USER_INPUT', ['leaseSeconds']],
    ['a lease of more than an hour', { types: ['x'], leaseSeconds: 3601 }, 'BAD_USER_INPUT', ['leaseSeconds']],
    ['a wait of 31 s', { types: ['x'], waitSeconds: 31 }, 'BAD_USER_INPUT', ['waitSeconds']],
    ['a blank name', { types: ['x'], worker: ' ' }, 'BAD_USER_INPUT', ['worker']],
  ])('refuses %s', async (_what, input, code, path) => {
    const before = await stateOf(on.world)
    expect(await refused(input)).toMatchObject([{ code, path: ['input', ...path] }])
    expect(await stateOf(on.world)).toEqual(before)
  })

  it('tells every type that it does not know, and nothing of those of others', async () => {
    const theirs = await newType({}, await keyOf(on.world, on.bob))
    const mine = await newType()
    expect(await refused({ types: [theirs, mine, 'test.held', 'nobody.knows'] })).toMatchObject([
      { code: 'UNKNOWN_TASK_TYPE', path: ['input', 'types', '0'] },
      { code: 'TASK_TYPE_BUILT_IN', path: ['input', 'types', '2'] },
      { code: 'UNKNOWN_TASK_TYPE', path: ['input', 'types', '3'] },
    ])
  })

  it('needs the scope TASKS_WORK', async () => {
    const reader = await keyOf(on.world, on.ada, ['TASKS_READ', 'TASKS_WRITE'])
    expect((await on.world.ask(CLAIM, { input: { types: ['x'] } }, reader)).errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }])
  })

  describe('with an idempotency key', () => {
    it('sent again because its answer was lost gives the same tasks and tokens, for as long as they are held', async () => {
      const type = await newType()
      const ids = [(await create(type)).id, (await create(type)).id, (await create(type)).id]
      const input = { types: [type], limit: 2, idempotencyKey: `lost ${type}` }
      const first = await claim(on.world, key, input)
      expect(first.map(({ task }) => task.id)).toEqual(ids.slice(0, 2))
      expect(await claim(on.world, key, input)).toEqual(first)
      await on.world.does(COMPLETE, { input: lease(first[0]!) }, key)
      expect(await claim(on.world, key, input)).toEqual(first.slice(1))
      await lapse(on.world, ids[1]!)
      await on.world.app.runner.sweep()
      expect(await claim(on.world, key, input)).toEqual([])
      expect(await read(on.world, on.ada, ids[2]!)).toMatchObject({ status: 'QUEUED', attempt: 0 })
      expect(await refused({ ...input, limit: 3 })).toMatchObject([{ code: 'IDEMPOTENCY_MISMATCH', path: ['input', 'idempotencyKey'] }])
    })

    it('sent again after what it took was lost does not wait: nothing comes under this key any more, and a new claim gets what is there', async () => {
      const type = await newType()
      const { id } = await create(type)
      const input = { types: [type], idempotencyKey: `used up ${type}`, waitSeconds: 30 }
      expect(await claim(on.world, key, input)).toMatchObject([{ task: { id } }])
      await lapse(on.world, id)
      await on.world.app.runner.sweep()
      expect(await claim(on.world, key, input)).toEqual([])
      expect(readyWatch(on.world.app.store).size).toBe(0)
      expect(await claim(on.world, key, { types: [type] })).toMatchObject([{ task: { id, attempt: 2 } }])
    })

    it('that found nothing may find something when it is sent again', async () => {
      const type = await newType()
      const input = { types: [type], idempotencyKey: `nothing ${type}` }
      expect(await claim(on.world, key, input)).toEqual([])
      const answer = claim(on.world, key, { ...input, waitSeconds: 20 })
      const { id } = await create(type)
      expect(await answer).toMatchObject([{ task: { id } }])
    })

    it('by several at once is one claim', async () => {
      const type = await newType()
      for (let i = 0; i < 4; i++) await create(type)
      const answers = await Promise.all(Array.from({ length: 4 }, () => claim(on.world, key, { types: [type], idempotencyKey: `twins ${type}` })))
      expect(answers[0]).toHaveLength(1)
      for (const answer of answers) expect(answer).toEqual(answers[0])
    })
  })

  it('gives a task again whose lease ran out, and the former holder is refused', async () => {
    const type = await newType()
    const { id } = await create(type)
    const first = await claimOne(on.world, key, type)
    await lapse(on.world, id)
    await on.world.app.runner.sweep()
    const second = await claimOne(on.world, key, type)
    expect(second.task).toMatchObject({ id, attempt: 2 })
    expect(second.leaseToken).not.toBe(first.leaseToken)
    for (const mutation of [BEAT, COMPLETE])
      expect(await on.world.refused(mutation, { input: lease(first) }, key)).toMatchObject([{ code: 'TASK_NOT_LEASED', path: ['input', 'leaseToken'] }])
    await on.world.does(COMPLETE, { input: { ...lease(second), result: 2 } }, key)
    expect(await read(on.world, on.ada, id)).toMatchObject({ status: 'COMPLETED', result: 2, attempt: 2 })
  })

  describe('that waits', () => {
    /** Resolves once so many stand in line. */
    const inLine = (count: number) => expect.poll(() => readyWatch(on.world.app.store).size, { interval: 5 }).toBe(count)
    const waiting = (type: string, input: object = {}, by: string = key) => claim(on.world, by, { types: [type], waitSeconds: 30, ...input })

    it('is answered as soon as there is work, and leaves nothing behind', async () => {
      const type = await newType()
      const answer = waiting(type)
      await inLine(1)
      const { id } = await create(type)
      expect(await answer).toMatchObject([{ task: { id } }])
      await inLine(0)
    })

    it('is answered with nothing when its time is over', async () => {
      expect(await waiting(await newType(), { waitSeconds: 1 })).toEqual([])
      await inLine(0)
    })

    it('is woken by what was due later, by what was given back, and by what is retried', async () => {
      const type = await newType()
      const { id } = await create(type, { runAt: new Date(Date.now() + 700).toISOString() })
      expect(await waiting(type)).toMatchObject([{ task: { id } }])
      await lapse(on.world, id)
      const answer = waiting(type)
      await inLine(1)
      await on.world.app.runner.sweep()
      expect(await answer).toMatchObject([{ task: { id, attempt: 2 } }])
    })

    it('many of them share what comes: each task goes to one, and as many are answered', async () => {
      const type = await newType()
      const answers = Array.from({ length: 12 }, () => waiting(type, { waitSeconds: 20 }))
      await inLine(12)
      const ids = await Promise.all(Array.from({ length: 12 }, async () => (await create(type)).id))
      expect((await Promise.all(answers)).map(([only, ...more]) => [only!.task.id, more.length]).sort()).toEqual(ids.map((id) => [id, 0]).sort())
      await inLine(0)
    })

    it('is not held up by a task that only others may have', async () => {
      const type = await newType({}, adminKey)
      const answer = waiting(type)
      await inLine(1)
      await create(type, {}, on.bob)
      const { id } = await create(type)
      expect(await answer).toMatchObject([{ task: { id } }])
    })

    it('leaves the line when its client leaves, and takes nothing with it', async () => {
      const type = await newType()
      const leaving = new AbortController()
      const left = on.world
        .fetch({ query: CLAIM, variables: { input: { types: [type], waitSeconds: 30 } } }, key, {}, leaving.signal)
        .catch((error: Error) => error.name)
      await inLine(1)
      leaving.abort()
      expect(await left).toBe('AbortError')
      await inLine(0)
      const { id } = await create(type)
      expect(await read(on.world, on.ada, id)).toMatchObject({ status: 'QUEUED', attempt: 0 })
    })

    it('ends when its key is revoked, and takes nothing with it', async () => {
      const type = await newType()
      const { apiKey, secret } = await on.world.does(
        'mutation ($input: ApiKeyCreateInput!) { apiKeyCreate(input: $input) { apiKey { id } secret userErrors { code message } } }',
        { input: { name: 'short', scopes: ['TASKS_WORK'] } },
        on.ada,
      )
      const answer = on.world.ask(CLAIM, { input: { types: [type], waitSeconds: 30 } }, secret)
      await inLine(1)
      await on.world.does(
        'mutation ($input: ApiKeyRevokeInput!) { apiKeyRevoke(input: $input) { userErrors { code message } } }',
        { input: { id: apiKey.id } },
        on.ada,
      )
      expect((await answer).errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }])
      const { id } = await create(type)
      expect(await read(on.world, on.ada, id)).toMatchObject({ status: 'QUEUED', attempt: 0 })
    })

    it('is answered with nothing when the server stops, and does not hold it up', async () => {
      const stopping = await openWorld(dialect, { env: { PORT: '0' } })
      const server = await serve(stopping.app, buildSchema())
      const user = await stopping.user()
      await stopping.does(REGISTER, { input: { name: 'waiting' } }, user)
      const watch = readyWatch(stopping.app.store)
      const input = { types: ['waiting'], waitSeconds: 30 }
      const answer = fetch(`${server.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${user.accessToken}` },
        body: JSON.stringify({ query: CLAIM, variables: { input } }),
      }).then((response) => response.json())
      await expect.poll(() => watch.size, { interval: 5 }).toBe(1)
      await server.close()
      expect(await answer).toEqual({ data: { taskClaim: { claims: [], userErrors: [] } } })
      expect(await claim(stopping, user, input)).toEqual([])
      expect(watch.size).toBe(0)
      await stopping.close()
    })

    it('of a task cancelled while it waited gets nothing', async () => {
      const type = await newType()
      const { id } = await create(type, { runAt: '2100-01-01T00:00:00Z' })
      const answer = waiting(type, { waitSeconds: 1 })
      await inLine(1)
      await on.world.does(CANCEL, { input: { id } }, on.ada)
      expect(await answer).toEqual([])
    })
  })

  describe('taskAvailable', () => {
    const AVAILABLE = 'subscription ($types: [String!]!) { taskAvailable(types: $types) { count } }'

    it('says at once how much waits, and then whenever there may be more', async () => {
      const type = await newType()
      const live = await on.world.follow(AVAILABLE, { types: [type] }, key)
      expect(await live.take()).toEqual({ count: 0 })
      await create(type)
      expect(await live.take()).toEqual({ count: 1 })
      await claimOne(on.world, key, type)
      await create(type)
      expect(await live.take()).toEqual({ count: 1 })
      await live.stop()
      await expect.poll(() => readyWatch(on.world.app.store).size, { interval: 5 }).toBe(0)
    })

    it('says nothing of what is not one’s own', async () => {
      const type = await newType({}, adminKey)
      await create(type, {}, on.bob)
      const [mine, all] = [await on.world.follow(AVAILABLE, { types: [type] }, key), await on.world.follow(AVAILABLE, { types: [type] }, adminKey)]
      expect([await mine.take(), await all.take()]).toEqual([{ count: 0 }, { count: 1 }])
      await Promise.all([mine.stop(), all.stop()])
    })

    it('is refused for types that are not known, and without the scope', async () => {
      const errorOf = async (types: string[], by: string) =>
        (await (await on.world.follow(AVAILABLE, { types }, by)).next()).value?.errors?.[0]?.extensions.code
      expect(await errorOf(['nobody.knows'], key)).toBe('BAD_USER_INPUT')
      expect(await errorOf([], key)).toBe('BAD_USER_INPUT')
      expect(await errorOf(['x'], await keyOf(on.world, on.ada, ['TASKS_READ']))).toBe('FORBIDDEN')
    })
  })

  it('for a task that does not exist any more is refused', async () => {
    expect(await on.world.refused(BEAT, { input: { id: newTaskId(), leaseToken: 'x' } }, key)).toMatchObject([{ code: 'NOT_FOUND', path: ['input', 'id'] }])
  })
})
