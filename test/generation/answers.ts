/** A world in which models answer, with a provider that tests write and a meter that remembers. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createAnthropic } from '@ai-sdk/anthropic'
import { LLMock } from '@copilotkit/aimock'
import { DomainError } from '../../src/core/errors.ts'
import type { Work } from '../../src/events/work.ts'
import { Prisma } from '../../src/generated/sqlite/client.ts'
import { streamFromSdk } from '../../src/providers/ai-sdk.ts'
import { openaiProvider } from '../../src/providers/openai-compatible.ts'
import type { Provider } from '../../src/providers/provider.ts'
import { providersOf } from '../../src/providers/providers.ts'
import { plainConnection } from '../../src/providers/sdk-provider.ts'
import { type TextGenerateParams, textGenerate } from '../../src/tasks/types/text-generate.ts'
import { createTools } from '../../src/tools/create-tools.ts'
import type { Tool } from '../../src/tools/tool.ts'
import type { CallEnding, Meter, MeteredCall, NewCall } from '../../src/usage/meter.ts'
import type { TestUser } from '../kit/world.ts'
import { read } from '../streams/stream.ts'
import { bare, create, openTaskWorld, type TaskWorld, whenTask } from '../tasks/task.ts'

export const KEY = 'sk-test-0123456789abcdef'

export interface Metered {
  begun: NewCall
  wrote: string[]
  /** With what the stream was while it was told, where that was within the transaction that ends the attempt. */
  ends: { ending: CallEnding; streamStatus: string | null }[]
}

export class BudgetIsOver extends DomainError {
  constructor() {
    super('BUDGET_EXCEEDED', 'The budget is spent.')
  }
}

/** Remembers what it is told, and says no where a test wants it to. */
export class FakeMeter implements Meter {
  calls: Metered[] = []
  /** Throws from `begin`. */
  refuses: ((call: NewCall) => Error | null) | null = null
  /** `begin` waits for it. */
  holds: Promise<void> | null = null
  /** So many characters may be written in all. */
  room = Number.POSITIVE_INFINITY

  forget(): void {
    this.calls = []
    this.refuses = null
    this.holds = null
    this.room = Number.POSITIVE_INFINITY
  }

  async begin(begun: NewCall): Promise<MeteredCall> {
    const refusal = this.refuses?.(begun)
    if (refusal) throw refusal
    const call: Metered = { begun, wrote: [], ends: [] }
    this.calls.push(call)
    await this.holds
    return {
      usageId: String(this.calls.length),
      wrote: async (text) => {
        call.wrote.push(text)
        this.room -= text.length
        if (this.room < 0) throw new BudgetIsOver()
      },
      end: async (ending, work) => void call.ends.push({ ending, streamStatus: work ? await statusOf(work, begun.streamId!) : null }),
    }
  }
}

async function statusOf(work: Work, streamId: string): Promise<string> {
  return (await work.rows<{ status: string }>(Prisma.sql`SELECT "status" FROM "Stream" WHERE "id" = ${streamId}`))[0]!.status
}

export interface Answers extends TaskWorld {
  mock: LLMock
  meter: FakeMeter
  /** Answers `raw/…` models byte by byte as a test wants it. */
  raw: { respond: (request: IncomingMessage, response: ServerResponse, body: Record<string, unknown>) => void }
  close(): Promise<void>
}

/** Its task type `test.answer` is `text.generate` with these tools, and metered. */
export async function openAnswers(dialect: 'sqlite' | 'postgresql', more: { tools?: Tool[]; allowedHosts?: string[] } = {}): Promise<Answers> {
  const mock = new LLMock({ port: 0 })
  const raw: Answers['raw'] = { respond: (_request, response) => void response.writeHead(500).end() }
  mock.mount('/raw', {
    async handleRequest(request, response) {
      let body = ''
      for await (const part of request) body += part
      raw.respond(request, response, JSON.parse(body))
      return true
    },
  })
  await mock.start()
  const meter = new FakeMeter()
  const tools = createTools({
    allowedHosts: more.allowedHosts ?? [],
    messagesSearch: async ({ ownerId, query, limit }) => [{ ownerId, query, limit }],
  })
  for (const tool of more.tools ?? []) tools.register(tool)
  const openaiAt = (name: string, baseUrl: string): Provider => openaiProvider(plainConnection({ name, apiKey: KEY, baseUrl, models: ['m'] }))
  const providers = providersOf([
    openaiAt('openai', `${mock.url}/v1`),
    openaiAt('raw', `${mock.url}/raw`),
    openaiAt('dead', 'http://127.0.0.1:1/v1'),
    anthropicAt(`${mock.url}/v1`),
  ])
  const on = await openTaskWorld(dialect, {
    extend: (types) => types.register({ ...textGenerate({ providers, tools, meter }), name: 'test.answer' }),
  })
  const close = async () => {
    await on.world.close()
    await mock.stop()
  }
  return { ...on, mock, meter, raw, close }
}

function anthropicAt(baseURL: string): Provider {
  const sdkModel = async (model: string) => ({ model: createAnthropic({ baseURL, apiKey: KEY })(model), secrets: [KEY] })
  return {
    name: 'anthropic',
    models: ['claude-sonnet-4-5'],
    takesAnyModel: true,
    unavailableBecause: null,
    sdkModel,
    async *stream(model, request) {
      const made = await sdkModel(model)
      return yield* streamFromSdk('anthropic', made.model, request, made.secrets)
    },
    async close() {},
  }
}

// biome-ignore lint/suspicious/noExplicitAny: a test says itself what it expects of an answer
type Data = any

export const ask = (on: Answers, params: TextGenerateParams, more: object = {}, user: TestUser = on.ada): Promise<Data> =>
  create(on.world, user, { type: 'test.answer', params, maxAttempts: 1, ...more })

export interface Answered {
  task: Data
  stream: Data
}

/** Asks, and waits for the end of the task; then its last stream. */
export async function answered(on: Answers, params: TextGenerateParams, more: object = {}): Promise<Answered> {
  const { id } = await ask(on, params, more)
  const task = await whenTask(on.world, on.ada, id, ({ status }) => ['COMPLETED', 'FAILED', 'CANCELLED'].includes(status))
  return { task, stream: await streamOf(on, id) }
}

export async function streamOf(on: Answers, taskId: string): Promise<Data> {
  const row = await on.world.client.stream.findFirstOrThrow({ where: { producerTaskId: bare(taskId) }, orderBy: [{ createdAtMs: 'desc' }, { id: 'desc' }] })
  return read(on.world, on.ada, `Stream:${row.id}`)
}

/** Chunks of a kind, as JSON. */
export const chunksOf = (stream: Data, kind: string): Data[] =>
  stream.chunks.filter((chunk: Data) => chunk.kind === kind).map(({ content }: Data) => JSON.parse(content))

/** What every call must show at its end: begun, and ended once. */
export const endsOf = (on: Answers) => on.meter.calls.map(({ ends }) => ends.map(({ ending }) => ending.status))

export const chunk = (delta: object, finish: string | null = null) =>
  `data: ${JSON.stringify({ id: '1', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`

export const events = (response: ServerResponse) => response.writeHead(200, { 'content-type': 'text/event-stream' })
