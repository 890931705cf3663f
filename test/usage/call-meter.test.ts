import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dialects } from '../kit/databases.ts'
import { begin, type Caller, called, caller, ENDING, MODEL, openTaskWorld, price, type TaskWorld, tokens, usageRow } from './metered.ts'

describe.each(dialects())('a call of a provider on %s', (dialect) => {
  let on: TaskWorld
  let by: Caller
  beforeAll(async () => {
    on = await openTaskWorld(dialect)
    await price(on.world)
    await price(on.world, { model: 'fine', input: 37_500n, output: 300_000n, cached: 10_000n })
    by = await caller(on, on.ada)
  })
  afterAll(async () => {
    by.run.complete({})
    await on.world.close()
  })

  const eventsOf = async (id: string) =>
    (await on.world.client.event.findMany({ where: { subjectId: id }, orderBy: { position: 'asc' } })).map(({ kind }) => kind)

  it('is written down before it is made, and settled with what the provider says', async () => {
    const call = await begin(on.world, by.call({ conversationId: 'c', messageId: 'm', step: 3 }))
    expect(await usageRow(on.world, call.usageId)).toMatchObject({
      ...MODEL,
      status: 'RUNNING',
      inputTokens: 10,
      outputTokens: null,
      costMicroUsd: null,
      priceSource: 'OPERATOR',
      price: { input: 1_000_000, output: 2_000_000, cachedInput: 1_000_000 },
      conversationId: 'c',
      messageId: 'm',
      step: 3,
      attempt: 1,
    })
    await call.wrote('some words')
    await call.end({ ...ENDING, tokens: tokens(12, 7) })
    const row = await usageRow(on.world, call.usageId)
    expect(row).toMatchObject({
      status: 'COMPLETED',
      inputTokens: 12,
      outputTokens: 7,
      costMicroUsd: 26n,
      isCounted: false,
      timeToFirstTokenMs: 5,
      durationMs: 50,
    })
    expect(row).toMatchObject({ finishReason: 'stop', error: null, day: Number(row.startedAtMs / 86_400_000n) })
    expect(row.endedAtMs).toBeGreaterThanOrEqual(row.startedAtMs)
    expect(await eventsOf(call.usageId)).toEqual(['USAGE_STARTED', 'USAGE_ENDED'])
  })

  it('that is cut costs what was written, counted here', async () => {
    const call = await begin(on.world, by.call())
    for (const word of ['one', ' two', ' three']) await call.wrote(word)
    await call.end({ ...ENDING, status: 'CANCELLED' })
    expect(await usageRow(on.world, call.usageId)).toMatchObject({ status: 'CANCELLED', inputTokens: 10, outputTokens: 3, isCounted: true, costMicroUsd: 16n })
  })

  it('that is refused without a word has used nothing', async () => {
    const id = await called(on.world, by.call(), { status: 'FAILED', error: '429: too many\u0000' })
    expect(await usageRow(on.world, id)).toMatchObject({ status: 'FAILED', inputTokens: 0, outputTokens: 0, costMicroUsd: 0n, error: '429: too many\ufffd' })
  })

  it('ends once, whoever ends it and however often', async () => {
    const call = await begin(on.world, by.call())
    await Promise.all([1, 2, 3].map((n) => call.end({ ...ENDING, tokens: tokens(n, n) })))
    const row = await usageRow(on.world, call.usageId)
    await call.end({ ...ENDING, status: 'FAILED', tokens: tokens(1000, 1000) })
    expect(await usageRow(on.world, call.usageId)).toEqual(row)
    expect(await eventsOf(call.usageId)).toEqual(['USAGE_STARTED', 'USAGE_ENDED'])
  })

  it('costs fractions of a micro-USD a token, rounded up once', async () => {
    const cost = async (...counts: [number, number, number | null]) =>
      (await usageRow(on.world, await called(on.world, by.call({ model: 'fine' }), { tokens: tokens(...counts) }))).costMicroUsd
    expect(await cost(1, 0, null)).toBe(1n)
    expect(await cost(80, 0, null)).toBe(3n)
    expect(await cost(81, 0, null)).toBe(4n)
    expect(await cost(1000, 100, null)).toBe(68n)
    // 37.5 × 200 + 10 × 800 + 300 × 100
    expect(await cost(1000, 100, 800)).toBe(46n)
    expect(await cost(0, 0, null)).toBe(0n)
  })

  it('of a model that nobody knows the price of has no cost', async () => {
    const id = await called(on.world, by.call({ model: 'no-such' }), { tokens: tokens(5, 5) })
    expect(await usageRow(on.world, id)).toMatchObject({ costMicroUsd: null, priceSource: 'UNKNOWN', price: null, inputTokens: 5, outputTokens: 5 })
  })

  it('of a model in the bundled tables costs what these say', async () => {
    const id = await called(on.world, by.call({ provider: 'openai', model: 'gpt-4o-mini' }), { tokens: tokens(1_000_000, 1_000_000) })
    expect(await usageRow(on.world, id)).toMatchObject({
      costMicroUsd: 750_000n,
      priceSource: 'BUNDLED',
      price: { input: 150_000, output: 600_000, cachedInput: 75_000 },
    })
    const long = await called(on.world, by.call({ provider: 'anthropic', model: 'claude-sonnet-4-5' }), { tokens: tokens(300_000, 1000) })
    expect(await usageRow(on.world, long)).toMatchObject({ costMicroUsd: 1_822_500n })
  })

  it('of a local model has the price that the operator sets, or none', async () => {
    const local = { provider: 'local', model: 'gpt-4o-mini' }
    expect(await usageRow(on.world, await called(on.world, by.call(local), { tokens: tokens(1, 1) }))).toMatchObject({
      priceSource: 'UNKNOWN',
      costMicroUsd: null,
    })
    await price(on.world, { ...local, input: 0n, output: 0n })
    expect(await usageRow(on.world, await called(on.world, by.call(local), { tokens: tokens(1, 1) }))).toMatchObject({
      priceSource: 'OPERATOR',
      costMicroUsd: 0n,
    })
  })

  it('counts a text that would end another text', async () => {
    const call = await begin(on.world, by.call())
    await call.wrote('<|endoftext|>')
    await call.end({ ...ENDING })
    expect((await usageRow(on.world, call.usageId)).outputTokens).toBeGreaterThan(1)
  })
})
