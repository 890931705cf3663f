/** One answer of a model, from the request to the last word in its stream. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { DomainError } from '../core/errors.ts'
import type { ChatMessage, OfferedTool, Providers, Reasoning } from '../providers/provider.ts'
import { ProviderFailed } from '../providers/provider-errors.ts'
import type { TaskRun } from '../tasks/task-type.ts'
import type { Tools } from '../tools/tool.ts'
import { toolsOffered } from '../tools/tools-offered.ts'
import type { Meter } from '../usage/meter.ts'
import { AnswerCalls } from './answer-calls.ts'
import { NoModelAnswered, passesOn } from './answer-errors.ts'
import { type AnswerPart, AnswerPen } from './answer-pen.ts'
import { type AnswerCheck, answerCheck } from './answer-schema.ts'
import { type Aside, asideBy } from './aside.ts'

export type { AnswerPart } from './answer-pen.ts'
export type { Aside } from './aside.ts'

export interface AnswerRequest {
  /** Oldest first; or what makes them, where the model is to be asked something before. */
  messages: ChatMessage[] | ((aside: Aside) => Promise<ChatMessage[]>)
  /** `provider/model`; null: the default. */
  model: string | null
  /** Asked in this order where the one before cannot answer. */
  fallbackModels?: string[]
  temperature?: number
  maxOutputTokens?: number
  /** Texts that end the answer. */
  stop?: string[]
  /** JSON Schema that the answer must fulfil. */
  schema?: unknown
  reasoning?: Reasoning
  /** Names of tools it may call. */
  tools?: string[]
  /** Most calls of the model in one answer; 8. */
  maxSteps?: number
  /** A call of the model that takes longer is given up. */
  callTimeoutSeconds?: number
  /** What it is for, besides the task. */
  conversationId?: string
  messageId?: string
}

export interface Answer {
  text: string
  /** What the text means, where a schema was asked for. */
  object?: unknown
  parts: AnswerPart[]
  finishReason: string
  provider: string
  model: string
  streamId: string
  /** Of all calls together; null where nobody said. */
  inputTokens: number | null
  outputTokens: number | null
  toolsInvoked: string[]
}

/** What answers need of the server. */
export interface AnswerHost {
  providers: Providers
  tools: Tools
  /** Null: nothing is metered. */
  meter: Meter | null
}

const MAX_STEPS = 8
/** So often a provider that asks for a moment is asked again, if it is no longer than this; else another attempt at the task waits. */
const PATIENCE = { times: 2, ms: 5000 }
/**
 * Lets a model answer within an attempt at a task: the words go into a stream of that attempt as they come. Until the first of them is
 * written, a provider that asks for a moment is asked again, and where one cannot answer the next model is asked. Every call is metered, and
 * settled however the attempt ends.
 */
export async function answer(task: TaskRun, request: AnswerRequest, host: AnswerHost): Promise<Answer> {
  const tools = toolsOffered(host.tools, request.tools ?? [], task)
  const check = request.schema === undefined ? null : answerCheck(request.schema)
  const pen = new AnswerPen(task)
  const calls = new AnswerCalls(task, request, host.meter, pen)
  const messages = typeof request.messages === 'function' ? await request.messages(asideBy({ task, request, host, pen, calls })) : request.messages
  const models = [request.model, ...(request.fallbackModels ?? [])]
  const failures: DomainError[] = []
  for (const model of models) {
    for (let again = 0; ; again++) {
      try {
        return await answerBy(model, { task, request, messages, host, tools, check, pen, calls })
      } catch (error) {
        task.signal.throwIfAborted()
        if (pen.hasWritten || !passesOn(error)) throw error
        const pauseMs = error instanceof ProviderFailed && error.retryable && again < PATIENCE.times ? error.retryAfterMs : null
        if (pauseMs !== null && pauseMs <= PATIENCE.ms) {
          await calls.failed(error, { final: false })
          await sleep(pauseMs, undefined, { signal: task.signal })
          continue
        }
        failures.push(error)
        await calls.failed(error, { final: failures.length === models.length })
        break
      }
    }
  }
  throw failures.length === 1 ? failures[0] : new NoModelAnswered(failures)
}

interface Answering {
  task: TaskRun
  request: AnswerRequest
  messages: ChatMessage[]
  host: AnswerHost
  tools: OfferedTool[]
  check: AnswerCheck | null
  pen: AnswerPen
  calls: AnswerCalls
}

async function answerBy(model: string | null, { task, request, messages, host, tools, check, pen, calls }: Answering): Promise<Answer> {
  const { temperature, maxOutputTokens, stop, schema, reasoning, maxSteps = MAX_STEPS, callTimeoutSeconds } = request
  const generation = await host.providers.generate({
    messages,
    model,
    ...(temperature !== undefined && { temperature }),
    ...(maxOutputTokens !== undefined && { maxOutputTokens }),
    ...(stop?.length && { stop }),
    ...(schema !== undefined && { schema }),
    ...(reasoning && { reasoning }),
    ...(tools.length && { tools, maxSteps }),
    ...(callTimeoutSeconds !== undefined && { callTimeoutMs: callTimeoutSeconds * 1000 }),
    calls,
    signal: task.signal,
  })
  const { provider, model: answering } = generation
  await pen.take({ provider, model: answering })
  for await (const part of generation.parts) {
    task.signal.throwIfAborted()
    try {
      if (part.kind !== 'TOOL_CALL' && part.kind !== 'TOOL_RESULT') await calls.wrote(part.content)
    } finally {
      // Also the piece that breaks a budget: it is paid for.
      await pen.write(part)
    }
  }
  const { finishReason, usage } = await generation.outcome
  task.signal.throwIfAborted()
  return {
    text: pen.text,
    ...(check && { object: check(pen.lastText, finishReason) }),
    parts: pen.parts,
    finishReason,
    provider,
    model: answering,
    streamId: pen.streamId,
    inputTokens: usage.inputTokens,
    outputTokens: usage.outputTokens,
    toolsInvoked: pen.toolsInvoked,
  }
}
