import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type LocalModel, type LocalModelOptions, localModel } from '../../src/providers/local/local-model.ts'
import { findLocalPackages } from '../../src/providers/local/local-packages.ts'
import { providersOf } from '../../src/providers/providers.ts'
import { ask, failureOf, partsOf, silent, textOf } from './kit.ts'

const { missing } = findLocalPackages()
if (missing && process.env.CI) throw new Error(`On CI the local model has to be tested: ${missing}.`)
if (missing) console.warn(`SKIPPED: the tests of the local model. ${missing}.`)

/** Kept between runs: the weights are joined once. */
const modelFolder = path.resolve('data/models')
const told: { message: string; fields: object }[] = []
const log = { info: (fields: object, message: string) => void told.push({ message, fields }), warn: silent.warn }
const start = (more: Partial<LocalModelOptions> = {}) => localModel({ enabled: true, modelFolder, log, ...more })

describe.skipIf(missing !== null)('the local model', { timeout: 60_000 }, () => {
  let local: LocalModel
  const generate = (content: string, more: Parameters<typeof ask>[1] = {}, from = local) =>
    providersOf([from]).generate(ask(content, { temperature: 0, ...more }))
  /** A generation that has begun to speak and would go on for a minute. */
  const speaking = async (signal?: AbortSignal, from = local) => {
    const generation = await generate('Tell me a long story.', { maxOutputTokens: 1000, signal }, from)
    const parts = generation.parts[Symbol.asyncIterator]()
    await parts.next()
    return { generation, parts }
  }
  beforeAll(() => {
    local = start()
  })
  afterAll(() => local.close())

  test('answers a question, token by token', async () => {
    expect(local.pid()).toBeNull()
    const generation = await generate('What is the capital of France?', { maxOutputTokens: 12 })
    const parts = await partsOf(generation)

    // Rounding differs between processors, and with it the words a model this small picks; this much is the same on all.
    expect(parts.map(({ content }) => content).join('')).toMatch(/Paris/)
    expect(parts.length).toBeGreaterThan(5)
    expect(generation).toMatchObject({ provider: 'local', model: 'tinyllama-1.1b-chat' })
    expect(await generation.outcome).toMatchObject({ usage: { inputTokens: 23, outputTokens: expect.any(Number) } })
    expect(told).toContainEqual({ message: 'the local model is loaded', fields: { pid: local.pid(), loadMs: expect.any(Number) } })
    expect(os.getPriority(local.pid()!)).toBeGreaterThan(os.getPriority())
  })

  test('hears what the system says, and knows when it is done', async () => {
    const messages = [{ role: 'system' as const, content: 'Answer with a single word.' }, ...ask('What is the capital of France?').messages]
    const generation = await providersOf([local]).generate({ ...ask(''), messages, temperature: 0, maxOutputTokens: 30 })
    await textOf(generation)
    expect((await generation.outcome).finishReason).toBe('stop')
  })

  test('answers in JSON by a schema', async () => {
    const schema = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false }
    const generation = await providersOf([local]).generate({ ...ask('Name the capital of France, as JSON.'), temperature: 0, maxOutputTokens: 60, schema })
    expect(JSON.parse(await textOf(generation))).toEqual({ city: expect.any(String) })
  })

  test('stops before a text that ends it', async () => {
    const generation = await providersOf([local]).generate({ ...ask('What is the capital of France?'), temperature: 0, maxOutputTokens: 30, stop: ['Paris'] })
    expect(await textOf(generation)).not.toContain('Paris')
    expect((await generation.outcome).finishReason).toBe('stop')
  })

  test('cannot call tools, and says so', async () => {
    const tool = { name: 'a', description: 'Is a tool.', inputSchema: {}, run: async () => null }
    const { error } = await failureOf(await providersOf([local]).generate({ ...ask('hello'), tools: [tool] }))
    expect(error).toMatchObject({ code: 'PROVIDER_FAILED', retryable: false, message: expect.stringContaining('cannot call tools') })
  })

  test('is told what tools said before, and tells of its call', async () => {
    const told: unknown[] = []
    const messages = [
      ...ask('What is the password?').messages,
      { role: 'assistant' as const, content: '', toolCalls: [{ callId: 'c', name: 'vault.read', input: {} }] },
      { role: 'tool' as const, callId: 'c', name: 'vault.read', output: 'swordfish' },
    ]
    const calls = {
      begin: async (call: object) => void told.push(call),
      answered: () => void told.push('answered'),
      ended: (end: object) => void told.push(end),
    }
    const generation = await providersOf([local]).generate({ ...ask(''), messages, temperature: 0, maxOutputTokens: 20, calls })
    await textOf(generation)
    expect(told).toMatchObject([
      { input: ['What is the password?', 'vault.read answered: swordfish'], maxOutputTokens: 20 },
      'answered',
      { tokens: { inputTokens: expect.any(Number), outputTokens: expect.any(Number), cachedInputTokens: null } },
    ])
  })

  test('stops at its limit and says so', async () => {
    const generation = await generate('Tell me a long story.', { maxOutputTokens: 3 })
    await textOf(generation)
    expect(await generation.outcome).toMatchObject({ finishReason: 'length', usage: { outputTokens: 3 } })
  })

  test('never splits a character of several bytes', async () => {
    const pieces = (await partsOf(await generate('Repeat exactly: 你好 🌞', { maxOutputTokens: 16 }))).map(({ content }) => content)
    expect(pieces.join('')).toMatch(/[\u4e00-\u{1ffff}]/u)
    for (const piece of pieces) expect(Buffer.from(piece).toString()).toBe(piece.replaceAll('\ufffd', ''))
  })

  test('answers those who ask together one after another, in their order', async () => {
    const ended: number[] = []
    const answers = [1, 2, 3].map(async (number) => {
      await textOf(await generate('Say yes.', { maxOutputTokens: 2 }))
      ended.push(number)
    })
    await Promise.all(answers)
    expect(ended).toEqual([1, 2, 3])
  })

  test('is free for the next soon after a cancel, in the same process', async () => {
    const pid = local.pid()
    const cancel = new AbortController()
    const { parts, generation } = await speaking(cancel.signal)
    const parked = parts.next()
    cancel.abort(new Error('not wanted any more'))

    await expect(parked).rejects.toThrow('not wanted any more')
    await expect(generation.outcome).rejects.toThrow('not wanted any more')
    expect(await textOf(await generate('What is the capital of France?', { maxOutputTokens: 12 }))).toMatch(/Paris/)
    expect(local.pid()).toBe(pid)
  })

  test('can be cancelled while it reads a long prompt, and while waiting in line', async () => {
    const reading = new AbortController()
    const waiting = new AbortController()
    const first = failureOf(await generate('The quick brown fox jumps over the lazy dog. '.repeat(60), { signal: reading.signal }))
    const second = failureOf(await generate('Hello', { signal: waiting.signal }))
    waiting.abort(new Error('second'))
    expect(await second).toMatchObject({ text: '', error: { message: 'second' } })
    reading.abort(new Error('first'))
    expect(await first).toMatchObject({ text: '', error: { message: 'first' } })

    const next = await generate('Say yes.', { maxOutputTokens: 1 })
    await textOf(next)
    // Reading that prompt to its end takes half a minute.
    expect((await next.outcome).usage.durationMs).toBeLessThan(10_000)
  })

  test('leaves out the oldest messages of a conversation that is too long, and refuses one message that is', async () => {
    const small = start({ contextTokens: 256 })
    const old = Array.from({ length: 9 }, (_, index) => ({ role: index % 2 ? ('assistant' as const) : ('user' as const), content: 'blah '.repeat(40) }))
    const messages = [{ role: 'system' as const, content: 'Be brief.' }, ...old, ...ask('What is the capital of France?').messages]
    const generation = await providersOf([small]).generate({ ...ask(''), messages, maxOutputTokens: 1 })
    await textOf(generation)

    expect((await generation.outcome).usage.inputTokens).toBeLessThan(256)
    expect(told).toContainEqual({ message: expect.stringContaining('did not see the oldest'), fields: { messagesLeftOut: 5 } })
    const { error } = await failureOf(await generate('blah '.repeat(300), {}, small))
    expect(error).toMatchObject({ code: 'PROVIDER_FAILED', retryable: false, message: expect.stringMatching(/tokens too long/) })
    await small.close()
  })

  test('fails retryably when its process dies in the middle, and the next request starts another', async () => {
    const { parts } = await speaking()
    const pid = local.pid()!
    process.kill(pid, 'SIGKILL')
    const failure = await (async () => {
      for (;;) if ((await parts.next()).done) throw new Error('It ended well.')
    })().catch((error) => error)

    expect(failure).toMatchObject({ code: 'PROVIDER_FAILED', retryable: true, message: expect.stringContaining('SIGKILL') })
    expect(await textOf(await generate('What is the capital of France?', { maxOutputTokens: 12 }))).toMatch(/Paris/)
    expect(local.pid()).not.toBe(pid)
  })

  test('fails retryably when the server stops, and starts no more', async () => {
    const other = start()
    const failure = failureOf(await generate('Tell me a long story.', {}, other))
    await vi.waitFor(() => expect(other.pid()).not.toBeNull())
    await other.close()
    expect((await failure).error).toMatchObject({ retryable: true, message: 'local: the server is stopping' })
    expect((await failureOf(await generate('Hello', {}, other))).error).toMatchObject({ retryable: true })
    expect(other.pid()).toBeNull()
  })

  test('ends when it was idle for long enough', async () => {
    const other = start({ idleMs: 20 })
    await textOf(await generate('Say yes.', { maxOutputTokens: 1 }, other))
    await vi.waitFor(() => expect(other.pid()).toBeNull())
    await other.close()
  })

  test('refuses damaged weights, and says so', async () => {
    const weights = { fileName: 'damaged.gguf', parts: [fileURLToPath(import.meta.url)], bytes: 1, sha256: '00' }
    const other = start({ packages: { weights, missing: null } })
    expect((await failureOf(await generate('Hello', {}, other))).error).toMatchObject({
      retryable: false,
      message: expect.stringContaining('weights are damaged'),
    })
    await other.close()
  })

  test.each(['loads', 'speaks'])('ends with its server even when that is killed while it %s', async (moment) => {
    const parent = spawn(process.execPath, ['--import', 'tsx', fileURLToPath(new URL('./parent-of-local-model.ts', import.meta.url)), modelFolder, moment], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [line] = await once(parent.stdout, 'data')
    const pid = Number.parseInt(String(line), 10)
    expect(isRunning(pid)).toBe(true)
    parent.kill('SIGKILL')
    await vi.waitFor(() => expect(isRunning(pid)).toBe(false), { timeout: 10_000 })
  })
})

/** A process that ended and waits for being reaped does not run, though it can still be signalled. */
function isRunning(pid: number): boolean {
  const stat = `/proc/${pid}/stat`
  if (existsSync('/proc/self/stat')) return existsSync(stat) && !readFileSync(stat, 'utf8').includes(') Z ')
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
