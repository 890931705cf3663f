import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { tracing } from '../../src/core/tracing.ts'
import { chunk, events } from '../generation/answers.ts'
import { dialects, type ScratchDatabase, scratchDatabase } from '../kit/databases.ts'
import { openWorld, type World } from '../kit/world.ts'
import { openMock } from '../providers/model-provider.ts'
import { bare, whenTask } from '../tasks/task.ts'
import { openCollector } from './collector.ts'

const MAKE = 'mutation Make($input: TaskCreateInput!) { taskCreate(input: $input) { task { id traceparent } userErrors { code message } } }'
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const theirs = { traceparent: `00-${TRACE}-00f067aa0ba902b7-01` }

describe.each(dialects())('a trace, on %s,', (dialect) => {
  let by: Awaited<ReturnType<typeof openMock>>
  let collector: Awaited<ReturnType<typeof openCollector>>
  let scratch: ScratchDatabase
  beforeAll(async () => {
    ;[by, collector, scratch] = await Promise.all([openMock(), openCollector(), scratchDatabase(dialect)])
  })
  afterAll(async () => {
    await collector.close()
    await by.mock.stop()
    await scratch.drop()
  })

  const opened: World[] = []
  // One server a file: also where a test has failed.
  afterEach(async () => {
    for (const world of opened.splice(0)) await world.close()
  })
  const close = (world: World) => opened.splice(opened.indexOf(world), 1)[0]!.close()
  const open = async (env: Record<string, string>) => {
    const world = await openWorld(dialect, { url: scratch.url, env: { OPENAI_BASE_URL: `${by.url}/raw`, OPENAI_API_KEY: 'sk-test', ...env } })
    opened.push(world)
    return world
  }
  const traced = () => ({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_EXPORTER_OTLP_HEADERS: 'x-team=a%20b', OTEL_SERVICE_NAME: 'under test' })

  it('goes from the request through the task to the call of the provider, past the end of the server that took it', async () => {
    by.answer((_request, response) => void events(response).end(chunk({ content: 'Hello' }) + chunk({}, 'stop')))
    const first = await open({ ...traced(), TASK_CONCURRENCY: '0' })
    const ada = await first.user('ada')
    const input = { type: 'text.generate', params: { prompt: 'hello', model: 'openai/m' }, maxAttempts: 1 }
    const { task } = (await first.ask(MAKE, { input }, ada, theirs)).data.taskCreate
    await close(first)
    const second = await open(traced())
    const { status } = await whenTask(second, ada, task.id, ({ status }: { status: string }) => ['COMPLETED', 'FAILED'].includes(status))
    await close(second)
    const ours = collector.spans.filter(({ traceId }) => traceId === TRACE)
    const named = (name: string) => ours.find((span) => span.name === name)!
    const [request, run, call] = [named('mutation Make'), named('task text.generate'), named('chat m')]
    expect(status).toBe('COMPLETED')
    expect(request.parentSpanId).toBe('00f067aa0ba902b7')
    expect(task.traceparent).toBe(`00-${TRACE}-${request.spanId}-01`)
    expect(run.parentSpanId).toBe(request.spanId)
    expect(run.attributes).toMatchObject({ 'task.id': task.id, 'task.type': 'text.generate' })
    expect(call.parentSpanId).toBe(run.spanId)
    expect(call.attributes).toMatchObject({ 'gen_ai.provider.name': 'openai', 'gen_ai.request.model': 'm', 'task.id': task.id })
    expect([request, run, call].map(({ status }) => status.code ?? 0)).toEqual([0, 0, 0])
    expect(new Set(ours.map(({ service }) => service))).toEqual(new Set(['under test']))
    expect(collector.headers[0]).toMatchObject({ path: '/v1/traces', 'x-team': 'a b' })
  })

  it('says what went wrong, and holds no prompt and no key', async () => {
    by.answer((_request, response) => void response.writeHead(400).end('{"error":{"message":"no"}}'))
    const world = await open(traced())
    const eve = await world.user('eve')
    const input = { type: 'text.generate', params: { prompt: 'a private matter', model: 'openai/m' }, maxAttempts: 1 }
    const { task } = (await world.ask(MAKE, { input }, eve)).data.taskCreate
    await whenTask(world, eve, task.id, ({ status }: { status: string }) => status === 'FAILED')
    await close(world)
    const spans = collector.spans.filter(({ attributes }) => attributes['task.id'] === task.id)
    expect(spans.map(({ name, status }) => [name, status.code])).toEqual([
      ['chat m', 2],
      ['task text.generate', 2],
    ])
    expect(JSON.stringify(collector.spans)).not.toMatch(/private matter|sk-test|Bearer/)
  })

  it('is begun anew for strangers, whatever they say it belongs to', async () => {
    const world = await open(traced())
    await world.ask('query Strange { __typename }', {}, null, { traceparent: theirs.traceparent.replace(TRACE, 'f'.repeat(32)) })
    await close(world)
    expect(collector.spans.filter(({ name }) => name === 'query __typename')).toHaveLength(1)
    expect(collector.spans.filter(({ traceId }) => traceId === 'f'.repeat(32))).toEqual([])
  })

  it('is not begun where no collector is named', async () => {
    const sent = collector.spans.length
    const world = await open({ TASK_CONCURRENCY: '0' })
    const bob = await world.user('bob')
    const { task } = (await world.ask(MAKE, { input: { type: 'text.generate', params: { prompt: 'x' } } }, bob, theirs)).data.taskCreate
    expect(tracing.on).toBeNull()
    expect((await world.client.task.findUniqueOrThrow({ where: { id: bare(task.id) } })).traceparent).toBeNull()
    await close(world)
    expect(collector.spans).toHaveLength(sent)
  })

  it('that cannot be sent holds nothing up', async () => {
    const world = await open({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', TASK_CONCURRENCY: '0' })
    expect((await world.ask('{ __typename }')).data).toEqual({ __typename: 'Query' })
    await close(world)
  })
})
