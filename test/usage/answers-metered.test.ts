/** Answers from end to end, by the real meter: what each call of a provider leaves behind, however it ends. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { server } from '../../src/core/actor.ts'
import { transact } from '../../src/events/transact.ts'
import { tasksRescue } from '../../src/tasks/tasks-rescue.ts'
import { usagesRescue } from '../../src/usage/usages-rescue.ts'
import { create as createBudget } from '../budgets/budget.ts'
import { send, whenMessage } from '../conversations/conversation.ts'
import { chunk, events } from '../generation/answers.ts'
import { dialects } from '../kit/databases.ts'
import type { TestUser } from '../kit/world.ts'
import { create as createProvider, openMock } from '../providers/model-provider.ts'
import { CHUNKS } from '../streams/stream.ts'
import { bare, CANCEL, create as createTask, openTaskWorld, type TaskWorld, whenTask } from '../tasks/task.ts'
import { price, standing } from './metered.ts'

const ENDED = ['COMPLETED', 'FAILED', 'CANCELLED']
const SUMS = 'usage { calls failedCalls inputTokens outputTokens costMicroUsd runningCalls items { totalCount nodes { id } } }'
const usageChunk = (prompt_tokens: number, completion_tokens: number) =>
  `data: ${JSON.stringify({ id: '1', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [], usage: { prompt_tokens, completion_tokens } })}\n\n`

// biome-ignore lint/suspicious/noExplicitAny: a test says itself what it expects of an answer
type Data = any

describe.each(dialects())('answers that are metered, on %s', (dialect) => {
  let on: TaskWorld
  let by: Awaited<ReturnType<typeof openMock>>
  let named = 0
  let cy: TestUser
  beforeAll(async () => {
    by = await openMock()
    on = await openTaskWorld(dialect, { env: { OPENAI_BASE_URL: `${by.url}/v1`, OPENAI_API_KEY: 'sk-test', TASK_CONCURRENCY: '20' } })
    await createProvider(on.world, on.admin, { name: 'raw', baseUrl: `${by.url}/raw` })
    await price(on.world, { provider: 'raw', model: 'm' })
    await price(on.world, { provider: 'openai', model: 'm' })
  })
  beforeEach(async () => {
    by.mock.reset()
    by.answer((_request, response) => void response.writeHead(500).end())
    cy = await on.world.user(`cy${++named}`)
  })
  afterAll(async () => {
    // Of all that was tried nothing is held any more, and no call runs.
    expect(await on.world.client.budgetReservation.count()).toBe(0)
    expect(await on.world.client.providerUsage.count({ where: { status: 'RUNNING' } })).toBe(0)
    await on.world.close()
    await by.mock.stop()
  })

  const rowsOf = (taskId: string) =>
    on.world.client.providerUsage.findMany({ where: { taskId: bare(taskId) }, orderBy: [{ startedAtMs: 'asc' }, { step: 'asc' }] })
  const generate = (params: object, more: object = {}): Promise<Data> =>
    createTask(on.world, cy, { type: 'text.generate', params: { prompt: 'hello', ...params }, maxAttempts: 1, ...more })
  const ended = (id: string): Promise<Data> => whenTask(on.world, cy, id, ({ status }) => ENDED.includes(status))
  const generated = async (params: object, more: object = {}): Promise<Data> => ended((await generate(params, more)).id)
  const whenSaid = async (streamId: string, text: string) => {
    const live = await on.world.follow(CHUNKS, { id: streamId }, cy)
    let said = ''
    await live.until((step) => {
      said += step.chunks.map(({ content }: Data) => content).join('')
      return said.includes(text)
    })
    await live.stop()
  }
  const sentTo = (model: string, more: object = {}): Promise<Data> => send(on.world, cy, { text: 'hello', model, ...more })
  const answerEnded = (id: string): Promise<Data> => whenMessage(on.world, cy, id, ({ completedAt }) => completedAt !== null)
  const streamOf = (taskId: string) => on.world.client.stream.findFirstOrThrow({ where: { producerTaskId: bare(taskId) }, orderBy: { id: 'desc' } })
  /** As when its server had died: the lease runs out, and another takes the task over. */
  const lose = (taskId: string) =>
    transact(on.world.app.store, server, async (work) => {
      await work.db.task.update({ where: { id: bare(taskId) }, data: { leaseExpiresAtMs: 1n } })
      await tasksRescue(work)
    })
  /** Says so much, and then nothing more until it is left. */
  const saysAndHolds = (...words: string[]) =>
    by.answer((_request, response) => void events(response).write(words.map((content) => chunk({ content })).join('')))

  it('one that ends well: the provider’s tokens, all it belongs to, and sums that are its rows', async () => {
    by.mock.onMessage('hello', { content: 'Good day.', usage: { prompt_tokens: 11, completion_tokens: 4 } })
    const { id: budget } = await createBudget(on.world, cy, { amountMicroUsd: 10_000 })
    const sent = await sentTo('openai/m')
    expect(await answerEnded(sent.answer.id)).toMatchObject({ status: 'COMPLETED', inputTokens: 11, outputTokens: 4 })
    const second = await send(on.world, cy, { text: 'hello again', model: 'openai/m', conversationId: sent.conversation.id })
    await answerEnded(second.answer.id)
    const [row, ...more] = await rowsOf(sent.task.id)
    expect(more).toEqual([])
    expect(row).toMatchObject({
      status: 'COMPLETED',
      provider: 'openai',
      model: 'm',
      inputTokens: 11,
      outputTokens: 4,
      isCounted: false,
      costMicroUsd: 19n,
      priceSource: 'OPERATOR',
      finishReason: 'stop',
      error: null,
      ownerId: bare(cy.id),
      taskType: 'conversation.answer',
      attempt: 1,
      step: 1,
      streamId: bare(sent.stream.id),
      conversationId: bare(sent.conversation.id),
      messageId: bare(sent.answer.id),
    })
    expect(await standing(on.world, budget)).toEqual([{ spent: 38, reserved: 0 }])
    const query = `query ($task: ID!, $conversation: ID!, $message: ID!) {
      task(id: $task) { ${SUMS} } conversation(id: $conversation) { ${SUMS} } node(id: $message) { ... on Message { ${SUMS} } } }`
    const { data, errors } = await on.world.ask(query, { task: sent.task.id, conversation: sent.conversation.id, message: sent.answer.id }, cy)
    expect(errors).toBeUndefined()
    const once = { calls: 1, failedCalls: 0, inputTokens: 11, outputTokens: 4, costMicroUsd: 19, runningCalls: 0, items: { totalCount: 1 } }
    expect(data.task.usage).toMatchObject(once)
    expect(data.node.usage).toMatchObject(once)
    expect(data.conversation.usage).toMatchObject({ calls: 2, inputTokens: 22, outputTokens: 8, costMicroUsd: 38, items: { totalCount: 2 } })
  })

  it('one query leads from a budget to its calls, and on to stream, message, conversation, task and user', async () => {
    by.mock.onMessage('hello', { content: 'Good day.' })
    const { id: budget } = await createBudget(on.world, cy, { amountMicroUsd: 10_000 })
    const sent = await sentTo('openai/m')
    await answerEnded(sent.answer.id)
    const query = `query ($id: ID!) { budget(id: $id) { spentMicroUsd usages { totalCount nodes { costMicroUsd
      stream { id text task { id } } message { id text } conversation { id } task { id type } owner { id email } } } } }`
    const { data, errors } = await on.world.ask(query, { id: budget }, cy)
    expect(errors).toBeUndefined()
    expect(data.budget).toMatchObject({
      spentMicroUsd: data.budget.usages.nodes[0].costMicroUsd,
      usages: {
        totalCount: 1,
        nodes: [
          {
            stream: { id: sent.stream.id, text: 'Good day.' },
            message: { id: sent.answer.id, text: 'Good day.' },
            conversation: { id: sent.conversation.id },
            task: { id: sent.task.id, type: 'conversation.answer' },
            owner: { id: cy.id, email: cy.email },
          },
        ],
      },
    })
  })

  it('one that its provider cuts in mid-stream is FAILED, and costs its input and what was written', async () => {
    by.answer((_request, response) => {
      events(response).write(chunk({ content: 'one two' }))
      setTimeout(() => response.destroy(), 50)
    })
    const task = await generated({ model: 'raw/m' })
    expect(task.status).toBe('FAILED')
    expect(await rowsOf(task.id)).toMatchObject([{ status: 'FAILED', inputTokens: 1, outputTokens: 2, isCounted: true, costMicroUsd: 5n, error: task.error }])
  })

  it('one that is cancelled in mid-stream by another request: text, row and message are CANCELLED', async () => {
    saysAndHolds('one', ' two')
    const { id: budget } = await createBudget(on.world, cy, { amountMicroUsd: 10_000 })
    const sent = await sentTo('raw/m')
    await whenSaid(sent.stream.id, 'one two')
    await on.world.does(CANCEL, { input: { id: sent.task.id } }, cy)
    expect(await answerEnded(sent.answer.id)).toMatchObject({ status: 'CANCELLED', text: 'one two', stream: { status: 'CANCELLED' } })
    const [row] = await rowsOf(sent.task.id)
    expect(row).toMatchObject({ status: 'CANCELLED', outputTokens: 2, isCounted: true, timeToFirstTokenMs: expect.any(Number), error: null })
    expect(await standing(on.world, budget)).toEqual([{ spent: Number(row!.costMicroUsd), reserved: 0 }])
  })

  it.each([401, 429, 500])('one that its provider refuses with %d costs nothing, and each try is a row', async (status) => {
    by.answer((_request, response) => void response.writeHead(status, { 'retry-after-ms': '5' }).end('{"error":{"message":"No."}}'))
    const { id: budget } = await createBudget(on.world, cy, { amountMicroUsd: 10_000 })
    const task = await generated({ model: 'raw/m' })
    expect(task).toMatchObject({ status: 'FAILED', error: `raw: ${status} No.` })
    const rows = await rowsOf(task.id)
    expect(rows.length).toBe(status === 401 ? 1 : 3)
    for (const row of rows) expect(row).toMatchObject({ status: 'FAILED', inputTokens: 0, outputTokens: 0, costMicroUsd: 0n, error: `raw: ${status} No.` })
    expect(rows.map(({ step }) => step)).toEqual(rows.map((_, n) => n + 1))
    expect(await standing(on.world, budget)).toEqual([{ spent: 0, reserved: 0 }])
  })

  it('one that a fallback answers has a row for each model', async () => {
    by.mock.onMessage('hello', { content: 'Good day.', usage: { prompt_tokens: 11, completion_tokens: 4 } })
    const task = await generated({ model: 'raw/m', fallbackModels: ['openai/m'] })
    expect(task).toMatchObject({ status: 'COMPLETED', result: { provider: 'openai' } })
    expect(await rowsOf(task.id)).toMatchObject([
      { provider: 'raw', status: 'FAILED', costMicroUsd: 0n, step: 1 },
      { provider: 'openai', status: 'COMPLETED', costMicroUsd: 19n, step: 2 },
    ])
  })

  it('one that calls a tool has a row for each call', async () => {
    const toolCalls = [{ id: 'call-1', name: 'conversation_search', arguments: '{"query":"elephants"}' }]
    by.mock.on({ userMessage: 'hello', hasToolResult: false }, { toolCalls, usage: { prompt_tokens: 10, completion_tokens: 3 } })
    by.mock.on({ userMessage: 'hello', hasToolResult: true }, { content: 'None.', usage: { prompt_tokens: 20, completion_tokens: 4 } })
    const sent = await sentTo('openai/m', { tools: ['conversation.search'] })
    expect(await answerEnded(sent.answer.id)).toMatchObject({ status: 'COMPLETED', text: 'None.', inputTokens: 30, outputTokens: 7 })
    const rows = await rowsOf(sent.task.id)
    expect(rows).toMatchObject([
      { step: 1, status: 'COMPLETED', finishReason: 'tool-calls', inputTokens: 10, outputTokens: 3, costMicroUsd: 16n },
      { step: 2, status: 'COMPLETED', finishReason: 'stop', inputTokens: 20, outputTokens: 4, costMicroUsd: 28n },
    ])
    expect(new Set(rows.map(({ messageId }) => messageId))).toEqual(new Set([bare(sent.answer.id)]))
  })

  it('one that reaches its budget in mid-stream keeps its text, says so everywhere, and is not tried again', async () => {
    saysAndHolds(...Array.from({ length: 100 }, () => ' word'))
    const { id: budget } = await createBudget(on.world, cy, { amountMicroUsd: 61, name: 'small' })
    const sent = await sentTo('raw/m')
    const answer = await answerEnded(sent.answer.id)
    const error = 'BUDGET_EXCEEDED: The budget “small” has no room for more.'
    expect(answer).toMatchObject({ status: 'FAILED', error, stream: { status: 'FAILED', text: answer.text } })
    // One piece more than there was room for.
    expect(answer.text).toMatch(/^( word){31}$/)
    expect(await ended(sent.task.id)).toMatchObject({ status: 'FAILED', attempt: 1, error })
    expect((await streamOf(sent.task.id)).error).toBe(error)
    const rows = await rowsOf(sent.task.id)
    expect(rows).toMatchObject([{ status: 'BUDGET_EXCEEDED', error, outputTokens: 31, isCounted: true, costMicroUsd: 63n }])
    expect(await standing(on.world, budget)).toEqual([{ spent: 63, reserved: 0 }])
    // The next one is refused before it is made.
    const next = await generated({ model: 'raw/m' }, { maxAttempts: 3 })
    expect(next).toMatchObject({ status: 'FAILED', attempt: 1, error })
    expect(await rowsOf(next.id)).toEqual([])
  })

  it('one of unknown price is refused under a budget, unless there is a fallback of known price', async () => {
    by.mock.onMessage('hello', { content: 'Good day.' })
    await createBudget(on.world, cy, { amountMicroUsd: 10_000 })
    const refused = await generated({ model: 'raw/nobody-knows' }, { maxAttempts: 3 })
    expect(refused).toMatchObject({ status: 'FAILED', attempt: 1, error: expect.stringMatching(/^PRICE_UNKNOWN: .*raw\/nobody-knows/) })
    expect(await rowsOf(refused.id)).toEqual([])
    const answered = await generated({ model: 'raw/nobody-knows', fallbackModels: ['openai/m'] })
    expect(answered.status).toBe('COMPLETED')
    expect(await rowsOf(answered.id)).toMatchObject([{ provider: 'openai', status: 'COMPLETED' }])
  })

  it('one whose server is lost is INTERRUPTED, pays for the text that is there, and the next attempt has a row of its own', async () => {
    saysAndHolds('one', ' two')
    const { id: budget } = await createBudget(on.world, cy, { amountMicroUsd: 10_000 })
    const sent = await sentTo('raw/m')
    await whenSaid(sent.stream.id, 'one two')
    by.answer((_request, response) => void events(response).end(chunk({ content: 'whole' }) + chunk({}, 'stop') + usageChunk(7, 1)))
    await lose(sent.task.id)
    expect(await whenMessage(on.world, cy, sent.answer.id, ({ status }) => status === 'COMPLETED')).toMatchObject({ text: 'whole' })
    expect(await rowsOf(sent.task.id)).toMatchObject([
      { attempt: 1, status: 'INTERRUPTED', inputTokens: 1, outputTokens: 2, isCounted: true, costMicroUsd: 5n, streamId: bare(sent.stream.id) },
      { attempt: 2, status: 'COMPLETED', inputTokens: 7, outputTokens: 1, costMicroUsd: 9n },
    ])
    expect(await standing(on.world, budget)).toEqual([{ spent: 14, reserved: 0 }])
  })

  it('one whose server is lost before a word does not pay for what the next attempt writes into the same stream', async () => {
    let asked!: () => void
    const isAsked = new Promise<void>((resolve) => {
      asked = resolve
    })
    by.answer((_request, response) => {
      events(response).flushHeaders()
      asked()
    })
    const sent = await sentTo('raw/m')
    await isAsked
    by.answer((_request, response) => void events(response).end(chunk({ content: 'one two three' }) + chunk({}, 'stop') + usageChunk(7, 3)))
    await lose(sent.task.id)
    await whenMessage(on.world, cy, sent.answer.id, ({ status }) => status === 'COMPLETED')
    await transact(on.world.app.store, server, usagesRescue)
    expect(await rowsOf(sent.task.id)).toMatchObject([
      { attempt: 1, status: 'INTERRUPTED', outputTokens: 0, costMicroUsd: 1n, streamId: bare(sent.stream.id) },
      { attempt: 2, status: 'COMPLETED', outputTokens: 3, costMicroUsd: 13n, streamId: bare(sent.stream.id) },
    ])
  })

  it.each([
    ['attempt', {}, { timeoutSeconds: 1 }],
    ['call', { callTimeoutSeconds: 1 }, {}],
  ])('one whose %s takes too long pays for its prompt, though not a word came', async (_what, params, more) => {
    by.answer((_request, response) => void events(response).flushHeaders())
    const task = await generated({ model: 'raw/m', ...params }, more)
    expect(task.status).toBe('FAILED')
    expect(await rowsOf(task.id)).toMatchObject([{ status: 'FAILED', inputTokens: 1, outputTokens: 0, costMicroUsd: 1n, isCounted: true }])
  })

  it('two whose task is cancelled and whose lease runs out at the same time end once each', async () => {
    saysAndHolds('one', ' two')
    const { id: budget } = await createBudget(on.world, cy, { amountMicroUsd: 10_000 })
    const sent = [await sentTo('raw/m'), await sentTo('raw/m')]
    for (const { stream } of sent) await whenSaid(stream.id, 'one two')
    await Promise.all(sent.flatMap(({ task }) => [on.world.does(CANCEL, { input: { id: task.id } }, cy), lose(task.id)]))
    let spent = 0
    for (const { answer, task } of sent) {
      expect(await answerEnded(answer.id)).toMatchObject({ status: 'CANCELLED', task: { status: 'CANCELLED' } })
      const [first, ...more] = await rowsOf(task.id)
      expect(first).toMatchObject({ status: expect.stringMatching(/^(CANCELLED|INTERRUPTED)$/), costMicroUsd: 5n })
      // Where the rescue was first there may be another attempt, which was cancelled.
      for (const row of more) expect(row).toMatchObject({ attempt: 2, status: expect.stringMatching(/^(CANCELLED|INTERRUPTED)$/) })
      for (const row of [first!, ...more]) {
        expect(await on.world.client.event.count({ where: { subjectId: row.id } })).toBe(2)
        spent += Number(row.costMicroUsd)
      }
    }
    expect(await standing(on.world, budget)).toEqual([{ spent, reserved: 0 }])
  })
})
