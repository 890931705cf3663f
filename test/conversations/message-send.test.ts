import { LLMock } from '@copilotkit/aimock'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { newId } from '../../src/core/ids.ts'
import { dialects } from '../kit/databases.ts'
import { openWorld } from '../kit/world.ts'
import { CHUNKS } from '../streams/stream.ts'
import { create as createTask, openTaskWorld, type TaskWorld, whenStatus as whenTask } from '../tasks/task.ts'
import { create, kindsOf, message, newConversationId, newMessageId, read, SEND, send, stateOf, textsOf, turn, whenStatus } from './conversation.ts'

describe.each(dialects())('messageSend on %s', (dialect) => {
  const mock = new LLMock({ port: 0 })
  const env = () => ({ OPENAI_BASE_URL: `${mock.url}/v1`, OPENAI_API_KEY: 'sk-test' })
  let on: TaskWorld
  beforeAll(async () => {
    await mock.start()
    on = await openTaskWorld(dialect, { env: env() })
  })
  beforeEach(() => mock.reset())
  afterAll(async () => {
    await on.world.close()
    await mock.stop()
  })
  const says = (input: object, user = on.ada) => send(on.world, user, input)
  const refused = (input: object, user = on.ada) => on.world.refused(SEND, { input }, user)
  const given = () => (mock.getLastRequest()!.body as { messages: { role: string; content: string }[] }).messages
  /** An answer that takes until somebody stops it. */
  const slow = (word: string) => mock.onMessage(word, { content: 'word '.repeat(400) }, { chunkSize: 5, latency: 50 })

  it('answers at once with the turn, and the answer comes', async () => {
    mock.onMessage('capital', { content: 'Paris – 巴黎 🌞', usage: { prompt_tokens: 11, completion_tokens: 7 } }, { chunkSize: 4 })
    const sent = await says({ text: 'the capital of France?', conversation: { title: 'France', agent: 'guide', system: 'Be brief.' }, temperature: 0.5 })
    expect(sent.conversation).toMatchObject({ title: 'France', agent: 'guide', head: { id: sent.answer.id }, owner: { id: on.ada.id } })
    expect(sent.message).toMatchObject({ role: 'USER', status: 'COMPLETED', text: 'the capital of France?', depth: 0, parent: null, stream: null, task: null })
    expect(sent.answer).toMatchObject({ role: 'ASSISTANT', agent: 'guide', depth: 1, parent: { id: sent.message.id }, stream: { id: sent.stream.id } })
    expect(sent.stream.message).toEqual({ id: sent.answer.id })
    expect(sent.task).toMatchObject({ type: 'conversation.answer', params: { messageId: sent.answer.id, temperature: 0.5 } })
    const answer = await whenStatus(on.world, on.ada, sent.answer.id, 'COMPLETED')
    expect(answer).toMatchObject({
      text: 'Paris – 巴黎 🌞',
      parts: [{ type: 'TEXT', text: 'Paris – 巴黎 🌞' }],
      inputTokens: 11,
      outputTokens: 7,
      finishReason: 'stop',
      provider: 'openai',
      model: 'gpt-4o-mini',
      toolsInvoked: [],
      error: null,
      history: { sent: 1, dropped: 0, remembered: 0 },
      stream: { id: sent.stream.id, status: 'COMPLETED', text: 'Paris – 巴黎 🌞' },
      task: { id: sent.task.id, status: 'COMPLETED' },
    })
    expect(answer.responseTimeMs).toBe(Date.parse(answer.completedAt) - Date.parse(answer.createdAt))
    expect(given()).toEqual([
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'the capital of France?' },
    ])
    expect(await kindsOf(on.world, sent.conversation.id)).toEqual(['CREATED', 'MESSAGE_ADDED', 'MESSAGE_ADDED', 'MESSAGE_STARTED', 'MESSAGE_COMPLETED'])
  })

  it('remembers: the third turn goes with the two before it', async () => {
    mock.onMessage('my name', { content: 'Hello Ada.' })
    mock.onMessage('is it cold', { content: 'It is.' })
    mock.onMessage('who am I', { content: 'You are Ada.' })
    const first = await turn(on.world, on.ada, { text: 'my name is Ada' })
    const conversationId = first.conversation.id
    await turn(on.world, on.ada, { conversationId, text: 'is it cold?' })
    const third = await turn(on.world, on.ada, { conversationId, text: 'who am I?' })
    expect(given()).toEqual([
      { role: 'user', content: 'my name is Ada' },
      { role: 'assistant', content: 'Hello Ada.' },
      { role: 'user', content: 'is it cold?' },
      { role: 'assistant', content: 'It is.' },
      { role: 'user', content: 'who am I?' },
    ])
    expect(third.answer).toMatchObject({ text: 'You are Ada.', depth: 5, history: { sent: 5, dropped: 0, remembered: 0 } })
    expect(await textsOf(on.world, on.ada, conversationId)).toEqual(['my name is Ada', 'Hello Ada.', 'is it cold?', 'It is.', 'who am I?', 'You are Ada.'])
  })

  it('leaves out the oldest turns that the model has no room for, and tells how many', async () => {
    mock.onMessage('', { content: 'ok' })
    const long = (name: string) => `${name} ${'word '.repeat(2400)}`
    const { conversation } = await turn(on.world, on.ada, { text: long('first') })
    for (const name of ['second', 'third']) await turn(on.world, on.ada, { conversationId: conversation.id, text: long(name) })
    // 8,192 tokens less a quarter for the answer, and a tenth kept back: two of some 2,400 fit.
    const { answer } = await turn(on.world, on.ada, { conversationId: conversation.id, text: 'fourth' })
    expect(given().map(({ content }) => content.slice(0, 6).trim())).toEqual(['second', 'ok', 'third', 'ok', 'fourth'])
    expect(answer.history).toEqual({ sent: 5, dropped: 2, remembered: 0 })
    const huge = await turn(on.world, on.ada, { conversationId: conversation.id, text: 'word '.repeat(20_000) })
    expect(huge.answer.history).toEqual({ sent: 1, dropped: 8, remembered: 0 })
  })

  it('lets an agent remember earlier conversations of its session, and nobody else’s', async () => {
    mock.onMessage('', { content: 'noted' })
    const of = (agent: string, sessionKey: string, more: object = {}) => ({ conversation: { agent, sessionKey, settings: { memory: true }, ...more } })
    await turn(on.world, on.ada, { ...of('guide', 'trip'), text: 'I like tea' })
    await turn(on.world, on.ada, { ...of('cook', 'trip'), text: 'I like soup' })
    await turn(on.world, on.ada, { ...of('guide', 'other'), text: 'I like rain' })
    await turn(on.world, on.bob, { ...of('guide', 'trip'), text: 'I like beer' })
    const { answer } = await turn(on.world, on.ada, { ...of('guide', 'trip', { system: 'Be kind.' }), text: 'what do I like?' })
    expect(given()).toEqual([
      { role: 'system', content: 'Be kind.' },
      { role: 'system', content: 'From earlier conversations, oldest first:\n\nUser: I like tea\nYou: noted' },
      { role: 'user', content: 'what do I like?' },
    ])
    expect(answer.history).toEqual({ sent: 1, dropped: 0, remembered: 2 })
    const forgetful = await turn(on.world, on.ada, { ...of('guide', 'trip', { settings: { memory: false } }), text: 'and now?' })
    expect(forgetful.answer.history.remembered).toBe(0)
  })

  it('takes parts: text as text, data as JSON', async () => {
    mock.onMessage('look', { content: 'seen' })
    const { message: said } = await turn(on.world, on.ada, { parts: [{ text: 'look at this' }, { data: { a: [1, '2'] } }] })
    expect(said).toMatchObject({
      text: 'look at this',
      parts: [
        { type: 'TEXT', text: 'look at this' },
        { type: 'DATA', data: { a: [1, '2'] } },
      ],
    })
    expect(given()).toEqual([{ role: 'user', content: 'look at this\n\n{"a":[1,"2"]}' }])
  })

  it('belongs to the task that it arose from, whose messages it shows', async () => {
    mock.onMessage('why', { content: 'because' })
    const task = await createTask(on.world, on.ada, { runImmediately: false })
    const { conversation, answer, task: writer } = await turn(on.world, on.ada, { text: 'why?', taskId: task.id })
    expect(conversation.task).toEqual({ id: task.id })
    const messagesOf = async (id: string) =>
      (await on.world.ask('query ($id: ID!) { task(id: $id) { messages { totalCount nodes { text } } } }', { id }, on.ada)).data.task.messages
    expect(await messagesOf(task.id)).toEqual({ totalCount: 2, nodes: [{ text: 'why?' }, { text: 'because' }] })
    expect(await messagesOf(writer.id)).toEqual({ totalCount: 1, nodes: [{ text: answer.text }] })
    const other = await createTask(on.world, on.ada, { runImmediately: false })
    const before = await stateOf(on.world)
    expect(await refused({ conversationId: conversation.id, text: 'x', taskId: other.id })).toMatchObject([
      { code: 'BAD_USER_INPUT', path: ['input', 'taskId'] },
    ])
    expect(await refused({ text: 'x', taskId: other.id }, on.bob)).toMatchObject([{ code: 'NOT_FOUND', path: ['input', 'taskId'] }])
    expect(await stateOf(on.world)).toEqual(before)
  })

  describe('while an answer is being written', () => {
    const firstWords = async (id: string) => {
      const live = await on.world.follow(CHUNKS, { id }, on.ada)
      await live.until(({ lastSeq }) => lastSeq >= 0)
      await live.stop()
    }
    const begun = async (word: string) => {
      slow(word)
      const sent = await says({ text: word })
      await whenStatus(on.world, on.ada, sent.answer.id, 'STREAMING')
      return sent
    }

    it('QUEUE lets the turn stand behind it, and it is answered with what the one before has said', async () => {
      mock.onMessage('short', { content: 'one two three four' }, { chunkSize: 4, latency: 30 })
      mock.onMessage('next', { content: 'done' })
      const first = await says({ text: 'short' })
      const conversationId = first.conversation.id
      const second = await says({ conversationId, text: 'next', whenBusy: 'QUEUE' })
      expect(second.message.parent).toEqual({ id: first.answer.id })
      await whenStatus(on.world, on.ada, second.answer.id, 'COMPLETED')
      expect(given().map(({ content }) => content)).toEqual(['short', 'one two three four', 'next'])
      expect(await textsOf(on.world, on.ada, conversationId)).toEqual(['short', 'one two three four', 'next', 'done'])
    })

    it('REFUSE says so, and nothing changes', async () => {
      const { conversation, answer } = await begun('refusing')
      expect(await refused({ conversationId: conversation.id, text: 'next', whenBusy: 'REFUSE' })).toMatchObject([
        { code: 'CONVERSATION_BUSY', path: ['input', 'whenBusy'] },
      ])
      expect(await read(on.world, on.ada, conversation.id)).toMatchObject({ head: { id: answer.id } })
      expect(await kindsOf(on.world, conversation.id)).toEqual(['CREATED', 'MESSAGE_ADDED', 'MESSAGE_ADDED', 'MESSAGE_STARTED'])
      mock.onMessage('after', { content: 'yes' })
      await says({ conversationId: conversation.id, text: 'after', whenBusy: 'INTERRUPT' })
      await whenStatus(on.world, on.ada, answer.id, 'CANCELLED')
    })

    it('INTERRUPT stops it and all that wait, keeps what came, and goes on', async () => {
      mock.onMessage('stop', { content: 'stopped' })
      mock.onMessage('never', { content: 'never' })
      const { conversation, answer } = await begun('interrupting')
      const conversationId = conversation.id
      await firstWords(answer.stream.id)
      const waiting = await says({ conversationId, text: 'never' })
      const last = await says({ conversationId, text: 'stop', whenBusy: 'INTERRUPT' })
      expect(await message(on.world, on.ada, waiting.answer.id)).toMatchObject({ status: 'CANCELLED', text: '', task: { status: 'CANCELLED' } })
      const stopped = await whenStatus(on.world, on.ada, answer.id, 'CANCELLED')
      expect(stopped.text).toMatch(/^word/)
      expect(stopped).toMatchObject({ text: stopped.stream.text, parts: [{ type: 'TEXT', text: stopped.text }], error: null, stream: { status: 'CANCELLED' } })
      await whenStatus(on.world, on.ada, last.answer.id, 'COMPLETED')
      expect(given().map(({ content }) => content)).toEqual(['interrupting', stopped.text, 'never', 'stop'])
    })

    it('cancelling its task, or its stream, ends it in the message too', async () => {
      const { answer, stream } = await begun('cancelled')
      await on.world.does(
        'mutation ($input: StreamCancelInput!) { streamCancel(input: $input) { userErrors { code message } } }',
        { input: { id: stream.id } },
        on.ada,
      )
      expect(await message(on.world, on.ada, answer.id)).toMatchObject({ status: 'CANCELLED', completedAt: expect.any(String) })
    })
  })

  it('two sends at once, on two servers, end in a line', async () => {
    mock.onMessage('', { content: 'ok' })
    const { conversation } = await turn(on.world, on.ada, { text: 'begin' })
    const conversationId = conversation.id
    const second = dialect === 'postgresql' ? await openWorld(dialect, { url: on.world.url, env: env() }) : null
    const sent = await Promise.all(
      Array.from({ length: 8 }, (_, i) => send(i % 2 && second ? second : on.world, on.ada, { conversationId, text: `send ${i}` })),
    )
    for (const { answer } of sent) await whenStatus(on.world, on.ada, answer.id, 'COMPLETED')
    const texts = await textsOf(on.world, on.ada, conversationId)
    expect(texts).toHaveLength(18)
    expect([...texts.filter((text) => text.startsWith('send'))].sort()).toEqual(sent.map((_, i) => `send ${i}`))
    expect(texts.filter((_, i) => i % 2 === 1)).toEqual(Array(9).fill('ok'))
    await second?.close()
  })

  it('sent again, raced or not, says it once', async () => {
    mock.onMessage('once', { content: 'hi' })
    const { conversation } = await turn(on.world, on.ada, { text: 'once' })
    const id = newMessageId()
    for (const input of [
      { conversationId: conversation.id, text: 'once', idempotencyKey: 'once' },
      { conversationId: conversation.id, text: 'once', id },
    ]) {
      const all = await Promise.all(Array.from({ length: 6 }, () => says(input)))
      expect(new Set(all.map((sent) => `${sent.message.id} ${sent.answer.id} ${sent.stream.id} ${sent.task.id}`)).size).toBe(1)
      await whenStatus(on.world, on.ada, all[0].answer.id, 'COMPLETED')
      expect(await refused({ ...input, text: 'twice' })).toMatchObject([{ code: 'IDEMPOTENCY_MISMATCH' }])
    }
    expect(await refused({ text: 'once', id }, on.bob)).toMatchObject([{ code: 'ID_TAKEN', path: ['input', 'id'] }])
  })

  it.each([
    [{}, ['input', 'text']],
    [{ text: '' }, ['input', 'text']],
    [{ text: 'x'.repeat(200_001) }, ['input', 'text']],
    [{ text: 'a', parts: [{ text: 'b' }] }, ['input', 'text']],
    [{ parts: [] }, ['input', 'parts']],
    [{ parts: [{}] }, ['input', 'parts', '0', 'text']],
    [{ parts: [{ text: 'x'.repeat(150_000) }, { text: 'x'.repeat(60_000) }] }, ['input', 'parts']],
    [{ text: 'a', temperature: 3 }, ['input', 'temperature']],
    [{ text: 'a', maxOutputTokens: 0 }, ['input', 'maxOutputTokens']],
    [{ text: 'a', model: ' ' }, ['input', 'model']],
    [{ text: 'a', tools: [''] }, ['input', 'tools', '0']],
    [{ text: 'a', id: 'x' }, ['input', 'id']],
    [{ text: 'a', conversationId: 'x' }, ['input', 'conversationId']],
    [{ text: 'a', conversationId: newConversationId(), conversation: {} }, ['input', 'conversation']],
    [{ text: 'a', conversation: { title: ' ' } }, ['input', 'conversation', 'title']],
    [{ text: 'a', conversation: { settings: { temperature: -1 } } }, ['input', 'conversation', 'settings', 'temperature']],
    [{ text: 'a', conversation: { metadata: [1] } }, ['input', 'conversation', 'metadata']],
  ])('refuses what cannot be said, and says nothing (%#)', async (input, path) => {
    const before = await stateOf(on.world)
    expect(await refused(input)).toMatchObject([{ code: 'BAD_USER_INPUT', path }])
    expect(await stateOf(on.world)).toEqual(before)
  })

  it('tells no difference between a conversation that is not there, not yours, or none', async () => {
    const { id } = await create(on.world, on.ada)
    const before = await stateOf(on.world)
    const missing = await refused({ conversationId: newConversationId(), text: 'a' })
    expect(missing).toEqual([{ code: 'NOT_FOUND', path: ['input', 'conversationId'], message: 'Conversation not found.' }])
    expect(await refused({ conversationId: id, text: 'a' }, on.bob)).toEqual(missing)
    expect(await refused({ conversationId: `Task:${newId()}`, text: 'a' })).toEqual(missing)
    expect(await stateOf(on.world)).toEqual(before)
  })

  it('an ADMIN who says something in another’s conversation leaves it theirs', async () => {
    mock.onMessage('hello', { content: 'hi' })
    const { id } = await create(on.world, on.ada)
    const { answer, task } = await send(on.world, on.admin, { conversationId: id, text: 'hello' })
    await whenStatus(on.world, on.ada, answer.id, 'COMPLETED')
    expect((await on.world.ask('query ($id: ID!) { task(id: $id) { owner { id } } }', { id: task.id }, on.ada)).data.task.owner.id).toBe(on.ada.id)
  })

  it('a task of this type that somebody makes by hand writes nothing', async () => {
    mock.onMessage('mine', { content: 'hi' })
    const { answer } = await turn(on.world, on.ada, { text: 'mine' })
    for (const user of [on.ada, on.bob]) {
      const { id } = await createTask(on.world, user, { type: 'conversation.answer', params: { messageId: answer.id } })
      const failed = await whenTask(on.world, user, id, 'FAILED')
      expect(failed).toMatchObject({ attempt: 1, error: expect.stringContaining('not found') })
    }
    expect(await message(on.world, on.ada, answer.id)).toEqual(answer)
  })

  it('an answer that fails says why, and is no longer in the way', async () => {
    mock.onMessage('broken', { error: { message: 'This model is gone.', type: 'invalid_request_error' }, status: 400 } as never)
    mock.onMessage('again', { content: 'yes' })
    const { conversation, answer } = await says({ text: 'broken' })
    const failed = await whenStatus(on.world, on.ada, answer.id, 'FAILED')
    expect(failed).toMatchObject({ error: expect.stringContaining('gone'), text: '', completedAt: expect.any(String) })
    await turn(on.world, on.ada, { conversationId: conversation.id, text: 'again', whenBusy: 'REFUSE' })
    expect(given().map(({ content }) => content)).toEqual(['broken', 'again'])
  })
})
