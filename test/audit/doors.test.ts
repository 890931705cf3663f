import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { server } from '../../src/core/actor.ts'
import { newId } from '../../src/core/ids.ts'
import { transact } from '../../src/events/transact.ts'
import { buildSchema } from '../../src/graphql/schema.ts'
import { serve } from '../../src/server/serve.ts'
import { dialects } from '../kit/databases.ts'
import { openWorld, type TestUser, type World } from '../kit/world.ts'
import { RawSocket } from '../server/raw-socket.ts'
import { entriesOf, taskCreate } from './audit.ts'

describe.each(dialects())('the doors of the trail on %s', (dialect) => {
  let world: World
  let serving: Awaited<ReturnType<typeof serve>>
  let admin: TestUser
  let ada: TestUser
  let bob: TestUser
  beforeAll(async () => {
    world = await openWorld(dialect, { env: { TASK_CONCURRENCY: '0', PORT: '0' } })
    serving = await serve(world.app, buildSchema())
    admin = await world.user('admin')
    ada = await world.user('ada')
    bob = await world.user('bob')
  })
  afterAll(async () => {
    await serving.close()
    await world.close()
  })

  const get = (query: string, user: TestUser | string | null, headers: object = {}) => {
    const token = typeof user === 'string' ? user : user?.accessToken
    return fetch(`${serving.url}/audit/export${query}`, { headers: { ...(token && { authorization: `Bearer ${token}` }), ...headers } })
  }
  const lines = async (query: string, user: TestUser) =>
    (await (await get(query, user)).text())
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line))

  describe('export', () => {
    it('gives everything to ADMINs, and to others what they did, as JSONL', async () => {
      await taskCreate(world, ada)
      const response = await get('', admin)
      expect(response.headers.get('content-type')).toBe('application/jsonl; charset=utf-8')
      const all = (await response.text())
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line))
      expect(all.map(({ position }) => position)).toEqual(all.map((_, i) => i + 1))
      const mine = await lines('?format=jsonl', ada)
      expect(mine.length).toBeGreaterThan(0)
      expect(mine.every(({ userId }) => userId === ada.id)).toBe(true)
      expect(mine.find(({ operation }) => operation === 'taskCreate')).toMatchObject({
        kind: 'MUTATION',
        operationName: 'Make',
        subjectId: expect.stringMatching(/^Task:/),
        succeeded: true,
      })
      expect((await lines(`?after=${all.at(-2).position}`, admin))[0]).toEqual(all.at(-1))
    })

    it('goes over many pages, and only between the times that were asked for', async () => {
      await transact(world.app.store, server, async (work) => {
        for (let i = 0; i < 1234; i++) work.entries.push({ id: newId(), kind: 'TOOL_CALL', operation: `tool.${i}`, userId: bob.id.slice(5), durationMs: i })
      })
      const tools = (await lines('', bob)).filter(({ kind }) => kind === 'TOOL_CALL')
      expect(tools.map(({ operation }) => operation)).toEqual(Array.from({ length: 1234 }, (_, i) => `tool.${i}`))
      const { occurredAt } = tools[0]
      expect((await lines(`?from=${occurredAt}`, bob)).filter(({ kind }) => kind === 'TOOL_CALL')).toHaveLength(1234)
      expect((await lines(`?before=${occurredAt}`, bob)).filter(({ kind }) => kind === 'TOOL_CALL')).toHaveLength(0)
    })

    it('is CSV that no spreadsheet takes for formulas', async () => {
      await world.ask('{ users { nodes { id } } }', {}, ada, { 'user-agent': '=HYPERLINK("http://bad.example","x"), \t+1' })
      await world.app.audit.flush()
      const response = await get('?format=csv&refused=1', ada)
      expect(response.headers.get('content-type')).toBe('text/csv; charset=utf-8; header=present')
      expect(response.headers.get('content-disposition')).toContain('audit.csv')
      const [head, line, ...more] = (await response.text()).split('\r\n')
      expect(head).toBe(
        '"id","position","occurredAt","kind","operation","operationName","userId","sessionId","apiKeyId","subjectId","succeeded","code","durationMs","requestId","count","address","userAgent","email"',
      )
      expect(line).toContain(`,"QUERY","users",,"${ada.id}",`)
      expect(line).toContain(',false,"FORBIDDEN",')
      expect(line!.endsWith(`"'=HYPERLINK(""http://bad.example"",""x""), \t+1",`)).toBe(true)
      expect(more).toEqual([''])
    })

    it('is refused without a right, and with what makes no sense', async () => {
      const key = await world.does('mutation { apiKeyCreate(input: { name: "x", scopes: [TASKS_READ] }) { secret userErrors { code message } } }', {}, ada)
      const refusals = [
        [await get('', null), 401, 'UNAUTHENTICATED'],
        [await get('', 'nonsense'), 401, 'UNAUTHENTICATED'],
        [await get('', key.secret), 403, 'FORBIDDEN'],
        [await get('?format=xml', ada), 400, 'BAD_USER_INPUT'],
        [await get('?after=-1', ada), 400, 'BAD_USER_INPUT'],
        [await get('?from=yesterday', ada), 400, 'BAD_USER_INPUT'],
        [await get('?what=1', ada), 400, 'BAD_USER_INPUT'],
      ] as const
      for (const [response, status, code] of refusals) {
        expect(response.status).toBe(status)
        expect(((await response.json()) as { errors: { extensions: { code: string } }[] }).errors[0]!.extensions.code).toBe(code)
      }
      expect((await fetch(`${serving.url}/audit/export`, { method: 'POST' })).status).toBe(405)
      const told = await entriesOf(world, admin, { operation: { eq: 'GET /audit/export' }, code: { isNull: false } })
      expect(told.map(({ code, apiKeyId }) => [code, apiKeyId !== null])).toEqual([
        ['UNAUTHENTICATED', false],
        ['UNAUTHENTICATED', false],
        ['FORBIDDEN', true],
      ])
    })

    it('stands in the trail itself', async () => {
      const before = (await entriesOf(world, admin, { operation: { eq: 'GET /audit/export' }, userId: { eq: bob.id } })).length
      await (await get('', bob)).text()
      expect(await entriesOf(world, admin, { operation: { eq: 'GET /audit/export' }, userId: { eq: bob.id } })).toHaveLength(before + 1)
    })
  })

  describe('the live trail', () => {
    const ADDED =
      'subscription ($after: SafeInt, $filter: AuditEntryFilter) { auditEntryAdded(after: $after, filter: $filter) { position entry { operation code user { id } } } }'

    it('tells an ADMIN of every entry, none missing, none twice, also where it goes on', async () => {
      const start = (await entriesOf(world, admin)).at(-1)!.position
      const follower = await world.follow(ADDED, { after: start }, admin)
      await Promise.all(Array.from({ length: 10 }, (_, i) => taskCreate(world, i % 2 ? ada : bob)))
      await world.ask('{ users { nodes { id } } }', {}, ada)
      const seen = await follower.until(({ entry }) => entry.code === 'FORBIDDEN')
      expect(seen.map(({ position }) => position)).toEqual(seen.map((_, i) => start + 1 + i))
      expect(seen).toHaveLength(11)
      await follower.stop()
      const again = await world.follow(ADDED, {}, admin, { 'last-event-id': String(start + 5) })
      const { id } = (await again.next()).value!
      expect(id).toBe(String(start + 6))
      await again.stop()
    })

    it('is filtered', async () => {
      const follower = await world.follow(ADDED, { filter: { userId: { eq: bob.id }, code: { isNull: true } } }, admin)
      await taskCreate(world, ada)
      await taskCreate(world, bob)
      expect(await follower.take()).toMatchObject({ entry: { operation: 'taskCreate', user: { id: bob.id } } })
      await follower.stop()
    })

    it('is for ADMINs, and knows where it cannot go on', async () => {
      const refused = async (variables: object, user: TestUser | null) =>
        (await (await world.follow(ADDED, variables as Record<string, unknown>, user)).next()).value!.errors![0]!.extensions.code
      expect(await refused({}, ada)).toBe('FORBIDDEN')
      expect(await refused({}, null)).toBe('UNAUTHENTICATED')
      expect(await refused({ after: 1_000_000 }, admin)).toBe('CURSOR_EXPIRED')
      const told = await entriesOf(world, admin, { kind: { eq: 'SUBSCRIPTION' } })
      expect(told.map(({ operation, code }) => [operation, code])).toEqual([
        ['auditEntryAdded', 'FORBIDDEN'],
        ['auditEntryAdded', 'UNAUTHENTICATED'],
      ])
    })
  })

  it('a socket with a token that is none stands in the trail', async () => {
    const socket = await RawSocket.open(serving.url, { init: null })
    socket.send({ type: 'connection_init', payload: { authorization: 'Bearer nonsense' } })
    await socket.closed
    const told = await entriesOf(world, admin, { operation: { eq: 'WebSocket /graphql' } })
    expect(told.map(({ kind, code }) => [kind, code])).toEqual([['REQUEST', 'UNAUTHENTICATED']])
  })
})

describe.each(dialects())('a flood of refusals on %s', (dialect) => {
  it('takes a bounded place in the trail, which tells how many there were', async () => {
    const world = await openWorld(dialect, { env: { TASK_CONCURRENCY: '0', TRUST_PROXY: '1', RATE_LIMITS: 'on', RATE_LIMIT_REQUESTS_PER_SECOND: '1000000' } })
    const admin = await world.user('admin')
    const ada = await world.user('ada')
    const ask = (address: string, user: TestUser | null) => world.ask('{ users { nodes { id } } }', {}, user, { 'x-forwarded-for': address })
    // One of them, with the addresses of one IPv6 network, and many who come once or twice.
    for (let i = 0; i < 100; i++) await ask('192.0.2.1', null)
    for (let i = 0; i < 100; i++) await ask(`2001:db8:0:1::${i.toString(16)}`, null)
    for (let i = 0; i < 200; i++) await ask(`198.51.100.${i % 100}`, null)
    for (let i = 0; i < 70; i++) await ask('203.0.113.1', ada)
    await world.app.audit.flush({ all: true })
    const strangers = (await entriesOf(world, admin, { code: { eq: 'UNAUTHENTICATED' } })).length
    const users = (await entriesOf(world, admin, { code: { eq: 'FORBIDDEN' } })).length
    const dropped = await entriesOf(world, admin, { kind: { eq: 'REFUSALS_DROPPED' } })
    // A minute may have turned meanwhile: then it is twice as many.
    expect(strangers).toBeGreaterThanOrEqual(120)
    expect(strangers).toBeLessThanOrEqual(240)
    expect(users).toBeLessThanOrEqual(60)
    const countOf = (entries: { count: number | null }[]) => entries.reduce((sum, { count }) => sum + count!, 0)
    const ofAda = dropped.filter(({ userId }) => userId === ada.id)
    expect(countOf(ofAda) + users).toBe(70)
    expect(countOf(dropped) - countOf(ofAda) + strangers).toBe(400)
    expect(dropped.map(({ address }) => address)).toEqual(expect.arrayContaining(['192.0.2.1', '2001:db8:0:1']))
    // At most 100 are named, and all others are one.
    expect(dropped.length).toBeLessThanOrEqual(102)
    expect(dropped.every(({ code, succeeded }) => code === 'RATE_LIMITED' && !succeeded)).toBe(true)
    await world.close()
  })
})
