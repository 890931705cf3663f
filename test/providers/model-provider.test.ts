import { inspect } from 'node:util'
import type { LLMock } from '@copilotkit/aimock'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Prisma } from '../../src/generated/sqlite/client.ts'
import { dialects, hasPostgres } from '../kit/databases.ts'
import { type TestUser, World } from '../kit/world.ts'
import { ask, textOf } from './kit.ts'
import { CREATE, create, DELETE, eventsOf, KEY, MODEL_UPDATE, newProviderId, openMock, READ, read, UPDATE } from './model-provider.ts'

let raw: Awaited<ReturnType<typeof openMock>>
let mock: LLMock
let url: string
beforeAll(async () => {
  raw = await openMock()
  ;({ mock, url } = raw)
})
beforeEach(() => mock.reset())
afterAll(() => mock.stop())

describe.each(dialects())('a model provider on %s', (dialect) => {
  let world: World
  let admin: TestUser
  let user: TestUser
  beforeAll(async () => {
    world = await World.open(dialect, { env: { TASK_CONCURRENCY: '0' } })
    admin = await world.user('admin')
    user = await world.user('user')
  })
  afterAll(() => world.close())

  test('is set up by an ADMIN, and its key is shown to nobody', async () => {
    const id = newProviderId()
    const made = await create(world, admin, {
      id,
      name: 'acme',
      baseUrl: `${url}/v1/`,
      defaultModel: 'm1',
      maxConcurrency: 3,
      requestsPerMinute: 60,
      timeoutSeconds: 30,
    })
    expect(made).toMatchObject({
      id,
      name: 'acme',
      kind: 'OPENAI_COMPATIBLE',
      source: 'API',
      baseUrl: `${url}/v1`,
      apiKeyHint: 'cdef',
      enabled: true,
      priority: 0,
      defaultModel: 'm1',
      maxConcurrency: 3,
      requestsPerMinute: 60,
      timeoutSeconds: 30,
      syncEveryMinutes: null,
      status: 'UNKNOWN',
      error: null,
      models: { nodes: [{ name: 'm1', fullName: 'acme/m1', contextLength: null, capabilities: [], isListed: true }] },
    })
    const told = (await eventsOf(world)).filter(({ kind }) => kind.startsWith('MODEL_'))
    expect(told.map(({ kind }) => kind)).toEqual(['MODEL_PROVIDER_CREATED', 'MODEL_CREATED'])
    const [row] = await world.app.store.database.rows<{ apiKeySealed: Uint8Array }>(
      Prisma.sql`SELECT "apiKeySealed" FROM "ModelProvider" WHERE "name" = 'acme'`,
    )
    expect(Buffer.from(row!.apiKeySealed).includes(KEY)).toBe(false)
    const keys = await world.client.idempotencyKey.findMany()
    expect(inspect([made, told, keys], { depth: 9 })).not.toContain(KEY)
  })

  test('is seen by every user, but not where it is, how its key ends, or what it said', async () => {
    const { id } = await create(world, admin, { baseUrl: `${url}/v1` })
    await world.client.modelProvider.update({ where: { id: id.split(':')[1]! }, data: { status: 'DOWN', error: 'Its words.' } })
    expect(await read(world, user, id)).toMatchObject({ status: 'DOWN', baseUrl: null, apiKeyHint: null, error: null })
    expect(await read(world, admin, id)).toMatchObject({ status: 'DOWN', baseUrl: `${url}/v1`, apiKeyHint: 'cdef', error: 'Its words.' })
    const { data } = await world.ask(`query ($id: ID!) { node(id: $id) { id ... on ModelProvider { name baseUrl } } }`, { id }, user)
    expect(data.node).toMatchObject({ id, baseUrl: null })
    expect((await world.ask(READ, { id })).errors![0]!.extensions.code).toBe('UNAUTHENTICATED')
  })

  test('is set up and changed by nobody but ADMINs', async () => {
    const { id } = await create(world, admin)
    const refused = async (query: string, input: object) => (await world.ask(query, { input }, user)).errors![0]!.extensions.code
    expect(await refused(CREATE, { name: 'mine', kind: 'OLLAMA' })).toBe('FORBIDDEN')
    expect(await refused(UPDATE, { id, enabled: false })).toBe('FORBIDDEN')
    expect(await refused(DELETE, { id })).toBe('FORBIDDEN')
    expect(await read(world, admin, id)).toMatchObject({ enabled: true })
  })

  test('cannot have the name of another, nor that of the local model, nor an address that is none', async () => {
    await create(world, admin, { name: 'taken' })
    const refused = (over: object) => world.refused(CREATE, { input: { name: 'new', kind: 'OPENAI_COMPATIBLE', ...over } }, admin)
    expect(await refused({ name: 'taken' })).toMatchObject([{ code: 'PROVIDER_NAME_TAKEN', path: ['input', 'name'] }])
    expect(await refused({ name: 'local' })).toMatchObject([{ code: 'BAD_USER_INPUT', path: ['input', 'name'] }])
    expect(await refused({ name: 'a/b' })).toMatchObject([{ code: 'BAD_USER_INPUT', path: ['input', 'name'] }])
    expect(await refused({ kind: 'LOCAL' })).toMatchObject([{ code: 'BAD_USER_INPUT', path: ['input', 'kind'] }])
    for (const baseUrl of [
      'ftp://example.com',
      'https://me:pw@example.com/v1',
      'https://example.com/v1?key=1',
      'nonsense',
      'http://10.0.0.1/v1',
      'http://[fd00::1]:8000/v1',
    ])
      expect(await refused({ baseUrl })).toMatchObject([{ code: 'BAD_USER_INPUT', path: ['input', 'baseUrl'] }])
    expect(await refused({ apiKey: 'two words' })).toMatchObject([{ code: 'BAD_USER_INPUT', path: ['input', 'apiKey'] }])
    expect(await world.client.modelProvider.count({ where: { name: { in: ['new', 'local'] } } })).toBe(0)
  })

  test('is made once, however often that is sent', async () => {
    const input = { name: 'once', kind: 'OPENAI_COMPATIBLE', apiKey: KEY, idempotencyKey: 'make it' }
    const made = await Promise.all([1, 2, 3].map(async () => (await world.does(CREATE, { input }, admin)).modelProvider.id))
    expect(new Set(made).size).toBe(1)
    expect(await world.refused(CREATE, { input: { ...input, apiKey: `${KEY}2` } }, admin)).toMatchObject([{ code: 'IDEMPOTENCY_MISMATCH' }])
    expect(inspect(await world.client.idempotencyKey.findMany(), { depth: 9 })).not.toContain(KEY)
  })

  test('keeps what a change leaves out, and tells what is otherwise', async () => {
    const { id } = await create(world, admin, { baseUrl: `${url}/v1`, timeoutSeconds: 30, syncEveryMinutes: 60 })
    const { modelProvider } = await world.does(UPDATE, { input: { id, priority: 7, timeoutSeconds: null } }, admin)
    expect(modelProvider).toMatchObject({ priority: 7, timeoutSeconds: null, syncEveryMinutes: 60, apiKeyHint: 'cdef', baseUrl: `${url}/v1` })
    const last = (await eventsOf(world)).filter(({ kind }) => kind === 'MODEL_PROVIDER_UPDATED').at(-1)!
    expect(last.data).toMatchObject({ priority: 7, fields: ['priority', 'timeoutSeconds'], before: { priority: 0, timeoutSeconds: 30 } })
  })

  test('does not give its key to another address', async () => {
    const { id } = await create(world, admin, { baseUrl: `${url}/v1` })
    const elsewhere = 'https://elsewhere.example/v1'
    expect(await world.refused(UPDATE, { input: { id, baseUrl: elsewhere } }, admin)).toMatchObject([{ code: 'BAD_USER_INPUT', path: ['input', 'apiKey'] }])
    expect(await read(world, admin, id)).toMatchObject({ baseUrl: `${url}/v1` })
    await world.does(UPDATE, { input: { id, baseUrl: elsewhere, apiKey: 'short' } }, admin)
    expect(await read(world, admin, id)).toMatchObject({ baseUrl: elsewhere, apiKeyHint: null })
  })

  test('does not open the key of another, though somebody moves it in the database', async () => {
    const [one, other] = [
      await create(world, admin, { name: 'one', baseUrl: `${url}/v1` }),
      await create(world, admin, { name: 'other', baseUrl: `${url}/v1`, apiKey: 'another-key-of-it' }),
    ]
    const bare = (id: string) => id.split(':')[1]!
    const { apiKeySealed } = await world.client.modelProvider.findUniqueOrThrow({ where: { id: bare(one.id) } })
    await world.client.modelProvider.update({ where: { id: bare(other.id) }, data: { apiKeySealed } })
    await expect(world.app.providers.generate(ask('hello', { model: 'other/m' }))).rejects.toMatchObject({
      code: 'NO_PROVIDER',
      message: expect.stringContaining('set it anew'),
    })
    mock.onMessage('hello', { content: 'hi' })
    expect(await textOf(await world.app.providers.generate(ask('hello', { model: 'one/m' })))).toBe('hi')
  })

  test('is removed with its models, once', async () => {
    const { id } = await create(world, admin, { defaultModel: 'm' })
    expect((await world.does(DELETE, { input: { id } }, admin)).deletedId).toBe(id)
    expect(await read(world, admin, id)).toBeNull()
    expect(await world.client.model.count({ where: { providerId: id.split(':')[1]! } })).toBe(0)
    expect(await world.refused(DELETE, { input: { id } }, admin)).toMatchObject([{ code: 'NOT_FOUND' }])
    expect(await world.refused(UPDATE, { input: { id, priority: 1 } }, admin)).toMatchObject([{ code: 'NOT_FOUND' }])
  })

  test('is listed by filter and order', async () => {
    const ids = []
    for (const priority of [1, 3, 2]) ids.push((await create(world, admin, { kind: 'ANTHROPIC', priority })).id)
    const list = `query ($filter: ModelProviderFilter, $orderBy: [ModelProviderOrder!]) { modelProviders(filter: $filter, orderBy: $orderBy) { nodes { id priority } totalCount } }`
    const { data } = await world.ask(list, { filter: { kind: { eq: 'ANTHROPIC' } }, orderBy: [{ field: 'PRIORITY', direction: 'DESC' }] }, user)
    expect(data.modelProviders).toEqual({ nodes: [{ id: ids[1], priority: 3 }, { id: ids[2], priority: 2 }, { id: ids[0], priority: 1 }], totalCount: 3 }) // biome-ignore format: one look
  })

  test('has prices of input and output together, or none, for half of a price is none', async () => {
    const { id } = (await create(world, admin, { defaultModel: 'half priced' })).models.nodes[0]
    const refused = async (over: object) =>
      (await world.refused(MODEL_UPDATE, { input: { id, enabled: false, ...over } }, admin)).map(({ code, path }) => [code, path?.[1]])
    expect(await refused({ inputPriceMicroUsd: 5 })).toEqual([['BAD_USER_INPUT', 'outputPriceMicroUsd']])
    expect(await refused({ outputPriceMicroUsd: 5 })).toEqual([['BAD_USER_INPUT', 'inputPriceMicroUsd']])
    expect(await refused({ cachedInputPriceMicroUsd: 5 })).toEqual([['BAD_USER_INPUT', 'cachedInputPriceMicroUsd']])
    const prices = { inputPriceMicroUsd: 5, outputPriceMicroUsd: 0, cachedInputPriceMicroUsd: 1 }
    expect((await world.does(MODEL_UPDATE, { input: { id, ...prices } }, admin)).model).toMatchObject({ ...prices, enabled: true })
    expect(await refused({ outputPriceMicroUsd: null })).toEqual([['BAD_USER_INPUT', 'outputPriceMicroUsd']])
    expect((await world.does(MODEL_UPDATE, { input: { id, outputPriceMicroUsd: 7 } }, admin)).model).toMatchObject({
      ...prices,
      outputPriceMicroUsd: 7,
      enabled: true,
    })
    const none = { inputPriceMicroUsd: null, outputPriceMicroUsd: null, cachedInputPriceMicroUsd: null }
    expect((await world.does(MODEL_UPDATE, { input: { id, ...none } }, admin)).model).toMatchObject(none)
  })

  test('has models with the operator’s prices, lengths and abilities', async () => {
    const provider = await create(world, admin, { defaultModel: 'priced' })
    const { id } = provider.models.nodes[0]
    const input = { id, inputPriceMicroUsd: 150_000, outputPriceMicroUsd: 600_000, contextLength: 8192, capabilities: ['TOOLS', 'CHAT', 'TOOLS'] }
    expect((await world.does(MODEL_UPDATE, { input }, admin)).model).toMatchObject({
      inputPriceMicroUsd: 150_000,
      outputPriceMicroUsd: 600_000,
      cachedInputPriceMicroUsd: null,
      contextLength: 8192,
      capabilities: ['CHAT', 'TOOLS'],
      provider: { id: provider.id },
    })
    expect((await eventsOf(world)).at(-1)).toMatchObject({
      kind: 'MODEL_UPDATED',
      data: { inputPrice: 150_000, before: { inputPrice: null, capabilities: [] } },
    })
    const models = `query ($capability: ModelCapability, $filter: ModelFilter) { models(capability: $capability, filter: $filter) { nodes { id } } }`
    const found = async (capability: string, filter: object) => (await world.ask(models, { capability, filter }, user)).data.models.nodes.length
    expect([await found('TOOLS', { providerId: { eq: provider.id } }), await found('VISION', { providerId: { eq: provider.id } })]).toEqual([1, 0])
    const free = { inputPriceMicroUsd: null, outputPriceMicroUsd: null, capabilities: null }
    expect((await world.does(MODEL_UPDATE, { input: { id, ...free } }, admin)).model).toMatchObject({ ...free, capabilities: [] })
    expect(await world.refused(MODEL_UPDATE, { input: { id, inputPriceMicroUsd: -1 } }, admin)).toMatchObject([{ code: 'BAD_USER_INPUT' }])
    expect((await world.ask(MODEL_UPDATE, { input: { id, enabled: false } }, user)).errors![0]!.extensions.code).toBe('FORBIDDEN')
    expect(await world.refused(MODEL_UPDATE, { input: { id: provider.id, enabled: false } }, admin)).toMatchObject([{ code: 'NOT_FOUND' }])
  })

  test('answers by its name, and not once it is switched off; nor does a model that is', async () => {
    mock.onMessage('hello', { content: 'hi' })
    const { id, models } = await create(world, admin, { name: 'switch', baseUrl: `${url}/v1`, defaultModel: 'small', priority: 500 })
    expect(await textOf(await world.app.providers.generate(ask('hello')))).toBe('hi')
    expect(await world.app.providers.describe(null)).toEqual({
      provider: 'switch',
      model: 'small',
      contextLength: null,
      maxOutputTokens: null,
      capabilities: [],
    })
    const input = { id: models.nodes[0].id, enabled: false, contextLength: 99 }
    await world.does(MODEL_UPDATE, { input }, admin)
    await expect(world.app.providers.generate(ask('hello', { model: 'switch/small' }))).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' })
    await world.does(MODEL_UPDATE, { input: { ...input, enabled: true } }, admin)
    expect(await world.app.providers.describe('switch/small')).toMatchObject({ contextLength: 99 })
    await world.does(UPDATE, { input: { id, enabled: false } }, admin)
    await expect(world.app.providers.generate(ask('hello', { model: 'switch/small' }))).rejects.toMatchObject({
      code: 'NO_PROVIDER',
      message: expect.stringContaining('switched off'),
    })
  })

  test('tells its changes to ADMINs alone', async () => {
    const { eventCursor: after } = (await world.ask('{ eventCursor }', {}, admin)).data
    await create(world, admin)
    const list = `query ($after: String) { events(after: $after, first: 10) { nodes { kind subjectId subject { id ... on ModelProvider { name } } } } }`
    const seen = async (who: TestUser) => {
      const answer = await world.ask(list, { after }, who)
      return answer.data.events.nodes.map(({ kind }: { kind: string }) => kind)
    }
    expect(await seen(admin)).toEqual(['MODEL_PROVIDER_CREATED'])
    expect(await seen(user)).toEqual([])
  })
})

test.skipIf(!hasPostgres)('what one server changes, the other goes by with the next call', async () => {
  const env = { TASK_CONCURRENCY: '0' }
  const one = await World.open('postgresql', { env })
  const two = await World.open('postgresql', { env, url: one.url })
  const admin = await one.user('admin')
  raw.answer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.end('data: {"id":"1","choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n')
  })
  const from = async (world: World) => textOf(await world.app.providers.generate(ask('hello', { model: 'shared/m' })))
  const lastKey = () => raw.asked.at(-1)!.headers.authorization
  const { id } = await create(one, admin, { name: 'shared', baseUrl: `${raw.url}/raw`, defaultModel: 'm' })
  expect([await from(two), lastKey()]).toEqual(['hi', `Bearer ${KEY}`])
  await two.does(UPDATE, { input: { id, apiKey: 'the-key-after-that' } }, admin)
  expect([await from(one), lastKey()]).toEqual(['hi', 'Bearer the-key-after-that'])
  await one.does(UPDATE, { input: { id, enabled: false } }, admin)
  await expect(from(two)).rejects.toMatchObject({ code: 'NO_PROVIDER' })
  await one.does(DELETE, { input: { id } }, admin)
  await expect(from(two)).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' })
  await two.close()
  await one.close()
})
