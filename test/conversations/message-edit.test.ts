import { LLMock } from '@copilotkit/aimock'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { dialects } from '../kit/databases.ts'
import { openTaskWorld, type TaskWorld } from '../tasks/task.ts'
import { EDIT, FORK, kindsOf, newConversationId, newMessageId, REGENERATE, read, SELECT, send, stateOf, textsOf, turn, whenStatus } from './conversation.ts'

const SIBLINGS = 'query ($id: ID!) { node(id: $id) { ... on Message { siblings { totalCount nodes { id text } } } } }'

describe.each(dialects())('the ways through a conversation on %s', (dialect) => {
  const mock = new LLMock({ port: 0 })
  let on: TaskWorld
  beforeAll(async () => {
    await mock.start()
    on = await openTaskWorld(dialect, { env: { OPENAI_BASE_URL: `${mock.url}/v1`, OPENAI_API_KEY: 'sk-test' } })
  })
  beforeEach(() => {
    mock.reset()
    mock.onMessage('', { content: 'ok' })
  })
  afterAll(async () => {
    await on.world.close()
    await mock.stop()
  })
  const given = () => (mock.getLastRequest()!.body as { messages: { content: string }[] }).messages.map(({ content }) => content)
  const does = (mutation: string, input: object, user = on.ada) => on.world.does(mutation, { input }, user)
  const refused = (mutation: string, input: object, user = on.ada) => on.world.refused(mutation, { input }, user)
  const answered = async (mutation: string, input: object) => {
    const made = await does(mutation, input)
    return { ...made, answer: await whenStatus(on.world, on.ada, made.answer.id, 'COMPLETED') }
  }
  const texts = (id: string) => textsOf(on.world, on.ada, id)
  const siblings = async (id: string) => (await on.world.ask(SIBLINGS, { id }, on.ada)).data.node.siblings
  /** Three turns: a, b, c. */
  const three = async () => {
    const a = await turn(on.world, on.ada, { text: 'a', conversation: { agent: 'guide', system: 'Be kind.', settings: { temperature: 0.1 } } })
    const conversationId = a.conversation.id
    const b = await turn(on.world, on.ada, { conversationId, text: 'b' })
    const c = await turn(on.world, on.ada, { conversationId, text: 'c' })
    return { conversationId, a, b, c }
  }

  it('messageEdit says it otherwise beside the first, and goes on from there', async () => {
    const { conversationId, b, c } = await three()
    const edited = await answered(EDIT, { id: b.message.id, text: 'B' })
    expect(edited.message).toMatchObject({ text: 'B', role: 'USER', depth: 2, parent: b.message.parent, insteadOf: { id: b.message.id } })
    expect(edited.conversation).toMatchObject({ id: conversationId, head: { id: edited.answer.id } })
    expect(given()).toEqual(['Be kind.', 'a', 'ok', 'B'])
    expect(await texts(conversationId)).toEqual(['a', 'ok', 'B', 'ok'])
    const both = { totalCount: 2, nodes: [{ id: b.message.id, text: 'b' }, { id: edited.message.id, text: 'B' }] } // biome-ignore format: one look
    expect(await siblings(b.message.id)).toEqual(both)
    expect(await siblings(edited.message.id)).toEqual(both)
    expect(await on.world.client.message.count({ where: { conversationId: conversationId.split(':')[1] } })).toBe(8)
    const back = await does(SELECT, { id: conversationId, messageId: b.message.id })
    expect(back.conversation.head.id).toBe(c.answer.id)
    expect(await texts(conversationId)).toEqual(['a', 'ok', 'b', 'ok', 'c', 'ok'])
  })

  it('messageEdit of the first message begins anew', async () => {
    const { conversationId, a } = await three()
    const edited = await answered(EDIT, { id: a.message.id, parts: [{ text: 'A' }] })
    expect(edited.message).toMatchObject({ depth: 0, parent: null })
    expect(await texts(conversationId)).toEqual(['A', 'ok'])
    expect((await siblings(a.message.id)).nodes.map(({ text }: { text: string }) => text)).toEqual(['a', 'A'])
  })

  it('messageRegenerate makes another answer beside the first', async () => {
    const { conversationId, c } = await three()
    mock.reset()
    mock.onMessage('c', { content: 'better' })
    const again = await answered(REGENERATE, { id: c.answer.id, temperature: 1.5 })
    expect(again.message.id).toBe(c.message.id)
    expect(again.answer).toMatchObject({ text: 'better', agent: 'guide', insteadOf: { id: c.answer.id }, parent: { id: c.message.id } })
    expect(again.task.params).toMatchObject({ temperature: 1.5 })
    expect(await texts(conversationId)).toEqual(['a', 'ok', 'b', 'ok', 'c', 'better'])
    expect(await siblings(c.answer.id)).toMatchObject({ totalCount: 2, nodes: [{ text: 'ok' }, { text: 'better' }] })
    await does(SELECT, { id: conversationId, messageId: c.answer.id })
    expect(await texts(conversationId)).toEqual(['a', 'ok', 'b', 'ok', 'c', 'ok'])
    expect((await kindsOf(on.world, conversationId)).at(-1)).toBe('HEAD_MOVED')
  })

  it('conversationFork shares what lies before and copies nothing', async () => {
    const { conversationId, a, b } = await three()
    const before = await on.world.client.message.count()
    const { conversation: fork } = await does(FORK, { conversationId, messageId: b.message.id, title: 'another way' })
    expect(await on.world.client.message.count()).toBe(before)
    expect(fork).toMatchObject({
      title: 'another way',
      agent: 'guide',
      system: 'Be kind.',
      settings: { temperature: 0.1 },
      forkedFrom: { id: conversationId },
      forkedAt: { id: b.message.id },
      head: { id: b.message.id },
    })
    const d = await turn(on.world, on.ada, { conversationId: fork.id, text: 'd' })
    expect(given()).toEqual(['Be kind.', 'a', 'ok', 'b', 'd'])
    expect(d.message).toMatchObject({ depth: 3, parent: { id: b.message.id } })
    expect(await texts(fork.id)).toEqual(['a', 'ok', 'b', 'd', 'ok'])
    expect(await texts(conversationId)).toEqual(['a', 'ok', 'b', 'ok', 'c', 'ok'])
    expect(await on.world.client.message.count()).toBe(before + 2)
    const forks = await on.world.ask('query ($id: ID!) { conversation(id: $id) { forks { totalCount nodes { id } } } }', { id: conversationId }, on.ada)
    expect(forks.data.conversation.forks).toEqual({ totalCount: 1, nodes: [{ id: fork.id }] })
    // What the fork shows of the other can be said otherwise there, without the other noticing.
    const edited = await answered(EDIT, { id: a.message.id, conversationId: fork.id, text: 'A' })
    expect(edited.message.conversation).toEqual({ id: fork.id })
    expect(await texts(fork.id)).toEqual(['A', 'ok'])
    expect(await texts(conversationId)).toEqual(['a', 'ok', 'b', 'ok', 'c', 'ok'])
  })

  it('a fork of a fork of a fork shows the whole way', async () => {
    let { conversationId } = await three()
    for (const text of ['x', 'y', 'z']) {
      const { head } = await read(on.world, on.ada, conversationId)
      conversationId = (await does(FORK, { conversationId, messageId: head.id })).conversation.id
      await turn(on.world, on.ada, { conversationId, text })
    }
    expect(await texts(conversationId)).toEqual(['a', 'ok', 'b', 'ok', 'c', 'ok', 'x', 'ok', 'y', 'ok', 'z', 'ok'])
  })

  it('refuses what is no part of the conversation, and changes nothing', async () => {
    const { conversationId, c } = await three()
    const other = await three()
    const { conversation: fork } = await does(FORK, { conversationId, messageId: other.c.message.id.replace(/.*/, c.message.id) })
    const before = await stateOf(on.world)
    const messageId = other.b.message.id
    const missing = [{ code: 'NOT_FOUND', path: ['input', 'messageId'], message: 'Message not found.' }]
    expect(await refused(FORK, { conversationId, messageId })).toEqual(missing)
    expect(await refused(FORK, { conversationId, messageId: newMessageId() })).toEqual(missing)
    expect(await refused(FORK, { conversationId, messageId: conversationId })).toEqual(missing)
    expect(await refused(SELECT, { id: conversationId, messageId })).toEqual(missing)
    expect(await refused(EDIT, { id: messageId, conversationId, text: 'x' })).toMatchObject([{ code: 'NOT_FOUND', path: ['input', 'id'] }])
    expect(await refused(EDIT, { id: c.answer.id, text: 'x' })).toMatchObject([{ code: 'BAD_USER_INPUT', path: ['input', 'id'] }])
    expect(await refused(REGENERATE, { id: c.message.id })).toMatchObject([{ code: 'BAD_USER_INPUT', path: ['input', 'id'] }])
    expect(await refused(REGENERATE, { id: newMessageId() })).toMatchObject([{ code: 'NOT_FOUND', path: ['input', 'id'] }])
    expect(await refused(FORK, { conversationId: newConversationId(), messageId })).toMatchObject([{ code: 'NOT_FOUND', path: ['input', 'conversationId'] }])
    for (const [mutation, input] of [
      [FORK, { conversationId, messageId: c.message.id }],
      [SELECT, { id: conversationId, messageId: c.message.id }],
      [EDIT, { id: c.message.id, text: 'x' }],
      [REGENERATE, { id: c.answer.id }],
      [EDIT, { id: c.message.id, conversationId: fork.id, text: 'x' }],
    ] as const)
      expect(await refused(mutation, input, on.bob)).toMatchObject([{ code: 'NOT_FOUND' }])
    expect(await stateOf(on.world)).toEqual(before)
  })

  it('edits, tries and forks that are sent again have one effect', async () => {
    const { conversationId, c } = await three()
    for (const [mutation, input] of [
      [EDIT, { id: c.message.id, text: 'C', idempotencyKey: 'edit' }],
      [REGENERATE, { id: c.answer.id, idempotencyKey: 'again' }],
    ] as const) {
      const all = await Promise.all([1, 2, 3, 4].map(() => does(mutation, input)))
      expect(new Set(all.map(({ answer }) => answer.id)).size).toBe(1)
      await whenStatus(on.world, on.ada, all[0].answer.id, 'COMPLETED')
    }
    const id = newConversationId()
    const forks = await Promise.all([1, 2, 3].map(() => does(FORK, { id, conversationId, messageId: c.message.id })))
    expect(forks.map(({ conversation }) => conversation.id)).toEqual([id, id, id])
  })

  it('an edit while an answer is being written obeys whenBusy', async () => {
    const { conversationId, c } = await three()
    mock.reset()
    mock.onMessage('slow', { content: 'word '.repeat(400) }, { chunkSize: 5, latency: 50 })
    mock.onMessage('C', { content: 'ok' })
    const slow = await send(on.world, on.ada, { conversationId, text: 'slow' })
    await whenStatus(on.world, on.ada, slow.answer.id, 'STREAMING')
    expect(await refused(EDIT, { id: c.message.id, text: 'C', whenBusy: 'REFUSE' })).toMatchObject([{ code: 'CONVERSATION_BUSY' }])
    await answered(EDIT, { id: c.message.id, text: 'C', whenBusy: 'INTERRUPT' })
    await whenStatus(on.world, on.ada, slow.answer.id, 'CANCELLED')
    expect(await texts(conversationId)).toEqual(['a', 'ok', 'b', 'ok', 'C', 'ok'])
  })
})
