import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Actor } from '../../src/core/actor.ts'
import { stranger } from '../../src/core/actor.ts'
import { newId } from '../../src/core/ids.ts'
import { ApiCallCounter } from '../../src/figures/api-calls.ts'
import { dialects } from '../kit/databases.ts'
import { openWorld, type TestUser, type World } from '../kit/world.ts'

const CALLS = `query Look($from: DateTime!, $bucket: AnalyticsBucket!, $ownerId: ID, $groupBy: [ApiCallGroup!], $first: Int) {
  analytics(bucket: $bucket, from: $from, ownerId: $ownerId) {
    apiCalls(groupBy: $groupBy, first: $first) { from operation caller { id } apiKey { name } calls failed meanMs medianMs p95Ms } } }`

// biome-ignore lint/suspicious/noExplicitAny: a test says itself what it expects of an answer
type Data = any

describe.each(dialects())('calls of the API on %s', (dialect) => {
  let world: World
  let admin: TestUser
  let ada: TestUser
  let bob: TestUser
  beforeAll(async () => {
    world = await openWorld(dialect, { env: { TASK_CONCURRENCY: '0' } })
    ;[admin, ada, bob] = [await world.user('admin'), await world.user('ada'), await world.user('bob')]
  })
  afterAll(() => world.close())

  const from = new Date(Date.now() - 3_600_000).toISOString()
  const told = async (user: TestUser, variables: object = {}): Promise<Data[]> => {
    const answer = await world.ask(CALLS, { from, bucket: 'HOUR', groupBy: ['OPERATION'], ...variables }, user)
    expect(answer.errors).toBeUndefined()
    return answer.data.analytics.apiCalls
  }
  /** All buckets together, by operation. */
  const byOperation = (groups: Data[]) => {
    const sums: Record<string, [number, number]> = {}
    for (const { operation, calls, failed } of groups) {
      const [before, failures] = sums[operation] ?? [0, 0]
      sums[operation] = [before + calls, failures + failed]
    }
    return sums
  }
  const known = (userId: string): Actor => ({ kind: 'session', sessionId: 's', expiresAtMs: Number.MAX_SAFE_INTEGER, userId, role: 'USER' })

  it('are counted to the last one, for whoever made them: how often, how they went, how long they took', async () => {
    for (let i = 0; i < 3; i++) await world.ask('query Me { viewer { id } }', {}, ada)
    await world.ask('{ viewer { id } }', {}, ada)
    await world.ask('query Wrong { users { nodes { id } } }', {}, ada)
    const groups = await told(ada, { bucket: 'DAY' })
    expect(byOperation(groups)).toMatchObject({ Me: [3, 0], viewer: [1, 0], Wrong: [1, 1] })
    const me = groups.find(({ operation }) => operation === 'Me')
    expect(me.medianMs).toBeGreaterThan(0)
    expect(me.p95Ms).toBeGreaterThanOrEqual(me.medianMs)
    expect(me.caller).toBeNull()
  })

  it('are told to their caller and to ADMINs, and to nobody else', async () => {
    await world.ask('query Mine { viewer { id } }', {}, bob)
    expect(byOperation(await told(ada))).not.toHaveProperty('Mine')
    expect(await told(ada, { ownerId: bob.id })).toEqual([])
    expect(byOperation(await told(admin, { ownerId: bob.id }))).toMatchObject({ Mine: [1, 0] })
    expect(byOperation(await told(admin, { first: 100 }))).toMatchObject({ Mine: [1, 0] })
    const callers = await told(admin, { groupBy: ['CALLER'], first: 100 })
    expect(callers.map(({ caller }) => caller?.id)).toEqual(expect.arrayContaining([ada.id, bob.id, admin.id]))
  })

  it('are told apart by the key that they came with', async () => {
    const input = { name: 'a robot', scopes: ['ACCOUNT_READ'] }
    const { secret } = await world.does(
      'mutation ($input: ApiKeyCreateInput!) { apiKeyCreate(input: $input) { secret userErrors { code message } } }',
      { input },
      bob,
    )
    await world.ask('query Robot { viewer { id } }', {}, secret)
    const groups = await told(bob, { groupBy: ['OPERATION', 'CALLER'] })
    const { apiKey, caller, calls } = groups.find(({ operation }) => operation === 'Robot')
    expect([apiKey, caller, calls]).toEqual([{ name: 'a robot' }, { id: bob.id }, 1])
    expect((await world.ask(CALLS, { from, bucket: 'HOUR' }, secret)).errors?.[0]?.extensions.code).toBe('FORBIDDEN')
  })

  it('of a caller have no more names than fifty a day, and of strangers those of fields', async () => {
    const cy = await world.user('cy')
    for (let i = 0; i < 60; i++) await world.ask(`query Name${i} { __typename }`, {}, cy)
    await world.ask('query Secret { __typename }')
    const sums = byOperation(await told(cy, { first: 100 }))
    // One of the fifty is `Look` itself from now on, or not.
    expect(Object.keys(sums).filter((name) => name.startsWith('Name'))).toHaveLength(50)
    expect(sums.other![0]).toBe(10)
    expect(byOperation(await told(admin, { first: 100 }))).not.toHaveProperty('Secret')
  })

  it('are exact sums, though several servers add to them at once', async () => {
    const { store } = world.app
    const warn = (error: unknown) => {
      throw error
    }
    const [dan, eve] = [newId(), newId()]
    const servers = [1, 2, 3].map(() => new ApiCallCounter(store, warn))
    await Promise.all(
      servers.map(async (counter) => {
        for (let round = 0; round < 5; round++) {
          for (const actor of [known(dan), known(eve), stranger])
            for (let i = 0; i < 4; i++) counter.count(actor, { operation: `raced ${i}`, durationMs: i + 1, isFailed: i === 0 })
          await counter.fold()
        }
        await counter.stop()
      }),
    )
    const rows = await world.client.apiCallSum.findMany({ where: { operation: { startsWith: 'raced' }, ownerId: { in: [dan, eve, '', '*'] } } })
    const sum = (ownerId: string, hours: number) =>
      rows.filter((row) => row.ownerId === ownerId && row.hours === hours).reduce((total, { calls }) => total + calls, 0)
    expect([dan, eve, '', '*'].map((ownerId) => [sum(ownerId, 1), sum(ownerId, 24)])).toEqual([
      [60, 60],
      [60, 60],
      [60, 60],
      [180, 180],
    ])
    expect(rows.find((row) => row.ownerId === dan && row.operation === 'raced 1' && row.hours === 24)).toMatchObject({
      calls: 15,
      failed: 0,
      durationCounts: { 2000: [15, 30_000] },
    })
  })

  it('are written when the server stops, and counted again where they could not be', async () => {
    const { store } = world.app
    const problems: unknown[] = []
    const broken = { ...store, database: { ...store.database, begin: () => Promise.reject(new Error('away')) }, group: null }
    const counter = new ApiCallCounter(broken as never, (error) => problems.push(error))
    const frank = newId()
    counter.count(known(frank), { operation: 'kept', durationMs: 1, isFailed: false })
    await counter.fold()
    expect(problems).toHaveLength(1)
    Object.assign(broken, { database: store.database, group: store.group })
    counter.count(known(frank), { operation: 'kept', durationMs: 1, isFailed: false })
    await counter.stop()
    expect(await world.client.apiCallSum.findMany({ where: { ownerId: frank, hours: 1 } })).toMatchObject([{ operation: 'kept', calls: 2 }])
  })

  it('refuse to be told in too many groups', async () => {
    for (const first of [0, 101]) expect((await world.ask(CALLS, { from, bucket: 'HOUR', first }, ada)).errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT')
  })
})
