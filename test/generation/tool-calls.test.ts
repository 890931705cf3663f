import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { newId } from '../../src/core/ids.ts'
import { dialects } from '../kit/databases.ts'
import { bare, CANCEL, create, does, RUN, whenStatus } from '../tasks/task.ts'
import { type Answers, answered, ask, BudgetIsOver, chunksOf, endsOf, openAnswers, streamOf } from './answers.ts'

describe.each(dialects())('an answer with tools, on %s', (dialect) => {
  let on: Answers
  let ran: { input: unknown; signal: AbortSignal }[] = []
  let whenRun: () => void = () => {}
  const tool = (name: string, run: () => Promise<unknown>) => ({
    name,
    description: `Is ${name}.`,
    inputSchema: { type: 'object', properties: { city: { type: 'string' } } },
    run: (input: unknown, { signal }: { signal: AbortSignal }) => {
      ran.push({ input, signal })
      whenRun()
      return run()
    },
  })
  beforeAll(async () => {
    on = await openAnswers(dialect, {
      tools: [
        tool('weather.read', async () => ({ degrees: 20 })),
        tool('weather.break', async () => {
          throw new Error('The station is under water.')
        }),
        tool('weather.endless', () => new Promise(() => {})),
        tool('weather.flood', async () => 'x'.repeat(200_000)),
      ],
    })
  })
  beforeEach(() => {
    on.mock.reset()
    on.meter.forget()
    ran = []
  })
  afterAll(() => on.close())

  /** First the call, and when its answer is there, the text. */
  const calling = (name: string, input: unknown, text = 'So be it.') => {
    const toolCalls = [{ id: 'call-1', name, arguments: JSON.stringify(input) }]
    on.mock.on({ userMessage: 'ask', hasToolResult: false }, { toolCalls, usage: { prompt_tokens: 10, completion_tokens: 3 } })
    on.mock.on({ userMessage: 'ask', hasToolResult: true }, { content: text, usage: { prompt_tokens: 20, completion_tokens: 4 } })
  }
  const eventsOf = (id: string) => on.world.client.event.findMany({ where: { subjectId: bare(id), kind: 'TASK_TOOL_CALLED' } })
  const lastMessage = () => (on.mock.getLastRequest()!.body as { messages: { role: string; content: string }[] }).messages.at(-1)

  it('calls one, tells the model, and writes call and result each in a chunk and an event', async () => {
    calling('weather_read', { city: 'Paris' }, '20 degrees.')
    const { task, stream } = await answered(on, { prompt: 'ask', tools: ['weather.read'] })
    expect(task.result).toMatchObject({
      text: '20 degrees.',
      finishReason: 'stop',
      usage: { inputTokens: 30, outputTokens: 7 },
      toolsInvoked: ['weather.read'],
    })
    expect(stream.text).toBe('20 degrees.')
    expect(chunksOf(stream, 'TOOL_CALL')).toEqual([{ callId: 'call-1', name: 'weather.read', input: { city: 'Paris' } }])
    expect(chunksOf(stream, 'TOOL_RESULT')).toEqual([{ callId: 'call-1', name: 'weather.read', output: { degrees: 20 }, isError: false }])
    expect(lastMessage()).toMatchObject({ role: 'tool', content: '{"degrees":20}' })
    const [event, ...more] = await eventsOf(task.id)
    expect(more).toEqual([])
    expect(event).toMatchObject({
      subjectType: 'Task',
      ownerId: bare(on.ada.id),
      data: { tool: { name: 'weather.read', callId: 'call-1', durationMs: expect.any(Number), isError: false } },
    })
  })

  it('does so with Anthropic’s models as well', async () => {
    calling('weather_read', { city: 'Paris' }, '20 degrees.')
    const { task, stream } = await answered(on, { prompt: 'ask', tools: ['weather.read'], model: 'anthropic/claude-sonnet-4-5' })
    expect(task.result).toMatchObject({ text: '20 degrees.', provider: 'anthropic', toolsInvoked: ['weather.read'] })
    expect(chunksOf(stream, 'TOOL_RESULT')).toMatchObject([{ name: 'weather.read', output: { degrees: 20 }, isError: false }])
    expect(endsOf(on)).toEqual([['COMPLETED'], ['COMPLETED']])
  })

  it('meters each call of the model by itself', async () => {
    calling('weather_read', { city: 'Paris' }, '20 degrees.')
    await answered(on, { prompt: 'ask', tools: ['weather.read'] })
    expect(on.meter.calls).toMatchObject([
      {
        begun: { step: 1 },
        ends: [{ ending: { status: 'COMPLETED', finishReason: 'tool-calls', tokens: { inputTokens: 10, outputTokens: 3 } }, streamStatus: null }],
      },
      {
        begun: { step: 2 },
        ends: [{ ending: { status: 'COMPLETED', finishReason: 'stop', tokens: { inputTokens: 20, outputTokens: 4 } }, streamStatus: 'STREAMING' }],
      },
    ])
    expect(on.meter.calls[0]!.wrote.join('')).toBe('weather_read{"city":"Paris"}')
    expect(on.meter.calls[1]!.begun.inputTokens).toBeGreaterThan(on.meter.calls[0]!.begun.inputTokens)
  })

  it.each([
    ['weather_break', 'weather.break', 'The station is under water.'],
    ['weather_flood', 'weather.flood', 'weather.flood answered 200002 characters; at most 100000 are taken.'],
    ['http_get', 'http.get', 'Requests to example.com are not allowed here; the operator can allow them with HTTP_REQUEST_ALLOWED_HOSTS.'],
  ])('goes on where one fails: the model is told why (%s)', async (wire, name, message) => {
    calling(wire, { url: 'https://example.com' })
    const { task, stream } = await answered(on, { prompt: 'ask', tools: [name] })
    expect(task).toMatchObject({ status: 'COMPLETED', result: { text: 'So be it.', toolsInvoked: [name] } })
    expect(chunksOf(stream, 'TOOL_RESULT')).toEqual([{ callId: 'call-1', name, output: message, isError: true }])
    expect(lastMessage()!.content).toContain(message)
    expect(await eventsOf(task.id)).toMatchObject([{ data: { tool: { isError: true } } }])
  })

  it('goes on where the model calls one that it was not offered, or with what is no JSON', async () => {
    calling('weather_rule', {})
    const { task, stream } = await answered(on, { prompt: 'ask', tools: ['weather.read'] })
    expect(task.status).toBe('COMPLETED')
    expect(chunksOf(stream, 'TOOL_RESULT')).toMatchObject([{ name: 'weather_rule', isError: true }])
    on.mock.reset()
    on.mock.on({ userMessage: 'ask', hasToolResult: false }, { toolCalls: [{ id: 'c', name: 'weather_read', arguments: '{"city":' }] })
    on.mock.on({ userMessage: 'ask', hasToolResult: true }, { content: 'Sorry.' })
    const second = await answered(on, { prompt: 'ask', tools: ['weather.read'] })
    expect(second.task).toMatchObject({ status: 'COMPLETED', result: { text: 'Sorry.' } })
    expect(ran).toEqual([])
  })

  it('ends after as many calls as it may take', async () => {
    on.mock.onMessage('ask', { toolCalls: [{ id: 'again', name: 'weather_read', arguments: '{}' }] })
    const { task } = await answered(on, { prompt: 'ask', tools: ['weather.read'], maxSteps: 3 })
    expect(task.result).toMatchObject({ text: '', finishReason: 'tool-calls' })
    expect(ran.length).toBe(3)
    expect(endsOf(on)).toEqual([['COMPLETED'], ['COMPLETED'], ['COMPLETED']])
  })

  it('ends at once when it is cancelled within a tool that never ends; the call that is done is paid as the provider counts', async () => {
    const running = new Promise<void>((resolve) => {
      whenRun = resolve
    })
    calling('weather_endless', {})
    const { id } = await ask(on, { prompt: 'ask', tools: ['weather.endless'] })
    await running
    await on.world.does(CANCEL, { input: { id } }, on.ada)
    await whenStatus(on.world, on.ada, id, 'CANCELLED')
    expect(ran[0]!.signal.aborted).toBe(true)
    expect(await streamOf(on, id)).toMatchObject({ status: 'CANCELLED' })
    expect(on.meter.calls).toMatchObject([
      { ends: [{ ending: { status: 'COMPLETED', tokens: { inputTokens: 10, outputTokens: 3 } }, streamStatus: 'STREAMING' }] },
    ])
  })

  it('runs no tool whose call broke the budget', async () => {
    calling('weather_read', { city: 'Paris' })
    on.meter.room = 5
    const { task } = await answered(on, { prompt: 'ask', tools: ['weather.read'] }, { maxAttempts: 3 })
    expect(task).toMatchObject({ status: 'FAILED', error: 'The budget is spent.' })
    expect(ran).toEqual([])
    expect(endsOf(on)).toEqual([['BUDGET_EXCEEDED']])
  })

  it('is not gone on with where the budget has no room for the next call', async () => {
    calling('weather_read', { city: 'Paris' })
    on.meter.refuses = ({ step }) => (step === 2 ? new BudgetIsOver() : null)
    const { task, stream } = await answered(on, { prompt: 'ask', tools: ['weather.read'] }, { maxAttempts: 3 })
    expect(task).toMatchObject({ status: 'FAILED', attempt: 1, error: 'The budget is spent.' })
    expect(chunksOf(stream, 'TOOL_RESULT').length).toBe(1)
    expect(endsOf(on)).toEqual([['COMPLETED']])
  })

  it('is refused tools that there are not any more', async () => {
    const waiting = await create(on.world, on.ada, {
      type: 'test.answer',
      params: { prompt: 'ask', tools: ['weather.read'] },
      maxAttempts: 3,
      runImmediately: false,
    })
    // As a server of an earlier version may have written it.
    await on.world.client.task.update({ where: { id: bare(waiting.id) }, data: { params: { prompt: 'ask', tools: ['weather.rule'] } } })
    await does(on.world, RUN, { id: waiting.id }, on.ada)
    const task = await whenStatus(on.world, on.ada, waiting.id, 'FAILED')
    expect(task).toMatchObject({ attempt: 1, error: expect.stringContaining('There is no tool "weather.rule"; there are ') })
    expect(on.mock.getRequests()).toEqual([])
  })

  it('keeps to a schema in its last words', async () => {
    calling('weather_read', { city: 'Paris' }, '{"degrees":20}')
    const { task } = await answered(on, { prompt: 'ask', tools: ['weather.read'], schema: { type: 'object', required: ['degrees'] } })
    expect(task.result.object).toEqual({ degrees: 20 })
  })

  it('makes a task of the same owner, once however often it is attempted', async () => {
    const first = { id: 'call-1', name: 'task_create', arguments: JSON.stringify({ type: 'test.held', params: { note: 'hello' }, description: 'Holds.' }) }
    on.mock.on({ userMessage: 'ask', hasToolResult: false }, { toolCalls: [first] })
    let asked = 0
    on.mock.on({ userMessage: 'ask', hasToolResult: true }, (() =>
      asked++ ? { content: 'Done.' } : { error: { message: 'Try again.', type: 'server_error' }, status: 500 }) as never)
    const { task, stream } = await answered(on, { prompt: 'ask', tools: ['task.create'] }, { maxAttempts: 2, retryPolicy: { initialSeconds: 0 } })
    expect(task).toMatchObject({ status: 'COMPLETED', attempt: 2 })
    const children = await on.world.client.task.findMany({ where: { parentId: bare(task.id) } })
    expect(children).toMatchObject([{ type: 'test.held', ownerId: bare(on.ada.id), params: { note: 'hello' }, description: 'Holds.' }])
    expect(chunksOf(stream, 'TOOL_RESULT')).toMatchObject([{ output: { taskId: `Task:${children[0]!.id}` }, isError: false }])
  })

  it('is told what is wrong with a task that it wants to make', async () => {
    calling('task_create', { type: 'no.such.type' })
    const { task, stream } = await answered(on, { prompt: 'ask', tools: ['task.create'] })
    expect(chunksOf(stream, 'TOOL_RESULT')).toMatchObject([{ isError: true, output: expect.stringContaining('no.such.type') }])
    expect(await on.world.client.task.count({ where: { parentId: bare(task.id) } })).toBe(0)
  })

  it('searches only what the owner said', async () => {
    calling('conversation_search', { query: 'bread' })
    const { stream } = await answered(on, { prompt: 'ask', tools: ['conversation.search'] })
    expect(chunksOf(stream, 'TOOL_RESULT')).toMatchObject([{ output: [{ ownerId: bare(on.ada.id), query: 'bread', limit: 5 }] }])
  })

  it('is followed in `taskUpdated`, by its owner alone', async () => {
    calling('weather_read', {})
    const { task } = await answered(on, { prompt: 'ask', tools: ['weather.read'] })
    const EVENTS = 'query ($id: ID!) { task(id: $id) { events(first: 20) { nodes { kind data } } } }'
    const { nodes } = (await on.world.ask(EVENTS, { id: task.id }, on.ada)).data.task.events
    expect(nodes.filter(({ kind }: { kind: string }) => kind === 'TOOL_CALLED')).toMatchObject([{ data: { tool: { name: 'weather.read' } } }])
    expect((await on.world.ask(EVENTS, { id: task.id }, on.bob)).data.task).toBe(null)
    expect((await on.world.ask(EVENTS, { id: `Task:${newId()}` }, on.ada)).data.task).toBe(null)
  })
})
