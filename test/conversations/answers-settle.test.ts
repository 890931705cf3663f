import { LLMock } from '@copilotkit/aimock'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { server } from '../../src/core/actor.ts'
import { transact } from '../../src/events/transact.ts'
import { tasksRescue } from '../../src/tasks/tasks-rescue.ts'
import { dialects } from '../kit/databases.ts'
import { CHUNKS } from '../streams/stream.ts'
import { bare, openTaskWorld, type TaskWorld, whenTask } from '../tasks/task.ts'
import { kindsOf, message, send, stateOf, whenMessage, whenStatus } from './conversation.ts'

describe.each(dialects())('an answer whose server was lost, on %s', (dialect) => {
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

  /** An answer that has words already, and takes long. */
  const begun = async (text: string) => {
    mock.onMessage(text, { content: 'word '.repeat(400) }, { chunkSize: 5, latency: 40 })
    const sent = await send(on.world, on.ada, { text })
    const live = await on.world.follow(CHUNKS, { id: sent.stream.id }, on.ada)
    await live.until(({ lastSeq }) => lastSeq >= 2)
    await live.stop()
    return sent
  }
  /** As when its server had died: the lease runs out, and another takes the task over. */
  const lose = async (taskId: string, columns: { maxAttempts?: number } = {}) => {
    // In one transaction: its server is not dead in truth, and renews the lease.
    await transact(on.world.app.store, server, async (work) => {
      await work.db.task.update({ where: { id: bare(taskId) }, data: { leaseExpiresAtMs: 1n, ...columns } })
      const rescued = await tasksRescue(work)
      expect(rescued.map(({ id }) => id)).toEqual([bare(taskId)])
    })
  }

  it('goes on in another attempt, in a stream of its own, and is whole in the end', async () => {
    const { answer, task, stream, conversation } = await begun('first')
    mock.reset()
    mock.onMessage('first', { content: 'whole' })
    await lose(task.id)
    const done = await whenStatus(on.world, on.ada, answer.id, 'COMPLETED')
    expect(done).toMatchObject({ text: 'whole', error: null, stream: { status: 'COMPLETED', text: 'whole' } })
    expect(done.stream.id).not.toBe(stream.id)
    const kinds = await kindsOf(on.world, conversation.id)
    expect(kinds).toEqual(['CREATED', 'MESSAGE_ADDED', 'MESSAGE_ADDED', 'MESSAGE_STARTED', 'MESSAGE_RETRIED', 'MESSAGE_STARTED', 'MESSAGE_COMPLETED'])
    const old = await on.world.ask('query ($id: ID!) { stream(id: $id) { status message { id } } }', { id: stream.id }, on.ada)
    expect(old.data.stream).toEqual({ status: 'INTERRUPTED', message: { id: answer.id } })
  })

  it('is INTERRUPTED after the last attempt, and keeps what came', async () => {
    const { answer, task } = await begun('last')
    await lose(task.id, { maxAttempts: 1 })
    const cut = await message(on.world, on.ada, answer.id)
    expect(cut).toMatchObject({ status: 'INTERRUPTED', error: expect.stringContaining('lost'), stream: { status: 'INTERRUPTED' }, task: { status: 'FAILED' } })
    expect(cut.text).toMatch(/^word word/)
    expect(cut.text).toBe(cut.stream.text)
    expect(cut.parts).toMatchObject([{ type: 'TEXT', text: cut.text }])
  })

  it('whatever waits behind it goes on with what came of it', async () => {
    const { answer, task, conversation } = await begun('before')
    mock.onMessage('after', { content: 'yes' })
    const next = await send(on.world, on.ada, { conversationId: conversation.id, text: 'after' })
    await lose(task.id, { maxAttempts: 1 })
    await whenStatus(on.world, on.ada, next.answer.id, 'COMPLETED')
    const { text } = await message(on.world, on.ada, answer.id)
    expect((mock.getLastRequest()!.body as { messages: { content: string }[] }).messages.map(({ content }) => content)).toEqual(['before', text, 'after'])
  })

  it('cancelled while it waits for another attempt, it is CANCELLED, though no stream is open', async () => {
    mock.onMessage('busy', { error: { message: 'Slow down.', type: 'rate_limit_error' }, status: 429 } as never)
    const { answer, task, conversation } = await send(on.world, on.ada, { text: 'busy' })
    await whenTask(on.world, on.ada, task.id, ({ status, attempt }) => status === 'QUEUED' && attempt === 1)
    await on.world.does('mutation ($input: TaskCancelInput!) { taskCancel(input: $input) { userErrors { code message } } }', { input: { id: task.id } }, on.ada)
    expect(await message(on.world, on.ada, answer.id)).toMatchObject({ status: 'CANCELLED', text: '', completedAt: expect.any(String) })
    expect((await kindsOf(on.world, conversation.id)).at(-1)).toBe('MESSAGE_CANCELLED')
  })

  it('its task deleted before it began, it is CANCELLED', async () => {
    const first = await begun('long')
    const waiting = await send(on.world, on.ada, { conversationId: first.conversation.id, text: 'waiting' })
    await on.world.does(
      'mutation ($input: TaskDeleteInput!) { taskDelete(input: $input) { userErrors { code message } } }',
      { input: { id: waiting.task.id } },
      on.ada,
    )
    expect(await message(on.world, on.ada, waiting.answer.id)).toMatchObject({ status: 'CANCELLED', task: null, stream: null })
  })

  it('its task retried by hand, it is written after all', async () => {
    mock.onMessage('retry', { error: { message: 'No.', type: 'invalid_request_error' }, status: 400 } as never)
    const { answer, task } = await send(on.world, on.ada, { text: 'retry' })
    await whenStatus(on.world, on.ada, answer.id, 'FAILED')
    mock.reset()
    mock.onMessage('retry', { content: 'well' })
    await on.world.does('mutation ($input: TaskRetryInput!) { taskRetry(input: $input) { userErrors { code message } } }', { input: { id: task.id } }, on.ada)
    expect(await whenMessage(on.world, on.ada, answer.id, ({ status }) => status === 'COMPLETED')).toMatchObject({ text: 'well', error: null })
  })

  it('leaves nothing open', async () => {
    const { messages } = (await stateOf(on.world)) as { messages: { status: string; taskId: string | null }[] }
    for (const { taskId } of messages.filter(({ status }) => status === 'PENDING' || status === 'STREAMING')) {
      const task = await on.world.client.task.findUnique({ where: { id: taskId! } })
      expect(task?.completedAtMs).toBeNull()
    }
  })
})
