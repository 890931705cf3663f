import { once } from 'node:events'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { dialects } from '../kit/databases.ts'
import { CANCEL, whenStatus } from '../tasks/task.ts'
import { type Answers, answered, ask, chunk, endsOf, events, KEY, openAnswers, streamOf } from './answers.ts'

describe.each(dialects())('an answer that goes wrong, on %s', (dialect) => {
  let on: Answers
  beforeAll(async () => {
    on = await openAnswers(dialect)
  })
  beforeEach(() => {
    on.mock.reset()
    on.meter.forget()
  })
  afterAll(() => on.close())

  const prompt = 'tell me a story'
  const failing = async (params: object, more: object = {}) => {
    const { task, stream } = await answered(on, { prompt, ...params }, more)
    expect(task).toMatchObject({ status: 'FAILED', error: stream.error })
    expect(stream.status).toBe('FAILED')
    expect(JSON.stringify([task, stream])).not.toContain(KEY)
    return { task, stream }
  }

  it.each([
    [401, `Incorrect API key provided: ${KEY}.`, 'openai: 401 Incorrect API key provided: ….'],
    [404, 'The model `gpt-9` does not exist.', 'openai: 404 The model `gpt-9` does not exist.'],
    [500, 'Something broke.', 'openai: 500 Something broke.'],
    [400, 'This model’s maximum context length is 8192 tokens.', 'openai: 400 This model’s maximum context length is 8192 tokens.'],
  ])('by a refusal with %i ends FAILED in the provider’s words, without the key, and its one call is settled', async (status, message, told) => {
    on.mock.onMessage('story', { error: { message, type: 'some_error' }, status })
    const { stream } = await failing({})
    expect(stream).toMatchObject({ error: told, text: '', provider: 'openai', model: 'm' })
    expect(endsOf(on)).toEqual([['FAILED']])
    expect(on.meter.calls[0]!.ends[0]).toMatchObject({ ending: { tokens: null, error: told, finishReason: null }, streamStatus: 'PENDING' })
  })

  it.each([401, 429, 500])('by a refusal of Anthropic’s with %i likewise', async (status) => {
    on.mock.onMessage('story', { error: { message: `No, ${KEY}.`, type: 'some_error' }, status })
    const { stream } = await failing({ model: 'anthropic/claude-sonnet-4-5' })
    expect(stream.error).toBe(`anthropic: ${status} No, ….`)
    expect(endsOf(on).at(-1)).toEqual(['FAILED'])
  })

  it('by a host that is dead says so', async () => {
    const { task } = await failing({ model: 'dead/m' })
    expect(task.error).toMatch(/^dead: .*connect/i)
    expect(endsOf(on)).toEqual([['FAILED']])
  })

  it('by a model that no provider has says so, and calls nobody', async () => {
    const { task } = await failing({ model: 'nobody/m' })
    expect(task.error).toMatch(/^There is no model "nobody\/m"/)
    expect(on.meter.calls).toEqual([])
  })

  it.each([
    ['malformed JSON', 'data: {malformed\n\n', /JSON/],
    ['an end before the answer’s', '', /finish reason/],
    ['an overload in mid-stream', `data: {"error":{"message":"Overloaded, ${KEY}.","type":"server_error"}}\n\n`, /^raw: Overloaded, …\.$/],
  ])('by %s keeps the words so far and counts them', async (_how, rest, says) => {
    on.raw.respond = (_request, response) => void events(response).end(chunk({ content: 'Once ' }) + chunk({ content: 'upon' }) + rest)
    const { stream } = await failing({ model: 'raw/m' })
    expect(stream).toMatchObject({ text: 'Once upon', error: expect.stringMatching(says) })
    expect(on.meter.calls).toMatchObject([{ wrote: ['Once ', 'upon'], ends: [{ ending: { status: 'FAILED', tokens: null }, streamStatus: 'STREAMING' }] }])
  })

  it('by a connection that is cut keeps the words so far', async () => {
    on.raw.respond = (_request, response) => {
      events(response).write(chunk({ content: 'Once' }), () => setImmediate(() => response.destroy()))
    }
    const { stream } = await failing({ model: 'raw/m' })
    expect(stream).toMatchObject({ text: 'Once', error: expect.stringMatching(/^raw: the answer broke off: (other side closed|.*ECONNRESET)$/) })
    expect(endsOf(on)).toEqual([['FAILED']])
  })

  it('by a reply that is no stream at all ends too', async () => {
    on.raw.respond = (_request, response) => void response.writeHead(502, { 'content-type': 'text/html' }).end(`<h1>${KEY}</h1>`)
    expect((await failing({ model: 'raw/m' })).task.error).toContain('502 Bad Gateway: <h1>…</h1>')
  })

  it('is tried again by the task, in a stream and with a call of its own', async () => {
    let asked = 0
    on.raw.respond = (_request, response) => {
      if (asked++ === 0) events(response).end(chunk({ content: 'Once' }))
      else events(response).end(chunk({ content: 'Twice' }) + chunk({}, 'stop'))
    }
    const { task, stream } = await answered(on, { prompt, model: 'raw/m' }, { maxAttempts: 2, retryPolicy: { initialSeconds: 0 } })
    expect(task).toMatchObject({ status: 'COMPLETED', attempt: 2 })
    expect(stream.text).toBe('Twice')
    expect(endsOf(on)).toEqual([['FAILED'], ['COMPLETED']])
    expect(on.meter.calls.map(({ begun }) => [begun.attempt, begun.step])).toEqual([
      [1, 1],
      [2, 1],
    ])
  })

  it('by falling silent is given up in the time it was given', async () => {
    on.raw.respond = (_request, response) => void events(response).write(chunk({ content: 'Once' }))
    const { stream } = await failing({ model: 'raw/m', callTimeoutSeconds: 1 })
    expect(stream).toMatchObject({ text: 'Once', error: 'raw: The answer took longer than 1 s.' })
    expect(endsOf(on)).toEqual([['FAILED']])
  })

  it('by the task’s time being over is cut, its words and its call kept', async () => {
    on.raw.respond = (_request, response) => void events(response).write(chunk({ content: 'Once' }))
    const { stream } = await failing({ model: 'raw/m' }, { timeoutSeconds: 1 })
    expect(stream).toMatchObject({ text: 'Once', error: expect.stringContaining('took longer than the task allows') })
    expect(endsOf(on)).toEqual([['FAILED']])
  })

  it('by a cancel closes the provider’s request at once, and keeps the words and the call', async () => {
    let closed!: Promise<unknown>
    const arrived = new Promise<void>((resolve) => {
      on.raw.respond = (_request, response) => {
        closed = once(response, 'close')
        events(response).write(chunk({ content: 'Once' }), () => resolve())
      }
    })
    const { id } = await ask(on, { prompt, model: 'raw/m' })
    await arrived
    const live = await on.world.follow('subscription ($id: ID!) { streamChunks(streamId: $id) { text status } }', { id: (await streamOf(on, id)).id }, on.ada)
    await live.until(({ text }) => text === 'Once')
    await on.world.does(CANCEL, { input: { id } }, on.ada)
    await closed
    await whenStatus(on.world, on.ada, id, 'CANCELLED')
    expect(await streamOf(on, id)).toMatchObject({ status: 'CANCELLED', text: 'Once' })
    expect(on.meter.calls).toMatchObject([{ wrote: ['Once'], ends: [{ ending: { status: 'CANCELLED', tokens: null }, streamStatus: 'STREAMING' }] }])
    await live.stop()
  })

  it('by a cancel while its call is being written down asks nobody, and settles it though the attempt has ended', async () => {
    let release = () => {}
    on.meter.holds = new Promise((resolve) => {
      release = resolve
    })
    const { id } = await ask(on, { prompt })
    await vi.waitUntil(() => on.meter.calls.length === 1)
    await on.world.does(CANCEL, { input: { id } }, on.ada)
    await whenStatus(on.world, on.ada, id, 'CANCELLED')
    expect(endsOf(on)).toEqual([[]])
    release()
    await vi.waitUntil(() => on.meter.calls[0]!.ends.length > 0)
    // It was never made, so not even its prompt is paid for.
    const tokens = { inputTokens: 0, cachedInputTokens: 0, outputTokens: 0, reasoningTokens: 0 }
    expect(on.meter.calls[0]!.ends).toMatchObject([{ ending: { status: 'CANCELLED', tokens }, streamStatus: null }])
    expect(on.mock.getRequests()).toEqual([])
  })

  it('is refused before it begins where one message is a megabyte', async () => {
    const input = { type: 'test.answer', params: { prompt: 'x'.repeat(900_000) } }
    const refused = await on.world.refused(
      'mutation ($input: TaskCreateInput!) { taskCreate(input: $input) { userErrors { code message path } } }',
      { input },
      on.ada,
    )
    expect(refused).toMatchObject([{ code: 'BAD_USER_INPUT', path: ['input', 'params'] }])
    expect(on.meter.calls).toEqual([])
  })

  it('takes a megabyte that the model says in one piece', async () => {
    const long = 'word '.repeat(200_000)
    on.raw.respond = (_request, response) => void events(response).end(chunk({ content: long }) + chunk({}, 'stop'))
    const { task } = await answered(on, { prompt, model: 'raw/m' })
    expect(task.status).toBe('COMPLETED')
    expect(task.result.text.length).toBe(1_000_000)
  })
})
