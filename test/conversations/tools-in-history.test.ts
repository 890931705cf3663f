import { LLMock } from '@copilotkit/aimock'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { MessagePart } from '../../src/conversations/message.ts'
import { toolTurns } from '../../src/conversations/tool-turns.ts'
import { dialects } from '../kit/databases.ts'
import { openTaskWorld, type TaskWorld } from '../tasks/task.ts'
import { turn } from './conversation.ts'

const call = (callId: string): MessagePart => ({ type: 'TOOL_CALL', callId, name: 'look.up', input: { of: callId } })
const result = (callId: string, isError = false): MessagePart => ({ type: 'TOOL_RESULT', callId, name: 'look.up', output: callId, isError })
const text = (said: string): MessagePart => ({ type: 'TEXT', text: said })
const told = (parts: MessagePart[]) =>
  toolTurns(parts)?.map((turned) =>
    turned.role === 'assistant' ? [turned.content, ...(turned.toolCalls ?? []).map(({ callId }) => callId)] : turned.role === 'tool' && turned.output,
  ) ?? null

describe('an answer that called tools, as a model is told of it', () => {
  it('has each call of the model with what was said before, and what was answered behind it', () => {
    expect(told([text('Let me see.'), call('a'), result('a'), text('And more.'), call('b'), result('b'), text('Done.')])).toEqual([
      ['Let me see.', 'a'],
      'a',
      ['And more.', 'b'],
      'b',
      ['Done.'],
    ])
  })
  it('keeps apart what was called one after the other, and together what was called at once', () => {
    expect(told([call('a'), result('a'), call('b'), result('b')])).toEqual([['', 'a'], 'a', ['', 'b'], 'b'])
    expect(told([call('a'), call('b'), result('b'), result('a')])).toEqual([['', 'a', 'b'], 'a', 'b'])
  })
  it('leaves out a call that nobody answered, and a result of which there is no call', () => {
    expect(told([call('a'), result('a'), text('Now'), call('b')])).toEqual([['', 'a'], 'a', ['Now']])
    expect(told([text('Now'), call('b')])).toBeNull()
    expect(told([result('a'), text('Now')])).toBeNull()
  })
  it('tells of a failure as one', () => {
    expect(toolTurns([call('a'), result('a', true)])![1]).toEqual({ role: 'tool', callId: 'a', name: 'look.up', output: 'a', isError: true })
  })
})

describe.each(dialects())('tools in a history on %s', (dialect) => {
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
  const given = () => (mock.getLastRequest()!.body as { messages: object[] }).messages
  const tools = ['conversation.search']
  const searched = async (query: string) => {
    const toolCalls = [{ id: 'call-1', name: 'conversation_search', arguments: JSON.stringify({ query }) }]
    mock.on({ userMessage: 'search', hasToolResult: false }, { toolCalls })
    mock.on({ userMessage: 'search', hasToolResult: true }, { content: 'Nothing found.' })
    mock.onMessage('', { content: 'ok' })
    const first = await turn(on.world, on.ada, { text: 'search it', tools })
    expect(first.answer.toolsInvoked).toEqual(tools)
    return first.conversation.id
  }

  it('the next answer is given what was called and what came of it', async () => {
    const conversationId = await searched('a needle')
    const { answer } = await turn(on.world, on.ada, { conversationId, text: 'and now?', tools })
    expect(given()).toMatchObject([
      { role: 'user', content: 'search it' },
      {
        role: 'assistant',
        tool_calls: [{ id: 'call-1', type: 'function', function: { name: 'conversation_search', arguments: '{"query":"a needle"}' } }],
      },
      { role: 'tool', tool_call_id: 'call-1' },
      { role: 'assistant', content: 'Nothing found.' },
      { role: 'user', content: 'and now?' },
    ])
    expect(answer.history).toEqual({ sent: 3, dropped: 0, remembered: 0 })
  })

  it('is given the text alone where no tools are offered, or they take more room than there is', async () => {
    const plain = [
      { role: 'user', content: 'search it' },
      { role: 'assistant', content: 'Nothing found.' },
    ]
    const conversationId = await searched('a needle')
    await turn(on.world, on.ada, { conversationId, text: 'and now?', tools: [] })
    expect(given()).toEqual([...plain, { role: 'user', content: 'and now?' }])
    // 8,192 tokens less a quarter, and a tenth kept back: 5,529 for all, of which some 5,500 are asked here.
    const last = `and ${'word '.repeat(5490)}`
    await turn(on.world, on.ada, { conversationId: await searched('a needle '.repeat(20)), text: last, tools })
    expect(given()).toEqual([...plain, { role: 'user', content: last }])
  })
})
