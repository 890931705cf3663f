import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { server } from '../../src/core/actor.ts'
import { transact } from '../../src/events/transact.ts'
import { tasksRescue } from '../../src/tasks/tasks-rescue.ts'
import { countTokens } from '../../src/usage/tokens.ts'
import { create as createBudget } from '../budgets/budget.ts'
import { dialects } from '../kit/databases.ts'
import type { TestUser } from '../kit/world.ts'
import { MODEL_UPDATE, openMock } from '../providers/model-provider.ts'
import { bare, openTaskWorld, type TaskWorld } from '../tasks/task.ts'
import { price, standing } from '../usage/metered.ts'
import { create, FORK, message, REGENERATE, send, turn, UPDATE, whenMessage, whenStatus } from './conversation.ts'

// biome-ignore lint/suspicious/noExplicitAny: a test says itself what it expects of an answer
type Data = any
interface Asked {
  messages: { role: string; content: string }[]
  max_tokens?: number
}

/** 1,200 tokens less 600 for the answer, and a tenth kept back: 540, of which a summary takes 135 at most. */
const CONTEXT = 1200
const SUMMARISE = { history: 'SUMMARISE', maxOutputTokens: 600 }
const HISTORY = `query ($id: ID!) { node(id: $id) { ... on Message { history { sent dropped remembered summarised summary summaryError } } } }`
/** Some 150 tokens with its answer: three such turns and the next message do not fit. */
const long = (name: string, words = 140) => `${name} ${'word '.repeat(words)}`.trim()

describe.each(dialects())('a history that is summed up on %s', (dialect) => {
  let on: TaskWorld
  let by: Awaited<ReturnType<typeof openMock>>
  let cy: TestUser
  let named = 0
  beforeAll(async () => {
    by = await openMock()
    on = await openTaskWorld(dialect, { env: { OPENAI_BASE_URL: `${by.url}/v1`, OPENAI_API_KEY: 'sk-test' } })
    await price(on.world, { provider: 'openai', model: 'm' })
    const model = await on.world.client.model.findFirstOrThrow({ where: { name: 'm' } })
    await on.world.does(MODEL_UPDATE, { input: { id: `Model:${model.id}`, contextLength: CONTEXT } }, on.admin)
  })
  beforeEach(async () => {
    by.mock.reset()
    cy = await on.world.user(`cy${++named}`)
  })
  afterAll(async () => {
    expect(await on.world.client.budgetReservation.count()).toBe(0)
    expect(await on.world.client.providerUsage.count({ where: { status: 'RUNNING' } })).toBe(0)
    await on.world.close()
    await by.mock.stop()
  })

  const sumsUp = (content: string, more: object = {}) => by.mock.on({ systemMessage: 'You sum up' }, { content }, more)
  const answers = () => by.mock.onMessage('', { content: 'ok' })
  const says = (conversationId: string, text: string): Promise<Data> => turn(on.world, cy, { conversationId, text })
  const opened = async (settings: object = SUMMARISE, names = ['first', 'second', 'third']): Promise<string> => {
    const { id } = await create(on.world, cy, { model: 'openai/m', settings })
    for (const name of names) await says(id, long(name))
    return id
  }
  const asked = (): Asked[] => by.mock.getRequests().map(({ body }) => body as Asked)
  const given = () =>
    asked()
      .at(-1)!
      .messages.map(({ role, content }) => [role, content.replaceAll(' word', '')])
  const summaries = () => asked().filter(({ messages }) => messages[0]!.content.startsWith('You sum up'))
  const historyOf = async (id: string): Promise<Data> => (await on.world.ask(HISTORY, { id }, cy)).data.node.history
  const rowsOf = (taskId: string) => on.world.client.providerUsage.findMany({ where: { taskId: bare(taskId) }, orderBy: { step: 'asc' } })

  it('the model sums up what no longer fits, by one metered call before its answer, and goes on with the summary', async () => {
    sumsUp('Ada likes tea.')
    answers()
    const id = await opened()
    expect(summaries()).toEqual([])
    const fourth = await says(id, long('fourth'))
    expect(fourth.answer.text).toBe('ok')
    expect(fourth.answer.stream.text).toBe('ok')
    const [summary, ...more] = summaries()
    expect(more).toEqual([])
    expect(summary!.max_tokens).toBe(135)
    expect(summary!.messages[1]!.content.replaceAll(' word', '')).toBe(
      'What was said:\n\nUser: first\n\nAssistant: ok\n\nUser: second\n\nAssistant: ok\n\nUser: third\n\nAssistant: ok',
    )
    expect(given()).toEqual([
      ['system', 'What was said before, summed up:\n\nAda likes tea.'],
      ['user', 'fourth'],
    ])
    const told = { remembered: 0, summarised: 6, summary: 'Ada likes tea.', summaryError: null }
    expect(await historyOf(fourth.answer.id)).toEqual({ ...told, sent: 1, dropped: 0 })
    expect(await rowsOf(fourth.task.id)).toMatchObject([
      { step: 1, attempt: 1, status: 'COMPLETED', streamId: bare(fourth.stream.id), messageId: bare(fourth.answer.id), conversationId: bare(id) },
      { step: 2, attempt: 1, status: 'COMPLETED', streamId: bare(fourth.stream.id), messageId: bare(fourth.answer.id), conversationId: bare(id) },
    ])

    const fifth = await says(id, long('fifth'))
    expect(given()).toEqual([
      ['system', 'What was said before, summed up:\n\nAda likes tea.'],
      ['user', 'fourth'],
      ['assistant', 'ok'],
      ['user', 'fifth'],
    ])
    expect(await historyOf(fifth.answer.id)).toEqual({ ...told, sent: 3, dropped: 0 })
    expect(await rowsOf(fifth.task.id)).toHaveLength(1)
  })

  it('a summary is carried on into the next one', async () => {
    by.mock.on({ systemMessage: 'You sum up', userMessage: 'The summary so far' }, { content: 'Tea, and rain.' })
    sumsUp('Tea.')
    answers()
    const id = await opened(SUMMARISE, ['first', 'second', 'third', 'fourth', 'fifth', 'sixth'])
    const seventh = await says(id, long('seventh'))
    expect(summaries().map(({ messages }) => messages[1]!.content.replaceAll(' word', ''))[1]).toBe(
      'The summary so far:\n\nTea.\n\nWhat was said then:\n\nUser: fourth\n\nAssistant: ok\n\nUser: fifth\n\nAssistant: ok\n\nUser: sixth\n\nAssistant: ok',
    )
    expect(await historyOf(seventh.answer.id)).toMatchObject({ sent: 1, dropped: 0, summarised: 12, summary: 'Tea, and rain.' })
  })

  it('another try, and a fork, go on with the summary that is there', async () => {
    sumsUp('Tea.')
    answers()
    const id = await opened()
    const fourth = await says(id, long('fourth'))
    const again = await on.world.does(REGENERATE, { input: { id: fourth.answer.id } }, cy)
    await whenStatus(on.world, cy, again.answer.id, 'COMPLETED')
    expect(await historyOf(again.answer.id)).toMatchObject({ sent: 1, summarised: 6, summary: 'Tea.' })
    const fork = await on.world.does(FORK, { input: { conversationId: id, messageId: fourth.answer.id } }, cy)
    const fifth = await says(fork.conversation.id, 'fifth')
    expect(await historyOf(fifth.answer.id)).toMatchObject({ sent: 3, summarised: 6, summary: 'Tea.' })
    expect(summaries()).toHaveLength(1)
  })

  it('what does not fit the context itself is summed up in steps, and no call is given more than the model can read', async () => {
    sumsUp('Tea.')
    answers()
    const { id } = await create(on.world, cy, { model: 'openai/m', settings: { maxOutputTokens: 600 } })
    await says(id, long('first', 1500))
    await on.world.does(UPDATE, { input: { id, settings: { history: 'SUMMARISE' } } }, cy)
    const second = await says(id, 'second')
    expect(summaries()).toHaveLength(4)
    for (const { messages, max_tokens } of summaries()) {
      const tokens = await Promise.all(messages.map(({ content }) => countTokens(content)))
      expect(tokens[0]! + tokens[1]! + max_tokens!).toBeLessThanOrEqual(CONTEXT)
    }
    expect(summaries().reduce((sum, { messages }) => sum + messages[1]!.content.split('word').length - 1, 0)).toBe(1500)
    expect(await historyOf(second.answer.id)).toMatchObject({ sent: 1, dropped: 0, summarised: 2 })
    expect(await rowsOf(second.task.id)).toHaveLength(5)
  })

  it('what is further back than eight steps is left out, and told', async () => {
    sumsUp('Tea.')
    answers()
    const { id } = await create(on.world, cy, { model: 'openai/m', settings: { maxOutputTokens: 600 } })
    for (const name of ['first', 'second']) await says(id, long(name, 4000))
    await on.world.does(UPDATE, { input: { id, settings: { history: 'SUMMARISE' } } }, cy)
    const third = await says(id, 'third')
    expect(summaries()).toHaveLength(8)
    expect(summaries().some(({ messages }) => messages[1]!.content.includes('first'))).toBe(false)
    expect(await historyOf(third.answer.id)).toMatchObject({ sent: 1, dropped: 1, summarised: 3 })
  })

  it('a model that says too much is cut to the room of a summary', async () => {
    sumsUp('tea '.repeat(1000))
    answers()
    const id = await opened()
    const fourth = await says(id, long('fourth'))
    const { summary } = await historyOf(fourth.answer.id)
    expect(await countTokens(summary)).toBeLessThanOrEqual(135)
    expect(summary.length).toBeGreaterThan(400)
  })

  it.each([
    ['fails', { error: { message: 'Out of order.', type: 'invalid_request_error' }, status: 400 }, 'Out of order.', 'FAILED'],
    ['says nothing', { content: '' }, 'did not say a word', 'COMPLETED'],
  ])('where the model %s when it is to sum up, the turns are left out, and the message says so', async (_what, answer, error, status) => {
    by.mock.on({ systemMessage: 'You sum up' }, answer)
    answers()
    const id = await opened()
    const fourth = await says(id, long('fourth'))
    expect(given()).toEqual([
      ['user', 'second'],
      ['assistant', 'ok'],
      ['user', 'third'],
      ['assistant', 'ok'],
      ['user', 'fourth'],
    ])
    expect(await historyOf(fourth.answer.id)).toMatchObject({ sent: 5, dropped: 2, summarised: 0, summary: null, summaryError: expect.stringContaining(error) })
    expect(await rowsOf(fourth.task.id)).toMatchObject([{ status }, { status: 'COMPLETED' }])
  })

  it('a last message that leaves no room for a summary goes alone', async () => {
    sumsUp('Tea.')
    answers()
    const id = await opened()
    const huge = await says(id, long('fourth', 600))
    expect(await historyOf(huge.answer.id)).toMatchObject({ sent: 1, dropped: 6, summarised: 0, summaryError: null })
    expect(summaries()).toEqual([])
    const fifth = await says(id, 'fifth')
    expect(await historyOf(fifth.answer.id)).toMatchObject({ sent: 1, dropped: 0, summarised: 8 })
  })

  it('the conversation’s own rule is to leave them out, and what fits is never summed up', async () => {
    answers()
    const id = await opened({ maxOutputTokens: 600 })
    const fourth = await says(id, long('fourth'))
    expect(await historyOf(fourth.answer.id)).toEqual({ sent: 5, dropped: 2, remembered: 0, summarised: 0, summary: null, summaryError: null })
    expect(summaries()).toEqual([])
  })

  it.each([
    ['before it begins', 300, 1],
    ['in its middle', 1000, 2],
  ])('a budget that ends stops the call %s, and with it the answer', async (_when, leftMicroUsd, calls) => {
    sumsUp('word '.repeat(1000), { chunkSize: 20 })
    answers()
    const id = await opened()
    const { _sum } = await on.world.client.providerUsage.aggregate({ where: { ownerId: bare(cy.id) }, _sum: { costMicroUsd: true } })
    const spentBefore = Number(_sum.costMicroUsd)
    const { id: budget } = await createBudget(on.world, cy, { amountMicroUsd: spentBefore + leftMicroUsd })
    const before = asked().length
    const sent = await send(on.world, cy, { conversationId: id, text: long('fourth') })
    const answer = await whenMessage(on.world, cy, sent.answer.id, ({ completedAt }) => completedAt !== null)
    expect(answer).toMatchObject({ status: 'FAILED', text: '', error: expect.stringContaining('budget') })
    expect(asked().length - before).toBe(calls - 1)
    const rows = await rowsOf(sent.task.id)
    expect(rows.map(({ status }) => status)).toEqual(calls === 1 ? [] : ['BUDGET_EXCEEDED'])
    const [{ spent, reserved } = { spent: -1, reserved: -1 }] = await standing(on.world, budget)
    expect(reserved).toBe(0)
    expect(spent).toBe(spentBefore + Number(rows[0]?.costMicroUsd ?? 0))
  })

  it('an attempt that is lost has not paid for the summary in vain', async () => {
    sumsUp('Tea.')
    by.mock.onMessage('fourth', { content: 'word '.repeat(200) }, { chunkSize: 5, latency: 50 })
    answers()
    const id = await opened()
    const sent = await send(on.world, cy, { conversationId: id, text: long('fourth') })
    await whenMessage(on.world, cy, sent.answer.id, ({ status }) => status === 'STREAMING')
    const live = await on.world.follow('subscription ($id: ID!) { streamChunks(streamId: $id) { text } }', { id: sent.stream.id }, cy)
    await live.until(({ text }: Data) => text.length > 0)
    await live.stop()
    by.mock.clearFixtures()
    answers()
    await transact(on.world.app.store, server, async (work) => {
      await work.db.task.update({ where: { id: bare(sent.task.id) }, data: { leaseExpiresAtMs: 1n } })
      await tasksRescue(work)
    })
    await whenStatus(on.world, cy, sent.answer.id, 'COMPLETED')
    expect((await message(on.world, cy, sent.answer.id)).text).toBe('ok')
    expect(await historyOf(sent.answer.id)).toMatchObject({ sent: 1, summarised: 6, summary: 'Tea.' })
    expect(summaries()).toHaveLength(1)
  })
})
