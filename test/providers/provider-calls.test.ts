import { once } from 'node:events'
import { inspect } from 'node:util'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { dialects } from '../kit/databases.ts'
import { type TestUser, World } from '../kit/world.ts'
import { ask, failureOf, textOf } from './kit.ts'
import { create, eventsOf, json, KEY, MODEL_UPDATE, ollama, openMock, read, sync, TEST, tries, UPDATE } from './model-provider.ts'

let raw: Awaited<ReturnType<typeof openMock>>
beforeAll(async () => {
  raw = await openMock()
})
beforeEach(() => raw.mock.reset())
afterAll(() => raw.mock.stop())

const chunk = (content: string) => `data: ${JSON.stringify({ id: '1', choices: [{ index: 0, delta: { content } }] })}\n\n`
const END = 'data: {"id":"1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
const namesOf = (provider: { models: { nodes: { name: string; isListed: boolean }[] } }) =>
  provider.models.nodes.map(({ name, isListed }) => (isListed ? name : `(${name})`))

describe.each(dialects())('models are listed on %s', (dialect) => {
  let world: World
  let admin: TestUser
  beforeAll(async () => {
    world = await World.open(dialect, { env: { TASK_CONCURRENCY: '0' } })
    admin = await world.user('admin')
  })
  afterAll(() => world.close())

  test('from a server that speaks as OpenAI does, with what it tells of them; those that vanish stay, as not listed', async () => {
    const { id } = await create(world, admin, { baseUrl: `${raw.url}/raw/v1` })
    raw.answer(json({ data: [{ id: 'a', max_model_len: 4096, owned_by: 'us' }, { id: 'b', context_length: 100, architecture: { input_modalities: ['text', 'image'], output_modalities: ['text'] }, supported_parameters: ['tools'] }, { id: 'a', max_model_len: 4096, owned_by: 'us' }] })) // biome-ignore format: one look
    expect(await sync(world, admin, id)).toMatchObject({ listed: 2, added: 2, changed: 0, unlisted: 0, error: null, modelProvider: { status: 'UP' } })
    expect(raw.asked.at(-1)).toMatchObject({ url: expect.stringMatching(/\/v1\/models$/), headers: { authorization: `Bearer ${KEY}` } })
    const first = await read(world, admin, id)
    expect(first.models.nodes).toMatchObject([
      { name: 'a', contextLength: 4096, capabilities: [], details: { owned_by: 'us' } },
      { name: 'b', contextLength: 100, capabilities: ['CHAT', 'TOOLS', 'VISION'] },
    ])
    await world.does(MODEL_UPDATE, { input: { id: first.models.nodes[0].id, contextLength: 2000, inputPriceMicroUsd: 5, outputPriceMicroUsd: 6 } }, admin)
    raw.answer(json({ data: [{ id: 'a', max_model_len: 8192 }, { id: 'c' }] }))
    const second = await sync(world, admin, id)
    expect(second).toMatchObject({ listed: 2, added: 1, changed: 0, unlisted: 1 })
    expect(namesOf(second.modelProvider)).toEqual(['a', '(b)', 'c'])
    expect(second.modelProvider.models.nodes[0]).toMatchObject({ contextLength: 2000 })
    raw.answer(json({ data: [{ id: 'a', max_model_len: 8192 }, { id: 'b' }] }))
    expect(namesOf((await sync(world, admin, id)).modelProvider)).toEqual(['a', 'b', '(c)'])
    const { model } = await world.does(MODEL_UPDATE, { input: { id: first.models.nodes[0].id, contextLength: null } }, admin)
    expect(model).toMatchObject({ contextLength: 8192, inputPriceMicroUsd: 5 })
    const kinds = (await eventsOf(world)).map(({ kind }) => kind)
    expect(kinds.filter((kind) => /^MODEL_(CREATED|LISTED|UNLISTED)$/.test(kind))).toEqual(['MODEL_CREATED', 'MODEL_CREATED', 'MODEL_CREATED', 'MODEL_UNLISTED', 'MODEL_LISTED', 'MODEL_UNLISTED']) // biome-ignore format: one look
    expect(kinds.filter((kind) => /^MODEL_PROVIDER_(UP|DOWN|SYNCED)$/.test(kind))).toEqual(['MODEL_PROVIDER_UP', 'MODEL_PROVIDER_SYNCED', 'MODEL_PROVIDER_SYNCED', 'MODEL_PROVIDER_SYNCED']) // biome-ignore format: one look
  })

  test('from Anthropic, page by page', async () => {
    const { id } = await create(world, admin, { kind: 'ANTHROPIC', baseUrl: `${raw.url}/raw/v1` })
    raw.answer((request, response) =>
      json(
        request.url!.includes('after_id=x')
          ? { data: [{ id: 'y', display_name: 'Y', max_input_tokens: 200_000 }], has_more: false }
          : { data: [{ id: 'x' }], has_more: true, last_id: 'x' },
      )(request, response),
    )
    const { modelProvider, listed } = await sync(world, admin, id)
    expect(listed).toBe(2)
    expect(modelProvider.models.nodes).toMatchObject([
      { name: 'x', contextLength: null, capabilities: ['CHAT'] },
      { name: 'y', contextLength: 200_000, details: { name: 'Y' } },
    ])
    expect(raw.asked.at(-1)!.headers).toMatchObject({ 'x-api-key': KEY, 'anthropic-version': '2023-06-01' })
  })

  test('from Ollama, each with its own length', async () => {
    const { id, name } = await create(world, admin, { kind: 'OLLAMA', baseUrl: `${raw.url}/raw/v1`, apiKey: null })
    raw.answer(
      ollama({ 'llama3.2:1b': { length: 131_072, capabilities: ['completion', 'tools'] }, 'nomic-embed': { length: 2048, capabilities: ['embedding'] } }),
    )
    const { modelProvider } = await sync(world, admin, id)
    expect(modelProvider).toMatchObject({ baseUrl: `${raw.url}/raw` })
    expect(modelProvider.models.nodes).toMatchObject([
      { name: 'llama3.2:1b', contextLength: 131_072, capabilities: ['CHAT', 'TOOLS'], details: { family: 'llama' } },
      { name: 'nomic-embed', contextLength: 2048, capabilities: ['EMBEDDING'] },
    ])
    expect(await world.app.providers.describe(`${name}/llama3.2:1b`)).toEqual({ provider: name, model: 'llama3.2:1b', contextLength: 131_072, maxOutputTokens: null, capabilities: ['CHAT', 'TOOLS'] }) // biome-ignore format: one look
    await world.does(UPDATE, { input: { id, priority: 10 } }, admin)
    expect(await world.app.providers.describe(null)).toMatchObject({ model: 'llama3.2:1b' })
    await world.does(UPDATE, { input: { id, enabled: false } }, admin)
  })

  test('by themselves, once for all servers, when their time has come', async () => {
    raw.answer(json({ data: [{ id: 'by-itself' }] }))
    const before = raw.asked.length
    const { eventCursor: after } = (await world.ask('{ eventCursor }', {}, admin)).data
    const follower = await world.follow(
      `subscription ($after: Cursor) { events(after: $after, filter: { kind: ["MODEL_PROVIDER_SYNCED"] }) { kind subjectId } }`,
      { after },
      admin,
    )
    const { id } = await create(world, admin, { baseUrl: `${raw.url}/raw/v1`, syncEveryMinutes: 60 })
    expect(await follower.take()).toMatchObject({ subjectId: id })
    await follower.stop()
    const provider = await read(world, admin, id)
    expect(namesOf(provider)).toEqual(['by-itself'])
    expect(Date.parse(provider.nextSyncAt) - Date.parse(provider.syncedAt)).toBeGreaterThan(59 * 60_000)
    expect(raw.asked.length - before).toBe(1)
  })

  const failures: Record<string, { answers?: Parameters<typeof raw.answer>[0]; says: RegExp }> = {
    'its key is wrong': { answers: json({ error: { message: `Incorrect API key provided: ${KEY}.` } }, 401), says: /^401 Incorrect API key provided: …\.$/ },
    'it is overloaded': { answers: json({ error: { message: 'Slow down.' } }, 429), says: /^429 Slow down\.$/ },
    'it is broken': { answers: json({ error: 'no memory' }, 500), says: /^500 no memory$/ },
    'it answers what is no JSON': { answers: (_request, response) => void response.end(`<p>${KEY}`), says: /^it answered what is no JSON: <p>/ },
    'it answers another JSON': { answers: json({ models: 'many' }), says: /not understood/ },
    'it redirects': { answers: (_request, response) => void response.writeHead(302, { location: 'http://169.254.169.254/latest?key=1' }).end(), says: /^302: it redirects to http:\/\/169\.254\.169\.254\/latest; / }, // biome-ignore format: one look
    'it hangs up': { answers: (request) => void request.socket.destroy(), says: /^cannot connect: / },
    'nobody is there': { says: /^cannot connect: .*ECONNREFUSED/ },
  }
  test.each(Object.entries(failures))('not where %s: that is told in its own words, and what was known stays', async (_why, { answers, says }) => {
    const { id } = await create(world, admin, { baseUrl: answers ? `${raw.url}/raw/v1` : 'http://127.0.0.1:2/v1', defaultModel: 'known' })
    if (answers) raw.answer(answers)
    const { listed, error, modelProvider } = await sync(world, admin, id)
    expect([listed, modelProvider.status, namesOf(modelProvider)]).toEqual([null, 'DOWN', ['known']])
    expect(error).toMatch(says)
    expect(modelProvider.error).toBe(error)
    const told = (await eventsOf(world)).at(-1)!
    expect(told).toMatchObject({ kind: 'MODEL_PROVIDER_DOWN', data: { status: 'DOWN', error, before: { status: 'UNKNOWN' } } })
    expect(inspect([error, modelProvider, told], { depth: 9 })).not.toContain(KEY)
    expect(await tries(world, admin, id)).toMatchObject({ works: false, listReachable: false, modelCount: null, error, modelProvider: { status: 'DOWN' } })
    // With no model known, a word cannot be asked for: told is why none is known.
    const { id: another } = await create(world, admin, { baseUrl: answers ? `${raw.url}/raw/v1` : 'http://127.0.0.1:2/v1' })
    expect(await tries(world, admin, another, { generate: true })).toMatchObject({ works: false, model: null, error, modelProvider: { status: 'DOWN', error } })
  })

  test('by nobody but ADMINs, and not of what is not there', async () => {
    const user = await world.user()
    const { id } = await create(world, admin)
    expect((await world.ask(TEST, { input: { id } }, user)).errors![0]!.extensions.code).toBe('FORBIDDEN')
    const input = { id: 'ModelProvider:0198c2d0-0000-7000-8000-000000000000' }
    expect(await world.refused(TEST, { input }, admin)).toMatchObject([{ code: 'NOT_FOUND' }])
  })
})

describe.each(dialects())('a provider set up over the API, on %s,', (dialect) => {
  let world: World
  let admin: TestUser
  beforeAll(async () => {
    world = await World.open(dialect, { env: { TASK_CONCURRENCY: '0' } })
    admin = await world.user('admin')
  })
  afterAll(() => world.close())
  const generate = (model: string, signal?: AbortSignal) => world.app.providers.generate(ask('hello', { model, ...(signal && { signal }) }))

  test.each([
    ['OPENAI_COMPATIBLE', '/v1'],
    ['ANTHROPIC', '/v1'],
    ['OLLAMA', ''],
  ])('of kind %s answers, and says so when it is tried', async (kind, path) => {
    raw.mock.onMessage(/./, { content: 'OK, friend.' })
    const { id, name } = await create(world, admin, { kind, baseUrl: raw.url + path, defaultModel: 'm' })
    expect(await textOf(await generate(`${name}/m`))).toBe('OK, friend.')
    expect(await tries(world, admin, id, { generate: true })).toMatchObject({
      works: true,
      model: 'm',
      answer: 'OK, friend.',
      error: null,
      modelProvider: { status: 'UP', error: null },
    })
  })

  test('is tried by a call that is metered as any other, and counted once', async () => {
    raw.mock.onMessage(/./, { content: 'OK.' })
    const { id, name, models } = await create(world, admin, { baseUrl: `${raw.url}/v1`, defaultModel: 'm' })
    await world.does(MODEL_UPDATE, { input: { id: models.nodes[0].id, inputPriceMicroUsd: 1_000_000, outputPriceMicroUsd: 2_000_000 } }, admin)
    const usages = async () =>
      (
        await world.ask(
          'query ($name: String!) { providerUsages(filter: { provider: { eq: $name } }) { nodes { status error model inputTokens outputTokens costMicroUsd durationMs task { id } taskType stream { id } step owner { id } } } }',
          { name },
          admin,
        )
      ).data.providerUsages.nodes
    await tries(world, admin, id)
    expect(await usages()).toEqual([])
    await tries(world, admin, id, { generate: true })
    const [usage] = await usages()
    expect(usage).toMatchObject({ status: 'COMPLETED', error: null, model: 'm', task: null, taskType: null, stream: null, step: 1, owner: { id: admin.id } })
    expect(usage.inputTokens).toBeGreaterThan(0)
    expect(usage.costMicroUsd).toBe(usage.inputTokens + 2 * usage.outputTokens)
    raw.mock.reset()
    raw.answer(json({ error: { message: 'Gone.' } }, 500))
    await world.does(UPDATE, { input: { id, baseUrl: `${raw.url}/raw/v1`, apiKey: KEY } }, admin)
    await tries(world, admin, id, { generate: true })
    expect((await usages()).map(({ status, costMicroUsd }: { status: string; costMicroUsd: number }) => [status, costMicroUsd]).sort()).toEqual([
      ['COMPLETED', usage.costMicroUsd],
      ['FAILED', 0],
    ])
  })

  test('is not asked for a word where a budget has ended, and is not down for that', async () => {
    raw.mock.onMessage(/./, { content: 'OK.' })
    const { id, models } = await create(world, admin, { baseUrl: `${raw.url}/v1`, defaultModel: 'm' })
    await world.does(MODEL_UPDATE, { input: { id: models.nodes[0].id, inputPriceMicroUsd: 1_000_000, outputPriceMicroUsd: 1_000_000 } }, admin)
    const { budget } = await world.does(
      'mutation ($input: BudgetCreateInput!) { budgetCreate(input: $input) { budget { id } userErrors { code message } } }',
      { input: { name: 'small', scope: 'USER', period: 'TOTAL', amountMicroUsd: 1 } },
      admin,
    )
    expect(await world.refused(TEST, { input: { id, generate: true } }, admin)).toMatchObject([{ code: 'BUDGET_EXCEEDED' }])
    expect((await read(world, admin, id)).status).not.toBe('DOWN')
    await world.does('mutation ($id: ID!) { budgetDelete(input: { id: $id }) { userErrors { code message } } }', { id: budget.id }, admin)
  })

  test('that does not know a model is not down for that, and says it', async () => {
    raw.answer(json({ error: { message: 'No such model: nope' } }, 404))
    const { id, name } = await create(world, admin, { baseUrl: `${raw.url}/raw/v1`, defaultModel: 'nope' })
    const { error } = await failureOf(await generate(`${name}/nope`))
    expect(error).toMatchObject({ code: 'PROVIDER_FAILED', message: `${name}: 404 No such model: nope`, retryable: false })
    await world.app.providers.catalogue!.close()
    expect(await read(world, admin, id)).toMatchObject({ status: 'UP' })
    expect(await tries(world, admin, id, { generate: true })).toMatchObject({ works: false, answer: null, error: '404 No such model: nope' })
  })

  test('is seen to be down by a call that fails, and up again by one that does not', async () => {
    const { id, name } = await create(world, admin, { baseUrl: `${raw.url}/raw/v1` })
    const seen = async () => {
      await world.app.providers.catalogue!.close()
      const { status, error } = await read(world, admin, id)
      return [status, error]
    }
    raw.answer(json({ error: { message: `Bad key ${KEY}` } }, 401))
    const { error } = await failureOf(await generate(`${name}/m`))
    expect(error.message).toBe(`${name}: 401 Bad key …`)
    expect(await seen()).toEqual(['DOWN', '401 Bad key …'])
    raw.answer((_request, response) => void response.writeHead(200, { 'content-type': 'text/event-stream' }).end(chunk('hi') + END))
    expect(await textOf(await generate(`${name}/m`))).toBe('hi')
    expect(await seen()).toEqual(['UP', null])
    const kinds = (await eventsOf(world)).map(({ kind }) => kind)
    expect(kinds.slice(-2)).toEqual(['MODEL_PROVIDER_DOWN', 'MODEL_PROVIDER_UP'])
  })

  test('gets no more calls at once than it may, and the others wait', async () => {
    const { name } = await create(world, admin, { baseUrl: `${raw.url}/raw/v1`, maxConcurrency: 1 })
    const open: (() => void)[] = []
    const arrived: string[] = []
    raw.answer((_request, response) => {
      arrived.push('call')
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(chunk('hi'))
      open.push(() => response.end(END))
    })
    const first = (await generate(`${name}/m`)).parts[Symbol.asyncIterator]()
    await first.next()
    const second = textOf(await generate(`${name}/m`))
    const given = new AbortController()
    const third = textOf(await generate(`${name}/m`, given.signal))
    given.abort(new Error('not any more'))
    await expect(third).rejects.toThrow('not any more')
    expect(arrived).toEqual(['call'])
    open.shift()!()
    expect((await first.next()).done).toBe(true)
    while (!open.length) await new Promise((resolve) => setImmediate(resolve))
    open.shift()!()
    expect(await second).toBe('hi')
    expect(arrived).toEqual(['call', 'call'])
  })

  test('gets no more calls a minute than it may: the next is told when to come again', async () => {
    const { id, name } = await create(world, admin, { baseUrl: `${raw.url}/v1`, requestsPerMinute: 1 })
    raw.mock.onMessage('hello', { content: 'hi' })
    expect(await textOf(await generate(`${name}/m`))).toBe('hi')
    const { error } = await failureOf(await generate(`${name}/m`))
    expect(error).toMatchObject({ retryable: true, retryAfterMs: expect.any(Number), message: expect.stringContaining('at most 1 times a minute') })
    expect(raw.mock.getRequests()).toHaveLength(1)
    await world.does(UPDATE, { input: { id, requestsPerMinute: null } }, admin)
    expect(await textOf(await generate(`${name}/m`))).toBe('hi')
  })

  test('is cut off when it takes longer than it may, and that is worth another try', async () => {
    const { name } = await create(world, admin, { baseUrl: `${raw.url}/raw/v1`, timeoutSeconds: 1 })
    let closed!: Promise<unknown>
    raw.answer((request, response) => {
      closed = once(request.socket, 'close')
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(chunk('hi'))
    })
    const { text, error } = await failureOf(await generate(`${name}/m`))
    expect([text, error.message, error.retryable]).toEqual(['hi', `${name}: it took longer than 1 s in all`, true])
    await closed
  })
})

describe('a private address', () => {
  test('is refused in production unless the operator allows it, also by a name that stands for one; nothing is sent', async () => {
    const env = { TASK_CONCURRENCY: '0', NODE_ENV: 'production', OPENAI_BASE_URL: `${raw.url}/v1` }
    const world = await World.open('sqlite', { env })
    const admin = await world.user('admin')
    raw.mock.onMessage('hello', { content: 'hi' })
    expect(await world.refused(`mutation ($input: ModelProviderCreateInput!) { modelProviderCreate(input: $input) { userErrors { code message path } } }`, { input: { name: 'p', kind: 'OLLAMA', baseUrl: raw.url } }, admin)).toMatchObject([{ code: 'BAD_USER_INPUT', path: ['input', 'baseUrl'] }]) // biome-ignore format: one look
    const { id, name } = await create(world, admin, { baseUrl: raw.url.replace('127.0.0.1', 'localhost') })
    const { error } = await failureOf(await world.app.providers.generate(ask('hello', { model: `${name}/m` })))
    expect(error).toMatchObject({ code: 'PROVIDER_FAILED', retryable: false, message: expect.stringContaining('is a private address') })
    expect(await sync(world, admin, id)).toMatchObject({ listed: null, error: expect.stringContaining('PROVIDER_PRIVATE_HOSTS') })
    expect(raw.mock.getRequests()).toHaveLength(0)
    // What the environment sets up is the operator's own.
    expect(await textOf(await world.app.providers.generate(ask('hello', { model: 'openai/m' })))).toBe('hi')
    await world.close()
  })

  test('is reached where the operator allows it, by name and port', async () => {
    const host = new URL(raw.url).host.replace('127.0.0.1', 'localhost')
    const world = await World.open('sqlite', { env: { TASK_CONCURRENCY: '0', NODE_ENV: 'production', PROVIDER_PRIVATE_HOSTS: host } })
    const admin = await world.user('admin')
    raw.mock.onMessage('hello', { content: 'hi' })
    const { name } = await create(world, admin, { baseUrl: `http://${host}/v1` })
    expect(await textOf(await world.app.providers.generate(ask('hello', { model: `${name}/m` })))).toBe('hi')
    await world.close()
  })
})
