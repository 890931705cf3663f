import { LLMock } from '@copilotkit/aimock'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { newId } from '../../src/core/ids.ts'
import { dialects } from '../kit/databases.ts'
import { CREATE, kindsOf, stateOf, UPDATE, whenStatus } from '../tasks/task.ts'
import { CANCEL, CHUNKS, create, newStreamId, open, openTaskWorld, read, START, type TaskWorld } from './stream.ts'

describe.each(dialects())('streamStart on %s', (dialect) => {
  const mock = new LLMock({ port: 0 })
  let on: TaskWorld
  beforeAll(async () => {
    await mock.start()
    on = await openTaskWorld(dialect, { env: { OPENAI_BASE_URL: `${mock.url}/v1`, OPENAI_API_KEY: 'sk-test' } })
  })
  beforeEach(() => mock.reset())
  afterAll(async () => {
    await on.world.close()
    await mock.stop()
  })
  const start = (input: object, user = on.ada) => on.world.does(START, { input }, user)
  const refused = (input: object, user = on.ada) => on.world.refused(START, { input }, user)

  it('answers at once with a stream that is PENDING and the task that will write it, and the words come', async () => {
    mock.onMessage('capital', { content: 'The capital is Paris – 巴黎 🌞.', usage: { prompt_tokens: 11, completion_tokens: 7 } }, { chunkSize: 4 })
    const { stream, task } = await start({ prompt: 'the capital of France?', temperature: 0.5, maxOutputTokens: 50, system: 'Be brief.' })
    expect(task).toMatchObject({
      type: 'text.generate',
      params: { prompt: 'the capital of France?', temperature: 0.5, maxOutputTokens: 50, system: 'Be brief.' },
    })
    expect(stream.task.id).toBe(task.id)
    const live = await on.world.follow(CHUNKS, { id: stream.id }, on.ada)
    const messages = await live.until((message) => message.status === 'COMPLETED')
    expect(messages.map(({ text }) => text).join('')).toBe('The capital is Paris – 巴黎 🌞.')
    const done = await whenStatus(on.world, on.ada, task.id, 'COMPLETED')
    expect(done.result).toMatchObject({ text: 'The capital is Paris – 巴黎 🌞.', finishReason: 'stop', usage: { inputTokens: 11, outputTokens: 7 } })
    expect(await read(on.world, on.ada, stream.id)).toMatchObject({ status: 'COMPLETED', attempt: 1, provider: 'openai', model: 'gpt-4o-mini' })
    expect(await kindsOf(on.world, stream.id)).toEqual(['OPENED', 'STARTED', 'COMPLETED'])
  })

  it('takes messages instead of a prompt', async () => {
    mock.onMessage('second', { content: 'yes' })
    const messages = [
      { role: 'USER', content: 'first' },
      { role: 'ASSISTANT', content: 'well' },
      { role: 'USER', content: 'second' },
    ]
    const { task } = await start({ messages })
    await whenStatus(on.world, on.ada, task.id, 'COMPLETED')
    expect((mock.getLastRequest()!.body as { messages: object[] }).messages).toEqual(
      messages.map(({ role, content }) => ({ role: role.toLowerCase(), content })),
    )
  })

  it.each([
    [{}, ['input', 'prompt']],
    [{ prompt: 'a', messages: [{ role: 'USER', content: 'b' }] }, ['input', 'prompt']],
    [{ prompt: '' }, ['input', 'prompt']],
    [{ prompt: 'x'.repeat(100_001) }, ['input', 'prompt']],
    [{ messages: [] }, ['input', 'messages']],
    [{ messages: [{ role: 'USER', content: '' }] }, ['input', 'messages', '0', 'content']],
    [{ prompt: 'a', temperature: 2.1 }, ['input', 'temperature']],
    [{ prompt: 'a', stop: ['1', '2', '3', '4', '5'] }, ['input', 'stop']],
    [{ prompt: 'a', stop: [''] }, ['input', 'stop', '0']],
    [{ prompt: 'a', fallbackModels: Array(6).fill('m') }, ['input', 'fallbackModels']],
    [{ prompt: 'a', maxSteps: 51 }, ['input', 'maxSteps']],
    [{ prompt: 'a', callTimeoutSeconds: 0 }, ['input', 'callTimeoutSeconds']],
    [{ prompt: 'a', tools: Array(33).fill('http.get') }, ['input', 'tools']],
    [{ prompt: 'a', schema: { type: 'town' } }, ['input', 'schema', 'type']],
    [{ prompt: 'a', schema: { $ref: '#' } }, ['input', 'schema']],
    [{ messages: [{ role: 'USER' }] }, ['input', 'messages', '0', 'content']],
    [{ messages: [{ role: 'USER', content: 'a', toolCalls: [] }] }, ['input', 'messages', '0', 'toolCalls']],
    [{ messages: [{ role: 'TOOL', name: 'http.get', output: 1 }] }, ['input', 'messages', '0', 'callId']],
    [{ messages: [{ role: 'ASSISTANT', content: '' }] }, ['input', 'messages', '0', 'content']],
    [{ messages: [{ role: 'USER', content: 'a', isError: false }] }, ['input', 'messages', '0', 'role']],
    [{ prompt: 'a', maxOutputTokens: 0 }, ['input', 'maxOutputTokens']],
    [{ prompt: 'a', system: '' }, ['input', 'system']],
    [{ prompt: 'a', model: ' ' }, ['input', 'model']],
    [{ prompt: 'a', id: 'x' }, ['input', 'id']],
    [{ prompt: 'a', taskId: 'x' }, ['input', 'taskId']],
  ])('refuses what cannot be answered, and starts nothing (%#)', async (input, path) => {
    const before = await stateOf(on.world)
    expect(await refused(input)).toMatchObject([{ code: 'BAD_USER_INPUT', path }])
    expect(await stateOf(on.world)).toEqual(before)
  })

  it('takes all that says how to answer, and a conversation in which tools were called', async () => {
    mock.onMessage('Rome', { content: '{"degrees":25}' })
    const how = {
      stop: ['END'],
      schema: { type: 'object', required: ['degrees'] },
      reasoning: 'LOW',
      tools: ['http.get', 'task.create'],
      maxSteps: 3,
      fallbackModels: ['openai/other'],
      callTimeoutSeconds: 60,
    }
    const messages = [
      { role: 'USER', content: 'How warm is it in Paris?' },
      { role: 'ASSISTANT', toolCalls: [{ callId: 'c1', name: 'weather.read', input: { city: 'Paris' } }] },
      { role: 'TOOL', callId: 'c1', name: 'weather.read', output: { degrees: 20 } },
      { role: 'ASSISTANT', content: '20.' },
      { role: 'USER', content: 'And in Rome?' },
    ]
    const { task } = await start({ messages, ...how })
    expect(task.params).toEqual({
      ...how,
      messages: [
        { role: 'user', content: 'How warm is it in Paris?' },
        { role: 'assistant', content: '', toolCalls: [{ callId: 'c1', name: 'weather.read', input: { city: 'Paris' } }] },
        { role: 'tool', callId: 'c1', name: 'weather.read', output: { degrees: 20 } },
        { role: 'assistant', content: '20.' },
        { role: 'user', content: 'And in Rome?' },
      ],
    })
    const done = await whenStatus(on.world, on.ada, task.id, 'COMPLETED')
    expect(done.result).toMatchObject({ object: { degrees: 25 }, toolsInvoked: [] })
    const body = mock.getLastRequest()!.body as { messages: object[]; tools: object[]; stop: string[]; reasoning_effort: string }
    expect(body).toMatchObject({ stop: ['END'], reasoning_effort: 'low', tools: [{ function: { name: 'http_get' } }, { function: { name: 'task_create' } }] })
    expect(body.messages[1]).toMatchObject({ tool_calls: [{ id: 'c1', function: { name: 'weather_read' } }] })
  })

  it('refuses a tool that there is not, and says which there are', async () => {
    const before = await stateOf(on.world)
    const [refusal] = await refused({ prompt: 'a', tools: ['http.get', 'world.end'] })
    expect(refusal).toEqual({
      code: 'UNKNOWN_TOOL',
      path: ['input', 'tools'],
      message: 'There is no tool "world.end"; there are conversation.search, http.get, task.create.',
    })
    expect(await stateOf(on.world)).toEqual(before)
  })

  it('refuses it also where the task is made by hand, changed, or one of many', async () => {
    const params = { prompt: 'a', tools: ['world.end', 'http.get', 'moon.fall'] }
    const refusals = ['world.end', 'moon.fall'].map((name, i) => ({
      code: 'UNKNOWN_TOOL',
      path: ['input', 'params', 'tools', String(2 * i)],
      message: `There is no tool "${name}"; there are conversation.search, http.get, task.create.`,
    }))
    const task = await create(on.world, on.ada, { type: 'text.generate', params: { prompt: 'a', tools: ['http.get'] }, runImmediately: false })
    const before = await stateOf(on.world)
    expect(await on.world.refused(CREATE, { input: { type: 'text.generate', params } }, on.ada)).toEqual(refusals)
    expect(await on.world.refused(UPDATE, { input: { id: task.id, params } }, on.ada)).toEqual(refusals)
    const many = 'mutation ($input: TaskCreateManyInput!) { taskCreateMany(input: $input) { userErrors { code path message } } }'
    const tasks = [
      { type: 'text.generate', params: { prompt: 'a' } },
      { type: 'text.generate', params: { prompt: 'a', tools: ['world.end'] } },
    ]
    expect(await on.world.refused(many, { input: { tasks } }, on.ada)).toEqual([{ ...refusals[0], path: ['input', 'tasks', '1', 'params', 'tools', '0'] }])
    expect(await stateOf(on.world)).toEqual(before)
  })

  it('belongs to a task of one’s own only', async () => {
    mock.onMessage('hello', { content: 'hi' })
    const owner = await create(on.world, on.ada, { runImmediately: false })
    const before = await stateOf(on.world)
    const missing = await refused({ prompt: 'hello', taskId: `Task:${newId()}` })
    expect(missing).toEqual([{ code: 'NOT_FOUND', path: ['input', 'taskId'], message: 'Task not found.' }])
    expect(await refused({ prompt: 'hello', taskId: owner.id }, on.bob)).toEqual(missing)
    expect(await stateOf(on.world)).toEqual(before)
    const { stream, task } = await start({ prompt: 'hello', taskId: owner.id })
    expect(stream.task.id).toBe(owner.id)
    expect(task.id).not.toBe(owner.id)
    await whenStatus(on.world, on.ada, task.id, 'COMPLETED')
    expect(await read(on.world, on.ada, stream.id)).toMatchObject({ status: 'COMPLETED', text: 'hi', task: { id: owner.id } })
  })

  it('sent again, raced or not, starts once', async () => {
    mock.onMessage('once', { content: 'hi' })
    const id = newStreamId()
    for (const input of [
      { prompt: 'once', idempotencyKey: 'once' },
      { prompt: 'once', id },
    ]) {
      const all = await Promise.all(Array.from({ length: 10 }, () => start(input)))
      expect(new Set(all.map(({ stream }) => stream.id)).size).toBe(1)
      expect(new Set(all.map(({ task }) => task.id)).size).toBe(1)
      expect(await refused({ ...input, prompt: 'twice' })).toMatchObject([{ code: 'IDEMPOTENCY_MISMATCH' }])
    }
    expect(await refused({ prompt: 'once', id }, on.bob)).toMatchObject([{ code: 'ID_TAKEN', path: ['input', 'id'] }])
  })

  it('follows a failing provider: the stream keeps its words and the task is tried again in another', async () => {
    mock.onMessage('broken', { error: { message: 'This model is overloaded.', type: 'server_error' }, status: 400 } as never)
    const { stream, task } = await start({ prompt: 'broken' })
    const failed = await whenStatus(on.world, on.ada, task.id, 'FAILED', 'QUEUED').then((now) =>
      now.attempt ? now : whenStatus(on.world, on.ada, task.id, 'FAILED'),
    )
    expect(failed.error).toContain('overloaded')
    if (failed.status === 'FAILED')
      expect(await read(on.world, on.ada, stream.id)).toMatchObject({ status: 'FAILED', error: expect.stringContaining('overloaded') })
  })

  describe('streamCancel', () => {
    const cancel = async (id: string, user = on.ada) => (await on.world.does(CANCEL, { input: { id } }, user)).stream
    const notCancelled = (id: string, user = on.ada) => on.world.refused(CANCEL, { input: { id } }, user)

    it('ends a stream that a task writes, and the task with it; the words so far are kept', async () => {
      mock.onMessage('slow', { content: 'word '.repeat(200) }, { chunkSize: 5, latency: 50 })
      const { stream, task } = await start({ prompt: 'slow' })
      const live = await on.world.follow(CHUNKS, { id: stream.id }, on.ada)
      await live.until((message) => message.lastSeq >= 1)
      const cancelled = await cancel(stream.id)
      expect(cancelled).toMatchObject({ status: 'CANCELLED', completedAt: expect.any(String) })
      expect(cancelled.text).toMatch(/^word word /)
      expect(await whenStatus(on.world, on.ada, task.id, 'CANCELLED')).toMatchObject({ status: 'CANCELLED' })
      const rest = await live.until((message) => message.status === 'CANCELLED')
      expect(rest[rest.length - 1].lastSeq).toBe(cancelled.lastSeq)
    })

    it('ends one that is written elsewhere, at once', async () => {
      const stream = await open(on.world, on.ada)
      expect(await cancel(stream.id)).toMatchObject({ status: 'CANCELLED', leaseExpiresAt: null })
      expect(await kindsOf(on.world, stream.id)).toEqual(['OPENED', 'CANCELLED'])
      expect(await notCancelled(stream.id)).toMatchObject([{ code: 'STREAM_NOT_OPEN', path: ['input', 'id'] }])
    })

    it('ends one that waits for its task', async () => {
      const stream = await open(on.world, on.ada)
      const answers = await Promise.all([notCancelled(stream.id), notCancelled(stream.id), notCancelled(stream.id)])
      expect(answers.filter((errors) => errors.length === 0)).toHaveLength(1)
    })

    it('tells no difference between a stream that is not there, not yours, or none', async () => {
      const stream = await open(on.world, on.ada)
      const missing = await notCancelled(newStreamId())
      expect(missing).toEqual([{ code: 'NOT_FOUND', path: ['input', 'id'], message: 'Stream not found.' }])
      expect(await notCancelled(stream.id, on.bob)).toEqual(missing)
      expect(await notCancelled(`Task:${newId()}`)).toEqual(missing)
      expect(await read(on.world, on.ada, stream.id)).toMatchObject({ status: 'PENDING' })
      expect(await cancel(stream.id, on.admin)).toMatchObject({ status: 'CANCELLED' })
    })
  })
})

describe.each(dialects())('streamStart without any provider, on %s', (dialect) => {
  it('fails in words that say what to set up, in the task and in the stream', async () => {
    const { world, ada } = await openTaskWorld(dialect)
    const { stream, task } = await world.does(START, { input: { prompt: 'hello' } }, ada)
    const failed = await whenStatus(world, ada, task.id, 'FAILED')
    expect(failed).toMatchObject({ attempt: 1, error: expect.stringContaining('No provider can answer this.') })
    expect(await read(world, ada, stream.id)).toMatchObject({ status: 'FAILED', error: failed.error, text: '' })
    await world.close()
  })
})
