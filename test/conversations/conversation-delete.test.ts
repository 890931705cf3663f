import { LLMock } from '@copilotkit/aimock'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { dialects } from '../kit/databases.ts'
import { bare, openTaskWorld, type TaskWorld, whenStatus as whenTask } from '../tasks/task.ts'
import { CREATE, DELETE, FORK, kindsOf, message, newConversationId, read, send, stateOf, textsOf, turn, whenStatus } from './conversation.ts'

describe.each(dialects())('conversationDelete on %s', (dialect) => {
  const mock = new LLMock({ port: 0 })
  let on: TaskWorld
  beforeAll(async () => {
    await mock.start()
    on = await openTaskWorld(dialect, { env: { OPENAI_BASE_URL: `${mock.url}/v1`, OPENAI_API_KEY: 'sk-test' } })
  })
  beforeEach(() => {
    mock.reset()
    mock.onMessage('slow', { content: 'word '.repeat(400) }, { chunkSize: 5, latency: 50 })
    mock.onMessage('', { content: 'ok' })
  })
  afterAll(async () => {
    await on.world.close()
    await mock.stop()
  })
  const remove = (id: string, user = on.ada) => on.world.does(DELETE, { input: { id } }, user)
  const fork = async (conversationId: string, messageId: string) =>
    (await on.world.does(FORK, { input: { conversationId, messageId } }, on.ada)).conversation.id
  const count = () => on.world.client.message.count()
  const talk = async (...texts: string[]) => {
    const turns: Awaited<ReturnType<typeof turn>>[] = []
    for (const text of texts) turns.push(await turn(on.world, on.ada, { text, ...(turns.length && { conversationId: turns[0].conversation.id }) }))
    return { id: turns[0].conversation.id as string, turns }
  }

  it('removes it with all that was said in it', async () => {
    const before = await count()
    const { id } = await talk('a', 'b')
    expect(await remove(id)).toMatchObject({ deletedId: id })
    expect(await count()).toBe(before)
    expect(await read(on.world, on.ada, id)).toBeNull()
    expect((await kindsOf(on.world, id)).at(-1)).toBe('DELETED')
  })

  it('keeps what a fork still needs, until that goes too', async () => {
    const before = await count()
    const { id, turns } = await talk('a', 'b', 'c')
    const first = await fork(id, turns[1].message.id)
    const second = await fork(id, turns[0].answer.id)
    await turn(on.world, on.ada, { conversationId: first, text: 'd' })
    await remove(id)
    // a, its answer and b are left of the first; d and its answer are the fork's own.
    expect(await count()).toBe(before + 5)
    expect(await textsOf(on.world, on.ada, first)).toEqual(['a', 'ok', 'b', 'd', 'ok'])
    expect(await textsOf(on.world, on.ada, second)).toEqual(['a', 'ok'])
    expect(await read(on.world, on.ada, first)).toMatchObject({ forkedFrom: null, forkedAt: { id: turns[1].message.id } })
    expect(await message(on.world, on.ada, turns[0].message.id)).toMatchObject({ conversation: null })
    // It can be gone on with.
    await turn(on.world, on.ada, { conversationId: second, text: 'e' })
    await remove(first)
    expect(await count()).toBe(before + 4)
    expect(await textsOf(on.world, on.ada, second)).toEqual(['a', 'ok', 'e', 'ok'])
    await remove(second)
    expect(await count()).toBe(before)
  })

  it('a fork that goes leaves the other as it was', async () => {
    const { id, turns } = await talk('a', 'b')
    const forked = await fork(id, turns[0].message.id)
    await turn(on.world, on.ada, { conversationId: forked, text: 'c' })
    await remove(forked)
    expect(await textsOf(on.world, on.ada, id)).toEqual(['a', 'ok', 'b', 'ok'])
  })

  it('cancels an answer that is being written, but not one that a fork waits for', async () => {
    const begun = async () => {
      const sent = await send(on.world, on.ada, { text: 'slow' })
      await whenStatus(on.world, on.ada, sent.answer.id, 'STREAMING')
      return sent
    }
    const lost = await begun()
    await remove(lost.conversation.id)
    expect(await whenTask(on.world, on.ada, lost.task.id, 'CANCELLED')).toMatchObject({ status: 'CANCELLED' })
    const awaited = await begun()
    const forked = await fork(awaited.conversation.id, awaited.answer.id)
    await remove(awaited.conversation.id)
    expect(await message(on.world, on.ada, awaited.answer.id)).toMatchObject({ status: 'STREAMING', conversation: null })
    const live = await on.world.follow('subscription ($id: ID!) { conversationUpdated(id: $id) { kind } }', { id: forked }, on.ada)
    await live.take()
    await on.world.does(
      'mutation ($input: TaskCancelInput!) { taskCancel(input: $input) { userErrors { code message } } }',
      { input: { id: awaited.task.id } },
      on.ada,
    )
    expect(await live.take()).toEqual({ kind: 'MESSAGE_CANCELLED' })
    await live.stop()
  })

  it('is refused to others, and for what is not there; twice it is not there', async () => {
    const { id } = await talk('a')
    const before = await stateOf(on.world)
    const missing = await on.world.refused(DELETE, { input: { id: newConversationId() } }, on.ada)
    expect(missing).toEqual([{ code: 'NOT_FOUND', path: ['input', 'id'], message: 'Conversation not found.' }])
    expect(await on.world.refused(DELETE, { input: { id } }, on.bob)).toEqual(missing)
    expect(await stateOf(on.world)).toEqual(before)
    const all = await Promise.all([1, 2, 3].map(() => on.world.refused(DELETE, { input: { id } }, on.ada)))
    expect(all.filter((errors) => !errors.length)).toHaveLength(1)
  })

  it('raced with forks, leaves no fork without its messages', async () => {
    for (let round = 0; round < 5; round++) {
      const { id, turns } = await talk('a')
      const raced = await Promise.allSettled([remove(id), fork(id, turns[0].answer.id), fork(id, turns[0].message.id)])
      for (const made of raced.slice(1)) if (made.status === 'fulfilled') expect((await textsOf(on.world, on.ada, made.value as string))[0]).toBe('a')
    }
  })

  it('its owner’s tasks and other conversations stay', async () => {
    const { conversation } = await on.world.does(CREATE, { input: {} }, on.ada)
    const { id, turns } = await talk('a')
    await remove(id)
    expect(await read(on.world, on.ada, conversation.id)).not.toBeNull()
    expect(await on.world.client.task.count({ where: { id: bare(turns[0].task.id) } })).toBe(1)
  })
})
