import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { DomainError } from '../../src/core/errors.ts'
import { dialects } from '../kit/databases.ts'
import { CREATE } from '../tasks/task.ts'
import { type Answers, answered, BudgetIsOver, chunk, endsOf, events, openAnswers } from './answers.ts'

const CITY = {
  type: 'object',
  properties: { city: { type: 'string' }, people: { type: 'integer', minimum: 1 } },
  required: ['city', 'people'],
  additionalProperties: false,
}

describe.each(dialects())('an answer on %s', (dialect) => {
  let on: Answers
  beforeAll(async () => {
    on = await openAnswers(dialect)
  })
  beforeEach(() => {
    on.mock.reset()
    on.meter.forget()
  })
  afterAll(() => on.close())
  const body = () => on.mock.getLastRequest()!.body as Record<string, unknown>

  it('is metered: begun with what goes in, told what comes out, and ended once with its stream', async () => {
    on.mock.onMessage('capital', { content: 'Paris it is.', usage: { prompt_tokens: 11, completion_tokens: 4 } }, { chunkSize: 4 })
    const { task, stream } = await answered(on, { prompt: 'the capital of France?', model: 'openai/gpt', maxOutputTokens: 50 })
    expect(task.result).toEqual({
      text: 'Paris it is.',
      finishReason: 'stop',
      provider: 'openai',
      model: 'gpt',
      usage: { inputTokens: 11, outputTokens: 4 },
      toolsInvoked: [],
    })
    expect(stream).toMatchObject({ status: 'COMPLETED', text: 'Paris it is.', provider: 'openai', model: 'gpt' })
    const [call] = on.meter.calls
    expect(on.meter.calls.length).toBe(1)
    expect(call!.begun).toEqual({
      ownerId: on.ada.id.split(':')[1],
      provider: 'openai',
      model: 'gpt',
      inputTokens: 5,
      maxOutputTokens: 50,
      taskId: task.id.split(':')[1],
      taskType: 'test.answer',
      attempt: 1,
      step: 1,
      streamId: stream.id.split(':')[1],
      conversationId: null,
      messageId: null,
    })
    expect(call!.wrote.join('')).toBe('Paris it is.')
    expect(call!.ends).toEqual([
      {
        ending: {
          status: 'COMPLETED',
          error: null,
          tokens: { inputTokens: 11, cachedInputTokens: 0, outputTokens: 4, reasoningTokens: 0 },
          timeToFirstTokenMs: expect.any(Number),
          durationMs: expect.any(Number),
          finishReason: 'stop',
        },
        streamStatus: 'STREAMING',
      },
    ])
  })

  it('is metered by the provider’s own count, cached and reasoning tokens too, and by none where it says nothing', async () => {
    const usage = { prompt_tokens: 11, completion_tokens: 7, prompt_tokens_details: { cached_tokens: 5 }, completion_tokens_details: { reasoning_tokens: 3 } }
    let last = `data: ${JSON.stringify({ id: '1', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [], usage })}\n\n`
    on.raw.respond = (_request, response) => void events(response).end(chunk({ content: 'hi' }) + chunk({}, 'stop') + last)
    await answered(on, { prompt: 'hello', model: 'raw/m' })
    last = ''
    const { task } = await answered(on, { prompt: 'hello', model: 'raw/m' })
    expect(task.result.usage).toEqual({ inputTokens: null, outputTokens: null })
    expect(on.meter.calls).toMatchObject([
      { ends: [{ ending: { tokens: { inputTokens: 11, cachedInputTokens: 5, outputTokens: 7, reasoningTokens: 3 } } }] },
      { ends: [{ ending: { tokens: { inputTokens: null, cachedInputTokens: null, outputTokens: null, reasoningTokens: null } } }] },
    ])
  })

  it('is asked for in all the ways that were given, and its reasoning is told apart', async () => {
    on.mock.onMessage('think', { content: 'Four.', reasoning: 'Two and two.' })
    const { stream } = await answered(on, { prompt: 'think', system: 'Be brief.', stop: ['END', 'FIN'], reasoning: 'HIGH', temperature: 0 })
    expect(body()).toMatchObject({
      stop: ['END', 'FIN'],
      reasoning_effort: 'high',
      temperature: 0,
      messages: [{ role: 'system', content: 'Be brief.' }, { role: 'user' }],
    })
    const of = (kind: string) => stream.chunks.filter((each: { kind: string }) => each.kind === kind).map(({ content }: { content: string }) => content).join('') // biome-ignore format: one look
    expect([of('REASONING'), of('TEXT'), stream.text]).toEqual(['Two and two.', 'Four.', 'Four.'])
    expect(on.meter.calls[0]!.wrote.join('')).toBe('Two and two.Four.')
  })

  it('of Anthropic’s models comes the same way, their thinking paid for on top', async () => {
    on.mock.onMessage('think', { content: 'Four.', reasoning: 'Two and two.', usage: { input_tokens: 9, output_tokens: 6 } } as never)
    const { task, stream } = await answered(on, { prompt: 'think', model: 'anthropic/claude-sonnet-4-5', reasoning: 'LOW', maxOutputTokens: 100 })
    expect(task).toMatchObject({ status: 'COMPLETED', result: { text: 'Four.', provider: 'anthropic', usage: { inputTokens: 9, outputTokens: 6 } } })
    expect(stream.chunks[0].kind).toBe('REASONING')
    expect(on.meter.calls).toMatchObject([{ begun: { maxOutputTokens: 1124 }, ends: [{ ending: { status: 'COMPLETED' } }] }])
  })

  it('takes up a conversation in which tools were called', async () => {
    on.mock.onMessage('and in Rome', { content: 'Warmer.' })
    const messages = [
      { role: 'user' as const, content: 'How warm is it in Paris?' },
      { role: 'assistant' as const, content: 'I look.', toolCalls: [{ callId: 'c1', name: 'weather.read', input: { city: 'Paris' } }] },
      { role: 'tool' as const, callId: 'c1', name: 'weather.read', output: { degrees: 20 } },
      { role: 'assistant' as const, content: '20 degrees.' },
      { role: 'user' as const, content: 'and in Rome?' },
    ]
    const { task } = await answered(on, { messages })
    expect(task.result.text).toBe('Warmer.')
    expect(body().messages).toMatchObject([
      { role: 'user' },
      { role: 'assistant', content: 'I look.', tool_calls: [{ id: 'c1', function: { name: 'weather_read', arguments: '{"city":"Paris"}' } }] },
      { role: 'tool', tool_call_id: 'c1', content: '{"degrees":20}' },
      { role: 'assistant', content: '20 degrees.' },
      { role: 'user' },
    ])
  })

  it('to a conversation whose tool call nobody answered fails at once, and nobody is asked', async () => {
    const messages = [
      { role: 'user' as const, content: 'How warm is it?' },
      { role: 'assistant' as const, content: '', toolCalls: [{ callId: 'c1', name: 'weather.read', input: {} }] },
      { role: 'user' as const, content: 'Well?' },
    ]
    const { task } = await answered(on, { messages }, { maxAttempts: 3 })
    expect(task).toMatchObject({ status: 'FAILED', attempt: 1, error: expect.stringContaining('c1') })
    expect(on.mock.getRequests()).toEqual([])
    expect(on.meter.calls).toEqual([])
  })

  describe('to a schema', () => {
    it('is asked for it, checked, and understood', async () => {
      on.mock.onMessage('city', { content: '{"city":"Paris","people":2100000}' })
      const { task, stream } = await answered(on, { prompt: 'a city', schema: CITY })
      expect(body().response_format).toMatchObject({ type: 'json_schema', json_schema: { schema: CITY, strict: true } })
      expect(task.result.object).toEqual({ city: 'Paris', people: 2_100_000 })
      expect(stream.text).toBe('{"city":"Paris","people":2100000}')
    })

    it('that leaves something open is asked for loosely, which every provider takes', async () => {
      on.mock.onMessage('city', { content: '{}' })
      await answered(on, { prompt: 'a city', schema: { type: 'object', properties: { city: { type: 'string' } } } })
      expect(body().response_format).toMatchObject({ json_schema: { strict: false } })
    })

    it.each([
      ['{"city":"Paris"}', {}, 'The answer does not fulfil the schema: people: Is needed.'],
      ['{"city":7,"people":0}', {}, expect.stringContaining('city: ')],
      ['Paris, of course', {}, expect.stringContaining('it is no JSON')],
      ['{"city":"Par', { finishReason: 'length' }, expect.stringContaining('cut at its limit of tokens')],
    ])('and breaks it: it ends FAILED, its text kept and its cost counted (%s)', async (content, more, error) => {
      on.mock.onMessage('city', { content, usage: { prompt_tokens: 3, completion_tokens: 5 }, ...more })
      const { task, stream } = await answered(on, { prompt: 'a city', schema: CITY }, { maxAttempts: 3 })
      expect(task).toMatchObject({ status: 'FAILED', attempt: 1, error })
      expect(stream).toMatchObject({ status: 'FAILED', text: content, error })
      expect(on.meter.calls).toMatchObject([
        { ends: [{ ending: { status: 'COMPLETED', tokens: { inputTokens: 3, outputTokens: 5 } }, streamStatus: 'STREAMING' }] },
      ])
    })

    it('that is none is refused, with its place', async () => {
      const input = { type: 'test.answer', params: { prompt: 'a city', schema: { type: 'town' } } }
      expect(await on.world.refused(CREATE, { input }, on.ada)).toMatchObject([{ code: 'BAD_USER_INPUT', path: ['input', 'params', 'schema', 'type'] }])
    })
  })

  describe('from another model', () => {
    it('is taken where the first cannot answer; each try is settled, and the stream says who wrote it', async () => {
      on.mock.onMessage('hello', { content: 'hi' })
      on.raw.respond = (_request, response) => void response.writeHead(404).end('no such model')
      const { task, stream } = await answered(on, { prompt: 'hello', model: 'nobody/m', fallbackModels: ['dead/m', 'raw/m', 'openai/good'] })
      expect(task).toMatchObject({ status: 'COMPLETED', result: { text: 'hi', provider: 'openai', model: 'good' } })
      expect(stream).toMatchObject({ text: 'hi', provider: 'openai', model: 'good' })
      expect(endsOf(on)).toEqual([['FAILED'], ['FAILED'], ['COMPLETED']])
      expect(on.meter.calls.map(({ begun }) => [begun.provider, begun.step])).toEqual([
        ['dead', 1],
        ['raw', 2],
        ['openai', 3],
      ])
    })

    it('is taken where a budget holds and nobody knows what the first costs', async () => {
      on.mock.onMessage('hello', { content: 'hi' })
      on.meter.refuses = ({ provider }) => (provider === 'raw' ? new DomainError('PRICE_UNKNOWN', 'Nobody knows what it costs.') : null)
      const { task } = await answered(on, { prompt: 'hello', model: 'raw/m', fallbackModels: ['openai/good'] })
      expect(task.result).toMatchObject({ text: 'hi', model: 'good' })
      expect(endsOf(on)).toEqual([['COMPLETED']])
    })

    it('is not taken once something was written', async () => {
      on.mock.onMessage('hello', { content: 'hi' })
      on.raw.respond = (_request, response) => void events(response).end(chunk({ content: 'Once' }))
      const { task, stream } = await answered(on, { prompt: 'hello', model: 'raw/m', fallbackModels: ['openai/good'] })
      expect(task.status).toBe('FAILED')
      expect(stream).toMatchObject({ text: 'Once', provider: 'raw' })
      expect(on.mock.getRequests()).toEqual([])
    })

    it('comes from none: all their words are told', async () => {
      on.raw.respond = (_request, response) => void response.writeHead(404).end('no such model')
      const { task } = await answered(on, { prompt: 'hello', model: 'raw/m', fallbackModels: ['dead/m'] })
      expect(task.error).toMatch(/^No model answered\. raw: 404 .*no such model.* dead: /)
      expect(on.meter.calls).toMatchObject([
        { ends: [{ ending: { status: 'FAILED', error: expect.stringMatching(/^raw: 404/) }, streamStatus: null }] },
        { ends: [{ ending: { status: 'FAILED', error: expect.stringMatching(/^dead: /) }, streamStatus: 'PENDING' }] },
      ])
    })
  })

  it('is asked for again where the provider wants a moment, within the attempt', async () => {
    let asked = 0
    on.raw.respond = (_request, response) => {
      if (asked++ < 2) response.writeHead(429, { 'retry-after-ms': '5' }).end('{"error":{"message":"Slow down."}}')
      else events(response).end(chunk({ content: 'hi' }) + chunk({}, 'stop'))
    }
    const { task } = await answered(on, { prompt: 'hello', model: 'raw/m' })
    expect(task).toMatchObject({ status: 'COMPLETED', attempt: 1, result: { text: 'hi' } })
    expect(endsOf(on)).toEqual([['FAILED'], ['FAILED'], ['COMPLETED']])
  })

  it('is not asked for again and again, nor where the wait is long', async () => {
    let after = '0.01'
    on.raw.respond = (_request, response) => void response.writeHead(429, { 'retry-after': after }).end('{"error":{"message":"Slow down."}}')
    expect((await answered(on, { prompt: 'hello', model: 'raw/m' })).task.error).toBe('raw: 429 Slow down.')
    expect(endsOf(on)).toEqual([['FAILED'], ['FAILED'], ['FAILED']])
    on.meter.forget()
    after = '3600'
    await answered(on, { prompt: 'hello', model: 'raw/m' })
    expect(endsOf(on)).toEqual([['FAILED']])
  })

  describe('under a budget', () => {
    it('is cut where the budget ends: the piece that broke it is kept, the request closed, and no other attempt made', async () => {
      let closed!: Promise<void>
      on.raw.respond = (_request, response) => {
        closed = new Promise((resolve) => response.once('close', () => resolve()))
        events(response).write(['Once ', 'upon ', 'a time', ' there was'].map((content) => chunk({ content })).join(''))
      }
      on.meter.room = 9
      const { task, stream } = await answered(on, { prompt: 'a story', model: 'raw/m', fallbackModels: ['openai/good'] }, { maxAttempts: 3 })
      await closed
      expect(task).toMatchObject({ status: 'FAILED', attempt: 1, error: 'The budget is spent.' })
      expect(stream).toMatchObject({ status: 'FAILED', text: 'Once upon ', error: 'The budget is spent.' })
      expect(on.meter.calls).toMatchObject([
        {
          wrote: ['Once ', 'upon '],
          ends: [{ ending: { status: 'BUDGET_EXCEEDED', tokens: null, error: 'The budget is spent.' }, streamStatus: 'STREAMING' }],
        },
      ])
    })

    it('that is spent already never reaches the provider', async () => {
      on.meter.refuses = () => new BudgetIsOver()
      const { task } = await answered(on, { prompt: 'hello', fallbackModels: ['raw/m'] }, { maxAttempts: 3 })
      expect(task).toMatchObject({ status: 'FAILED', attempt: 1, error: 'The budget is spent.' })
      expect(on.mock.getRequests()).toEqual([])
    })

    it('whose meter breaks fails without telling its inner words', async () => {
      on.meter.refuses = () => new Error('SELECT of a secret table failed')
      const { task } = await answered(on, { prompt: 'hello' })
      expect(task.error).toContain('internal error')
      expect(on.mock.getRequests()).toEqual([])
    })
  })
})
