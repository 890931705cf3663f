import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Answers, answered, openAnswers } from '../generation/answers.ts'
import { dialects } from '../kit/databases.ts'
import { type Caller, called, caller, openTaskWorld, price, type TaskWorld, tokens } from '../usage/metered.ts'
import { entriesOf } from './audit.ts'

const USAGE = 'query ($id: ID!) { node(id: $id) { ... on ProviderUsage { auditEntry { id kind operation succeeded code durationMs subjectId user { id } } } } }'

describe.each(dialects())('calls of providers in the trail on %s', (dialect) => {
  let on: TaskWorld
  let adas: Caller
  beforeAll(async () => {
    on = await openTaskWorld(dialect)
    await price(on.world)
    adas = await caller(on, on.ada)
  })
  afterAll(async () => {
    adas.run.complete({})
    await on.world.close()
  })

  it('are told with their end, and a usage leads to its entry', async () => {
    const id = `ProviderUsage:${await called(on.world, adas.call(), { tokens: tokens(10, 3) })}`
    const { data } = await on.world.ask(USAGE, { id }, on.ada)
    expect(data.node.auditEntry).toMatchObject({
      kind: 'PROVIDER_CALL',
      operation: 'test/plain',
      succeeded: true,
      code: null,
      subjectId: id,
      user: { id: on.ada.id },
    })
    expect((await on.world.ask(USAGE, { id }, on.bob)).data.node).toBeNull()
    const mine = await entriesOf(on.world, on.ada, { kind: { eq: 'PROVIDER_CALL' } })
    expect(mine.map(({ id: entry }) => entry)).toEqual([data.node.auditEntry.id])
    expect(await entriesOf(on.world, on.bob, { kind: { eq: 'PROVIDER_CALL' } })).toEqual([])
  })

  it('that failed say so', async () => {
    const id = `ProviderUsage:${await called(on.world, adas.call(), { status: 'FAILED', error: 'It broke, said sk-secret-words.' })}`
    const { data } = await on.world.ask(USAGE, { id }, on.ada)
    expect(data.node.auditEntry).toMatchObject({ succeeded: false, code: 'CALL_FAILED' })
  })
})

describe.each(dialects())('calls of tools in the trail on %s', (dialect) => {
  let on: Answers
  beforeAll(async () => {
    on = await openAnswers(dialect, {
      tools: [
        { name: 'weather.read', description: 'Reads.', inputSchema: { type: 'object' }, run: async () => ({ degrees: 20 }) },
        {
          name: 'weather.break',
          description: 'Breaks.',
          inputSchema: { type: 'object' },
          run: async () => {
            throw new Error('The station is under water.')
          },
        },
      ],
    })
  })
  afterAll(() => on.close())

  it('are told with their results, and nothing of what they were given or answered', async () => {
    const toolCalls = ['weather_read', 'weather_break'].map((name) => ({ id: `call-${name}`, name, arguments: '{"city":"a secret place"}' }))
    on.mock.on({ userMessage: 'ask', hasToolResult: false }, { toolCalls, usage: { prompt_tokens: 10, completion_tokens: 3 } })
    on.mock.on({ userMessage: 'ask', hasToolResult: true }, { content: 'So be it.', usage: { prompt_tokens: 20, completion_tokens: 4 } })
    const { task } = await answered(on, { prompt: 'ask', tools: ['weather.read', 'weather.break'] })
    const entries = await entriesOf(on.world, on.ada, { kind: { eq: 'TOOL_CALL' } })
    expect(entries.map(({ operation, code, subjectId, userId }) => [operation, code, subjectId, userId]).sort()).toEqual([
      ['weather.break', 'TOOL_FAILED', task.id, on.ada.id],
      ['weather.read', null, task.id, on.ada.id],
    ])
    const all = JSON.stringify(await on.world.client.auditEntry.findMany(), (_key, value) => (typeof value === 'bigint' ? String(value) : value))
    for (const words of ['a secret place', 'under water', 'So be it', 'degrees']) expect(all).not.toContain(words)
  })
})
