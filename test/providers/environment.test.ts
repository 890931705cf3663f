import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { dialects } from '../kit/databases.ts'
import { type TestUser, World } from '../kit/world.ts'
import { ask, textOf } from './kit.ts'
import { create, DELETE, eventsOf, MODEL_UPDATE, openMock, PROVIDER, read, sync, UPDATE } from './model-provider.ts'

const SECRET = 'env-key-0123456789abcdef'
let raw: Awaited<ReturnType<typeof openMock>>
beforeAll(async () => {
  raw = await openMock()
})
beforeEach(() => raw.mock.reset())
afterAll(() => raw.mock.stop())

describe.each(dialects())('what the environment sets up, on %s,', (dialect) => {
  let world: World
  let admin: TestUser
  let env: Record<string, string>
  beforeAll(async () => {
    env = {
      TASK_CONCURRENCY: '0',
      OPENAI_API_KEY: SECRET,
      OPENAI_BASE_URL: `${raw.url}/v1`,
      OPENAI_MODEL: 'gpt-4o-mini',
      ANTHROPIC_API_KEY: SECRET,
      ANTHROPIC_BASE_URL: `${raw.url}/v1/`,
      OLLAMA_URL: `${raw.url}/`,
      OLLAMA_MODEL: 'llama3',
    }
    world = await World.open(dialect, { env })
    admin = await world.user('admin')
  })
  afterAll(() => world.close())

  const all = async (on = world) =>
    (await on.ask(`{ modelProviders(orderBy: [{ field: NAME }], first: 10) { nodes { ${PROVIDER} } } }`, {}, admin)).data.modelProviders.nodes
  const named = async (name: string) => (await all()).find((each: { name: string }) => each.name === name)

  test('is shown as it is, without its keys', async () => {
    expect(await all()).toMatchObject([
      {
        name: 'anthropic',
        kind: 'ANTHROPIC',
        source: 'ENVIRONMENT',
        baseUrl: `${raw.url}/v1`,
        apiKeyHint: null,
        defaultModel: 'claude-haiku-4-5',
        status: 'UNKNOWN',
      },
      { name: 'ollama', kind: 'OLLAMA', source: 'ENVIRONMENT', baseUrl: raw.url, defaultModel: 'llama3' },
      { name: 'openai', kind: 'OPENAI_COMPATIBLE', source: 'ENVIRONMENT', baseUrl: `${raw.url}/v1`, models: { nodes: [{ fullName: 'openai/gpt-4o-mini' }] } },
    ])
    expect(JSON.stringify([await all(), await eventsOf(world)])).not.toContain(SECRET)
  })

  test('answers by its names, openai first', async () => {
    raw.mock.onMessage(/./, { content: 'hi' })
    for (const model of [null, 'other', 'anthropic/claude-haiku-4-5', 'ollama/llama3'])
      expect(await textOf(await world.app.providers.generate(ask('hello', { model })))).toBe('hi')
    expect(raw.mock.getRequests().map(({ body }) => (body as { model: string }).model)).toEqual(['gpt-4o-mini', 'other', 'claude-haiku-4-5', 'llama3'])
    expect(world.app.providers.list().map(({ name }) => name)).toEqual(['openai', 'anthropic', 'ollama', 'local'])
  })

  test('is the default also beside what is set up over the API, unless that has a higher priority', async () => {
    const { id } = await create(world, admin, { name: 'mine', baseUrl: `${raw.url}/v1`, defaultModel: 'm' })
    expect(await world.app.providers.describe(null)).toMatchObject({ provider: 'openai' })
    await world.does(UPDATE, { input: { id, priority: 1 } }, admin)
    expect(await world.app.providers.describe(null)).toMatchObject({ provider: 'mine' })
    await world.does(DELETE, { input: { id } }, admin)
  })

  test('is changed over the API in what is the operator’s to say, and in nothing else', async () => {
    const { id, models } = await named('openai')
    for (const over of [{ name: 'other' }, { baseUrl: 'https://elsewhere.example' }, { apiKey: 'x' }, { defaultModel: 'x' }])
      expect(await world.refused(UPDATE, { input: { id, ...over } }, admin)).toMatchObject([
        { code: 'PROVIDER_FROM_ENVIRONMENT', path: ['input', Object.keys(over)[0]] },
      ])
    expect(await world.refused(DELETE, { input: { id } }, admin)).toMatchObject([{ code: 'PROVIDER_FROM_ENVIRONMENT' }])
    await world.does(MODEL_UPDATE, { input: { id: models.nodes[0].id, inputPriceMicroUsd: 1, outputPriceMicroUsd: 1 } }, admin)
    await world.does(UPDATE, { input: { id, enabled: false, requestsPerMinute: 10 } }, admin)
    expect(await world.app.providers.describe(null)).toMatchObject({ provider: 'anthropic' })
    await world.does(UPDATE, { input: { id, enabled: true } }, admin)
    expect(await named('openai')).toMatchObject({ enabled: true, requestsPerMinute: 10 })
  })

  test('lists its models', async () => {
    const { id } = await named('ollama')
    const { modelProvider, error } = await sync(world, admin, id)
    expect([error, modelProvider.status]).toEqual([null, 'UP'])
    expect(await read(world, admin, id)).toMatchObject({ status: 'UP', syncedAt: expect.any(String) })
  })

  test('has the context length that the tables tell, where it tells none itself', async () => {
    expect(await world.app.providers.describe('openai/gpt-4o-mini')).toMatchObject({ contextLength: null })
    const real = await World.open('sqlite', { env: { TASK_CONCURRENCY: '0', OPENAI_API_KEY: SECRET } })
    expect(await real.app.providers.describe('openai/gpt-4o-mini')).toMatchObject({ contextLength: 128_000 })
    expect(await real.app.providers.describe('openai/nobody-knows-it')).toMatchObject({ contextLength: null })
    await real.close()
  })
})

test.skipIf(!dialects().includes('postgresql'))('several servers that start at once write it down once; one without it does not use it', async () => {
  const env = { TASK_CONCURRENCY: '0', OPENAI_BASE_URL: `${raw.url}/v1`, OPENAI_MODEL: 'a' }
  const world = await World.open('postgresql', { env: { TASK_CONCURRENCY: '0' } })
  const admin = await world.user('admin')
  const servers = await Promise.all([1, 2, 3].map(() => World.open('postgresql', { env, url: world.url })))
  expect((await eventsOf(world)).filter(({ kind }) => kind === 'MODEL_PROVIDER_CREATED')).toHaveLength(1)
  await expect(world.app.providers.generate(ask('hello'))).rejects.toMatchObject({ code: 'NO_PROVIDER' })
  const [row] = await world.client.modelProvider.findMany()
  expect(await sync(world, admin, `ModelProvider:${row!.id}`)).toMatchObject({ listed: null, error: expect.stringContaining('OPENAI_API_KEY') })
  await Promise.all(servers.map((each) => each.close()))
  // Set up otherwise, it is one provider still; and once no server sets it up, it can be removed.
  const later = await World.open('postgresql', { env: { ...env, OPENAI_MODEL: 'b' }, url: world.url })
  expect(await world.client.modelProvider.findMany()).toMatchObject([{ id: row!.id, defaultModel: 'b' }])
  await later.close()
  expect((await world.does(DELETE, { input: { id: `ModelProvider:${row!.id}` } }, admin)).deletedId).toBe(`ModelProvider:${row!.id}`)
  await world.close()
})
