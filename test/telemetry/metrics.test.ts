import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Counter } from '../../src/core/figures.ts'
import { buildSchema } from '../../src/graphql/schema.ts'
import { serve } from '../../src/server/serve.ts'
import { dialects } from '../kit/databases.ts'
import type { TestUser } from '../kit/world.ts'
import { append, open } from '../streams/stream.ts'
import { create, openTaskWorld, read, type TaskWorld } from '../tasks/task.ts'
import { called, caller, MODEL, price, tokens } from '../usage/metered.ts'
import { scrape } from './prometheus.ts'

const TOKEN = 'what Prometheus knows and nobody else'

describe.each(dialects())('the figures of a server on %s', (dialect) => {
  let on: TaskWorld
  let server: Awaited<ReturnType<typeof serve>>
  beforeAll(async () => {
    on = await openTaskWorld(dialect, { env: { PORT: '0', METRICS_TOKEN: TOKEN } })
    server = await serve(on.world.app, buildSchema())
  })
  afterAll(async () => {
    await server.close()
    await on.world.close()
  })

  const post = (body: object, user?: TestUser) =>
    fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(user && { authorization: `Bearer ${user.accessToken}` }) },
      body: JSON.stringify(body),
    }).then((response) => response.text())

  const key = async (user: TestUser, scopes: string[]): Promise<string> =>
    (
      await on.world.does(
        'mutation ($input: ApiKeyCreateInput!) { apiKeyCreate(input: $input) { secret userErrors { code message } } }',
        { input: { name: 'k', scopes } },
        user,
      )
    ).secret

  const status = async (authorization?: string) => (await fetch(`${server.url}/metrics`, { headers: authorization ? { authorization } : {} })).status

  it('are shown to nobody who comes without a token, or with a wrong one', async () => {
    expect(await status()).toBe(401)
    expect(await status('Bearer wrong')).toBe(401)
    expect(await status(`Bearer ${TOKEN} `)).toBe(200)
    expect(await status(`Bearer ${TOKEN}x`)).toBe(401)
    expect(await status(TOKEN)).toBe(401)
    const refused = await fetch(`${server.url}/metrics`)
    expect(refused.headers.get('www-authenticate')).toBe('Bearer')
    expect(await refused.text()).not.toContain('holdfast_')
  })

  it('are shown to an ADMIN, by a session or by a key of their scope, and to no other user', async () => {
    expect(await status(`Bearer ${on.admin.accessToken}`)).toBe(200)
    expect(await status(`Bearer ${await key(on.admin, ['FIGURES_READ'])}`)).toBe(200)
    expect(await status(`Bearer ${await key(on.admin, ['TASKS_READ'])}`)).toBe(403)
    expect(await status(`Bearer ${on.ada.accessToken}`)).toBe(403)
    expect(await status(`Bearer ${await key(on.ada, ['FIGURES_READ'])}`)).toBe(403)
  })

  it('count operations by name and how they went, and time the fields at the root', async () => {
    const before = await scrape(server.url, TOKEN)
    await post({ query: 'query Mine { viewer { id } }' }, on.ada)
    await post({ query: 'query Mine { viewer { id } }' }, on.ada)
    await post({ query: '{ tasks { nodes { id } } }' })
    await post({ query: '{ nothing }' }, on.ada)
    const after = await scrape(server.url, TOKEN)
    const grown = (name: string, labels: Record<string, string>) => after.value(name, labels) - before.value(name, labels)
    expect(grown('holdfast_request_seconds_count', { operation: 'Mine', kind: 'query', status: 'ok' })).toBe(2)
    expect(grown('holdfast_request_seconds_bucket', { operation: 'Mine', le: '+Inf' })).toBe(2)
    expect(grown('holdfast_request_seconds_count', { operation: 'tasks', status: 'UNAUTHENTICATED' })).toBe(1)
    expect(grown('holdfast_requests_refused_total', { code: 'BAD_USER_INPUT' })).toBe(1)
    expect(grown('holdfast_root_field_seconds_count', { field: 'viewer' })).toBe(2)
    expect(after.types.get('holdfast_request_seconds')).toBe('histogram')
  })

  it('do not grow with the names that strangers think of', async () => {
    for (let i = 0; i < 20; i++) await post({ query: `query Invented${i} { __typename }` })
    const { series } = await scrape(server.url, TOKEN)
    expect(series.filter((each) => each.includes('Invented'))).toEqual([])
  })

  it('count tasks: those that wait and run, how long they waited and ran, and how they ended', async () => {
    const before = await scrape(server.url, TOKEN)
    const [good, bad, later] = [
      await create(on.world, on.ada),
      await create(on.world, on.ada, { maxAttempts: 1 }),
      await create(on.world, on.ada, { runImmediately: false }),
    ]
    const run = await on.held.run(good.id)
    const during = await scrape(server.url, TOKEN)
    expect(during.value('holdfast_tasks', { type: 'test.held', status: 'RUNNING' })).toBe(2)
    expect(during.value('holdfast_tasks', { type: 'test.held', status: 'CREATED' })).toBe(1)
    expect(during.value('holdfast_tasks_running_here')).toBe(2)
    const ended = await on.world.follow('subscription { tasksUpdated { toStatus } }', {}, on.ada)
    run.complete({})
    ;(await on.held.run(bad.id)).fail(new Error('no'))
    await ended.until(({ toStatus }) => toStatus === 'COMPLETED')
    while ((await read(on.world, on.ada, bad.id)).status !== 'FAILED') await ended.take()
    while ((await read(on.world, on.ada, good.id)).status !== 'COMPLETED') await ended.take()
    await ended.stop()
    const after = await scrape(server.url, TOKEN)
    const grown = (name: string, labels: Record<string, string>) => after.value(name, labels) - before.value(name, labels)
    const type = 'test.held'
    expect(grown('holdfast_tasks_created_total', { type })).toBe(3)
    expect(grown('holdfast_task_wait_seconds_count', { type })).toBe(2)
    expect(grown('holdfast_tasks_ended_total', { type, status: 'COMPLETED' })).toBe(1)
    expect(grown('holdfast_task_run_seconds_count', { type, status: 'FAILED' })).toBe(1)
    expect(later.status).toBe('CREATED')
  })

  it('count streams, their chunks, and who reads them', async () => {
    const before = await scrape(server.url, TOKEN)
    const stream = await open(on.world, on.ada)
    await append(on.world, on.ada, stream, -1, 'one', 'two')
    const reader = await on.world.follow('subscription ($id: ID!) { streamChunks(streamId: $id) { text } }', { id: stream.id }, on.ada)
    await reader.take()
    const during = await scrape(server.url, TOKEN)
    expect(during.value('holdfast_stream_chunks_total') - before.value('holdfast_stream_chunks_total')).toBe(2)
    expect(during.value('holdfast_streams_open') - before.value('holdfast_streams_open')).toBe(1)
    expect(during.value('holdfast_stream_readers')).toBe(1)
    expect(during.value('holdfast_subscriptions_open', { field: 'streamChunks' })).toBe(1)
    await reader.stop()
  })

  it('count calls of providers, with tokens, cost and the time to the first of them', async () => {
    await price(on.world)
    const made = await caller(on, on.ada)
    const before = await scrape(server.url, TOKEN)
    await called(on.world, made.call(), { tokens: tokens(10, 20) })
    await called(on.world, made.call({ step: 2 }), { status: 'FAILED', error: 'no', tokens: tokens(1, 0), timeToFirstTokenMs: null })
    const after = await scrape(server.url, TOKEN)
    const grown = (name: string, labels: Record<string, string>) => after.value(name, { ...MODEL, ...labels }) - before.value(name, { ...MODEL, ...labels })
    expect(grown('holdfast_provider_call_seconds_count', { status: 'COMPLETED' })).toBe(1)
    expect(grown('holdfast_provider_call_seconds_count', { status: 'FAILED' })).toBe(1)
    expect(grown('holdfast_provider_tokens_total', { kind: 'input' })).toBe(11)
    expect(grown('holdfast_provider_tokens_total', { kind: 'output' })).toBe(20)
    expect(grown('holdfast_provider_first_token_seconds_count', {})).toBe(1)
    expect(grown('holdfast_provider_cost_usd_total', {})).toBeCloseTo(51 / 1e6, 9)
    made.run.complete({})
  })

  it('tell of the database and of the event loop', async () => {
    const figures = await scrape(server.url, TOKEN)
    expect(figures.value('holdfast_database_read_seconds_count', { database: dialect })).toBeGreaterThan(0)
    expect(figures.value('holdfast_database_transaction_seconds_count', { database: dialect, outcome: 'commit' })).toBeGreaterThan(0)
    expect(figures.value('holdfast_database_wait_seconds_count', { database: dialect })).toBeGreaterThan(0)
    expect(figures.value('holdfast_event_loop_seconds_total', { state: 'active' })).toBeGreaterThan(0)
    expect(figures.value('holdfast_process_memory_bytes', { kind: 'resident' })).toBeGreaterThan(0)
    if (dialect === 'postgresql') expect(figures.series.filter((each) => each.startsWith('holdfast_database_connections'))).toHaveLength(3)
  })

  it('hold no token, no id and no address', async () => {
    const { text } = await scrape(server.url, TOKEN)
    expect(text).not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}-|@example\.com|Bearer|hf_/)
  })
})

describe('a figure', () => {
  it('has no more series than it may: what comes later counts as other', () => {
    const counter = new Counter({ name: 'names', help: 'Names.', labels: ['name'], most: 3 })
    for (const name of ['a', 'b', 'c', 'd', 'a']) counter.of(name).add()
    expect(counter.series.map(({ labels, value }) => [labels[0], value.total])).toEqual([
      ['a', 2],
      ['b', 1],
      ['other', 2],
    ])
  })
})
