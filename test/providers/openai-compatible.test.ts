import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { LLMock } from '@copilotkit/aimock'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openaiCompatible, withNewNameOfLimit } from '../../src/providers/openai-compatible.ts'
import type { Providers } from '../../src/providers/provider.ts'
import { ProviderFailed } from '../../src/providers/provider-errors.ts'
import { providersOf } from '../../src/providers/providers.ts'
import { ask, failureOf, partsOf, textOf } from './kit.ts'

const apiKey = 'sk-test-0123456789abcdef'
const mock = new LLMock({ port: 0 })
let providers: Providers
/** Answers `/raw/chat/completions` byte by byte as a test wants it. */
let raw: (request: IncomingMessage, response: ServerResponse) => void

const at = (path: string) => providersOf([openaiCompatible({ apiKey, baseUrl: `${mock.url}${path}`, defaultModel: 'gpt-4o-mini' })])
const chunk = (content: string) =>
  `data: ${JSON.stringify({ id: '1', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [{ index: 0, delta: { content } }] })}\n\n`

beforeAll(async () => {
  mock.mount('/raw', {
    async handleRequest(request, response) {
      raw(request, response)
      return true
    },
  })
  await mock.start()
  providers = at('/v1')
})
beforeEach(() => mock.reset())
afterAll(() => mock.stop())

describe('a server that answers', () => {
  test('streams its text in pieces and tells what it used', async () => {
    mock.onMessage('capital', { content: 'The capital is Paris – 巴黎 🌞.', usage: { prompt_tokens: 11, completion_tokens: 7 } }, { chunkSize: 5 })
    const generation = await providers.generate(ask('the capital of France?'))
    const parts = await partsOf(generation)

    expect(parts.length).toBeGreaterThan(3)
    expect(parts.map(({ content }) => content).join('')).toBe('The capital is Paris – 巴黎 🌞.')
    expect(generation).toMatchObject({ provider: 'openai', model: 'gpt-4o-mini' })
    const { finishReason, usage } = await generation.outcome
    expect(finishReason).toBe('stop')
    expect(usage).toMatchObject({ inputTokens: 11, outputTokens: 7 })
    expect(usage.timeToFirstTokenMs).toBeLessThanOrEqual(usage.durationMs)
  })

  test('is asked for what the request says', async () => {
    mock.onMessage('hello', { content: 'hi' })
    const messages = [{ role: 'system' as const, content: 'Be brief.' }, { role: 'user' as const, content: 'hello' }] // biome-ignore format: one look
    await textOf(await providers.generate({ ...ask('', { model: 'openai/some/model', maxOutputTokens: 33, temperature: 0.5 }), messages }))

    expect(mock.getLastRequest()!.body).toMatchObject({
      model: 'some/model',
      max_tokens: 33,
      temperature: 0.5,
      messages,
      stream: true,
      stream_options: { include_usage: true },
    })
  })

  test('keeps its reasoning apart from its text', async () => {
    mock.onMessage('think', { content: 'Four.', reasoning: 'Two and two.' })
    const parts = await partsOf(await providers.generate(ask('think')))
    const of = (kind: string) => parts.filter((part) => part.kind === kind).map(({ content }) => content).join('') // biome-ignore format: one look

    expect([of('REASONING'), of('TEXT')]).toEqual(['Two and two.', 'Four.'])
  })

  test('is believed when it says nothing about tokens: they are unknown, not zero', async () => {
    raw = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.end(`${chunk('hi')}data: {"id":"1","choices":[{"index":0,"delta":{},"finish_reason":"length"}]}\n\ndata: [DONE]\n\n`)
    }
    const generation = await at('/raw').generate(ask('hello'))
    expect(await textOf(generation)).toBe('hi')
    expect(await generation.outcome).toMatchObject({ finishReason: 'length', usage: { inputTokens: null, outputTokens: null } })
  })

  test('gets the key', async () => {
    let authorization: string | undefined
    raw = (request, response) => {
      authorization = request.headers.authorization
      response.writeHead(404).end()
    }
    await failureOf(await at('/raw').generate(ask('hello')))
    expect(authorization).toBe(`Bearer ${apiKey}`)
  })

  test('gets the new name of the limit only where it is OpenAI itself', () => {
    expect(withNewNameOfLimit({ model: 'o4-mini', max_tokens: 9 })).toEqual({ model: 'o4-mini', max_completion_tokens: 9 })
    expect(withNewNameOfLimit({ model: 'o4-mini' })).toEqual({ model: 'o4-mini' })
  })
})

describe('a server that refuses', () => {
  const refusals = [
    { status: 429, retryable: true, retryAfterMs: 7000, more: { retryAfter: 7 } },
    { status: 500, retryable: true, retryAfterMs: null, more: {} },
    { status: 503, retryable: true, retryAfterMs: null, more: {} },
    { status: 400, retryable: false, retryAfterMs: null, more: {} },
    { status: 401, retryable: false, retryAfterMs: null, more: {} },
    { status: 404, retryable: false, retryAfterMs: null, more: {} },
  ]
  test.each(refusals)('with $status: retryable $retryable, in its own words', async ({ status, retryable, retryAfterMs, more }) => {
    mock.onMessage('hello', { error: { message: 'The model is on holiday.', type: 'some_error' }, status, ...more })
    const generation = await providers.generate(ask('hello'))
    const { error } = await failureOf(generation)

    expect(error).toBeInstanceOf(ProviderFailed)
    expect(error).toMatchObject({ code: 'PROVIDER_FAILED', retryable, retryAfterMs, message: `openai: ${status} The model is on holiday.` })
    await expect(generation.outcome).rejects.toBe(error)
    expect(mock.getRequests()).toHaveLength(1)
  })

  test('for want of money is not asked again, though it says 429', async () => {
    mock.onMessage('hello', { error: { message: 'You exceeded your quota.', code: 'insufficient_quota' }, status: 429 })
    expect((await failureOf(await providers.generate(ask('hello')))).error).toMatchObject({ retryable: false })
  })

  test('cannot make us tell the key, nor a page of HTML', async () => {
    raw = (_request, response) => {
      response.writeHead(502, { 'content-type': 'text/html' })
      response.end(`<h1>Bad key ${apiKey}</h1>${'x'.repeat(5000)}`)
    }
    const { error } = await failureOf(await at('/raw').generate(ask('hello')))
    expect(error.message).toContain('502 Bad Gateway: <h1>Bad key …</h1>')
    expect(error.message.length).toBeLessThan(520)
    expect(JSON.stringify([error, error.message, error.stack])).not.toContain(apiKey)
  })

  test('by not being there is worth another try', async () => {
    const nobody = providersOf([openaiCompatible({ apiKey: null, baseUrl: 'http://127.0.0.1:1/v1', defaultModel: 'm' })])
    const { error } = await failureOf(await nobody.generate(ask('hello')))
    expect(error).toMatchObject({ code: 'PROVIDER_FAILED', retryable: true })
    expect(error.message).toMatch(/connect/i)
  })
})

describe('a stream that breaks', () => {
  test('in the middle is an error after the text that came', async () => {
    mock.onMessage('story', { content: 'Once upon a time there was a server.' }, { chunkSize: 4, truncateAfterChunks: 4, latency: 5 })
    const { text, error } = await failureOf(await providers.generate(ask('a story')))
    expect('Once upon a time there was a server.'.startsWith(text)).toBe(true)
    expect(error).toMatchObject({ code: 'PROVIDER_FAILED', retryable: true })
  })

  const endings = {
    'by ending politely before the answer did': { rest: '', says: /finish reason/ },
    'by sending what is no JSON': { rest: 'data: {malformed\n\n', says: /JSON/ },
    'by telling of an overload': { rest: 'data: {"error":{"message":"Overloaded.","type":"server_error"}}\n\n', says: /^openai: Overloaded\.$/ },
  }
  test.each(Object.entries(endings))('%s is an error worth another try', async (_how, { rest, says }) => {
    raw = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.end(chunk('Once upon') + rest)
    }
    const { text, error } = await failureOf(await at('/raw').generate(ask('a story')))
    expect(text).toBe('Once upon')
    expect(error).toMatchObject({ code: 'PROVIDER_FAILED', retryable: true })
    expect(error.message).toMatch(says)
  })

  test('by never having been one is an error', async () => {
    mock.onMessage('story', { content: 'never seen' }, { chaos: { malformedRate: 1 } })
    expect(await failureOf(await providers.generate(ask('a story')))).toMatchObject({ text: '', error: { code: 'PROVIDER_FAILED' } })
  })
})

describe('a request nobody wants any more', () => {
  /** A server that says one word and then nothing; `closed` settles when its caller hangs up. */
  function oneWord() {
    let closed!: Promise<unknown>
    const arrived = new Promise<void>((resolve) => {
      raw = (_request, response) => {
        closed = once(response, 'close')
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        response.write(chunk('Once'))
        resolve()
      }
    })
    return { arrived, closed: () => closed }
  }

  test('is closed at once when it is cancelled, and its reader gets the reason', async () => {
    const server = oneWord()
    const cancel = new AbortController()
    const generation = await at('/raw').generate(ask('a story', { signal: cancel.signal }))
    const parts = generation.parts[Symbol.asyncIterator]()
    expect((await parts.next()).value).toEqual({ kind: 'TEXT', content: 'Once' })

    const parked = parts.next()
    const reason = new Error('the task was cancelled')
    cancel.abort(reason)
    await expect(parked).rejects.toBe(reason)
    await expect(generation.outcome).rejects.toBe(reason)
    await server.closed()
  })

  test('is closed when its reader leaves the loop', async () => {
    const server = oneWord()
    const generation = await at('/raw').generate(ask('a story'))
    for await (const _part of generation.parts) break
    await server.closed()
    await expect(generation.outcome).rejects.toMatchObject({ name: 'AbortError' })
  })

  test('is never sent when it was cancelled before', async () => {
    mock.onMessage('story', { content: 'never seen' })
    const generation = await providers.generate(ask('a story', { signal: AbortSignal.abort() }))
    expect((await failureOf(generation)).error.name).toBe('AbortError')
    expect(mock.getRequests()).toHaveLength(0)
  })
})
