import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { create as createBudget } from '../budgets/budget.ts'
import { dialects } from '../kit/databases.ts'
import { statementsOf } from '../kit/statements.ts'
import { begin, type Caller, called, caller, ENDING, openTaskWorld, price, type TaskWorld, tokens } from './metered.ts'

const USAGE = `id provider model status inputTokens cachedInputTokens outputTokens reasoningTokens isCounted costMicroUsd priceSource
  price { inputMicroUsd outputMicroUsd cachedInputMicroUsd steps { aboveInputTokens inputMicroUsd } } timeToFirstTokenMs durationMs finishReason error taskType attempt step
  conversation { id } message { id } startedAt endedAt task { id } stream { id } owner { id }`
const LIST = `query ($filter: ProviderUsageFilter, $orderBy: [ProviderUsageOrder!], $first: Int, $after: String) {
  providerUsages(filter: $filter, orderBy: $orderBy, first: $first, after: $after) { totalCount nodes { ${USAGE} } pageInfo { hasNextPage endCursor } } }`

describe.each(dialects())('usage on %s', (dialect) => {
  let on: TaskWorld
  let adas: Caller
  let bobs: Caller
  const ids: string[] = []
  beforeAll(async () => {
    on = await openTaskWorld(dialect)
    await price(on.world)
    ;[adas, bobs] = [await caller(on, on.ada), await caller(on, on.bob)]
    for (const n of [3, 1, 2])
      ids.push(await called(on.world, adas.call({ step: n, conversationId: newConversation, messageId: newConversation }), { tokens: tokens(10, n, 4) }))
    ids.push(await called(on.world, adas.call({ model: 'no-such' }), { tokens: tokens(5, 5) }))
    await called(on.world, bobs.call(), { tokens: tokens(7, 0) })
  })
  afterAll(async () => {
    for (const { run } of [adas, bobs]) run.complete({})
    await on.world.close()
  })
  const newConversation = '01a2199b-d7dd-72e5-b5f8-62ed3fe89eed'

  const list = async (variables: object = {}, user = on.ada) => {
    const answer = await on.world.ask(LIST, variables as never, user)
    expect(answer.errors).toBeUndefined()
    return answer.data.providerUsages
  }
  const globalIds = (...numbers: number[]) => numbers.map((n) => `ProviderUsage:${ids[n]}`)
  const idsOf = (page: { nodes: { id: string }[] }) => page.nodes.map(({ id }) => id)

  it('is listed for its owner, the latest first, and for ADMINs', async () => {
    const page = await list()
    expect(new Set(idsOf(page))).toEqual(new Set(globalIds(0, 1, 2, 3)))
    expect(page.totalCount).toBe(4)
    expect(page.nodes.find(({ id }: { id: string }) => id === globalIds(0)[0])).toEqual({
      id: globalIds(0)[0],
      provider: 'test',
      model: 'plain',
      status: 'COMPLETED',
      inputTokens: 10,
      cachedInputTokens: 4,
      outputTokens: 3,
      reasoningTokens: null,
      isCounted: false,
      costMicroUsd: 16,
      priceSource: 'OPERATOR',
      price: { inputMicroUsd: 1_000_000, outputMicroUsd: 2_000_000, cachedInputMicroUsd: 1_000_000, steps: [] },
      timeToFirstTokenMs: 5,
      durationMs: 50,
      finishReason: 'stop',
      error: null,
      taskType: 'test.held',
      attempt: 1,
      step: 3,
      conversation: null,
      message: null,
      startedAt: expect.any(String),
      endedAt: expect.any(String),
      task: { id: adas.taskId },
      stream: { id: `Stream:${adas.streamId}` },
      owner: { id: on.ada.id },
    })
    expect((await list({}, on.admin)).totalCount).toBe(5)
    expect((await list({}, on.bob)).totalCount).toBe(1)
  })

  it('is found by what it belongs to, and ordered by cost as far as that is known', async () => {
    const found = async (filter: object) => (await list({ filter })).totalCount
    expect(await found({ taskId: { eq: adas.taskId } })).toBe(4)
    expect(await found({ streamId: { eq: `Stream:${bobs.streamId}` } })).toBe(0)
    expect(await found({ conversationId: { eq: `Conversation:${newConversation}` }, messageId: { eq: `Message:${newConversation}` } })).toBe(3)
    expect(await found({ model: { eq: 'no-such' } })).toBe(1)
    expect(await found({ status: { in: ['RUNNING', 'FAILED'] } })).toBe(0)
    expect(await found({ startedAt: { gte: '2199-01-01T00:00:00Z' } })).toBe(0)
    expect(idsOf(await list({ orderBy: [{ field: 'COST', direction: 'DESC' }] }))).toEqual(globalIds(0, 2, 1))
    const first = await list({ orderBy: [{ field: 'COST', direction: 'ASC' }], first: 2 })
    expect(idsOf(first)).toEqual(globalIds(1, 2))
    expect(idsOf(await list({ orderBy: [{ field: 'COST', direction: 'ASC' }], first: 2, after: first.pageInfo.endCursor }))).toEqual(globalIds(0))
  })

  it('shows in what it belongs to, with its sums, for all of a page by a few statements', async () => {
    const running = await begin(on.world, bobs.call())
    const query = `{ tasks { nodes { id usage { calls runningCalls unpricedCalls inputTokens outputTokens costMicroUsd items(first: 2) { totalCount nodes { id } } } streams { nodes { usage { calls costMicroUsd } } } } } }`
    const { answer, statements } = await statementsOf(() => on.world.ask(query, {}, on.admin))
    const byId = new Map(answer.data.tasks.nodes.map((task: { id: string }) => [task.id, task]))
    expect(byId.get(adas.taskId)).toMatchObject({
      usage: { calls: 4, runningCalls: 0, unpricedCalls: 1, inputTokens: 35, outputTokens: 11, costMicroUsd: 42, items: { totalCount: 4 } },
      streams: { nodes: [{ usage: { calls: 4, costMicroUsd: 42 } }] },
    })
    expect(byId.get(bobs.taskId)).toMatchObject({ usage: { calls: 1, runningCalls: 1, costMicroUsd: 7, items: { totalCount: 2 } } })
    expect(statements.filter((sql) => sql.includes('"ProviderUsage"')).length).toBeLessThanOrEqual(5)
    await running.end({ ...ENDING, tokens: tokens(0, 0) })
  })

  it('leads from a sum of money down to its calls, streams, task and user, and all agree', async () => {
    const { id } = await createBudget(on.world, on.ada, { amountMicroUsd: 1_000_000, period: 'MONTH' })
    await called(on.world, adas.call(), { tokens: tokens(100, 100) })
    const query = `query ($id: ID!) {
      budget(id: $id) { spentMicroUsd user { id } usages { totalCount nodes { costMicroUsd stream { id text usage { costMicroUsd } } task { id type usage { costMicroUsd } } owner { id email } } } }
      usageSums(groupBy: []) { costMicroUsd }
      ofModel: usageSums(groupBy: [MODEL]) { model costMicroUsd } }`
    const { data, errors } = await on.world.ask(query, { id }, on.ada)
    expect(errors).toBeUndefined()
    const sum = data.budget.usages.nodes.reduce((total: number, { costMicroUsd }: { costMicroUsd: number | null }) => total + (costMicroUsd ?? 0), 0)
    expect(sum).toBe(342)
    expect(data.budget.spentMicroUsd).toBe(sum)
    expect(data.usageSums).toEqual([{ costMicroUsd: sum }])
    expect(data.ofModel).toEqual([
      { model: 'plain', costMicroUsd: sum },
      { model: 'no-such', costMicroUsd: null },
    ])
    for (const { stream, task, owner } of data.budget.usages.nodes) {
      expect(stream.usage.costMicroUsd).toBe(sum)
      expect(task).toMatchObject({ id: adas.taskId, usage: { costMicroUsd: sum } })
      expect(owner).toEqual({ id: on.ada.id, email: on.ada.email })
    }
  })

  it('tells what a model costs, as far as anybody knows', async () => {
    const query = `query ($provider: String!, $model: String!) { modelPrice(provider: $provider, model: $model) { source price { inputMicroUsd outputMicroUsd cachedInputMicroUsd } } }`
    const told = async (provider: string, model: string) => (await on.world.ask(query, { provider, model }, on.ada)).data?.modelPrice
    expect(await told('test', 'plain')).toEqual({
      source: 'OPERATOR',
      price: { inputMicroUsd: 1_000_000, outputMicroUsd: 2_000_000, cachedInputMicroUsd: 1_000_000 },
    })
    expect(await told('openai', 'gpt-4o-mini')).toMatchObject({ source: 'BUNDLED', price: { inputMicroUsd: 150_000 } })
    expect(await told('local', 'tinyllama')).toEqual({ source: 'UNKNOWN', price: null })
    expect((await on.world.ask(query, { provider: '', model: 'x' }, on.ada)).errors![0]!.extensions.code).toBe('BAD_USER_INPUT')
  })

  it('is for whoever may read usage', async () => {
    const key = await on.world.does(
      `mutation ($input: ApiKeyCreateInput!) { apiKeyCreate(input: $input) { secret userErrors { code message } } }`,
      { input: { name: 'k', scopes: ['TASKS_READ'] } },
      on.ada,
    )
    expect((await on.world.ask(LIST, {}, key.secret)).errors![0]!.extensions.code).toBe('FORBIDDEN')
    expect((await on.world.ask(`{ tasks { nodes { usage { calls } } } }`, {}, key.secret)).errors![0]!.extensions.code).toBe('FORBIDDEN')
    expect((await on.world.ask(`query ($id: ID!) { node(id: $id) { id } }`, { id: globalIds(0)[0] }, on.bob)).data.node).toBeNull()
    expect((await on.world.ask(`query ($id: ID!) { node(id: $id) { id } }`, { id: globalIds(0)[0] }, on.ada)).data.node).toEqual({ id: globalIds(0)[0] })
  })
})
