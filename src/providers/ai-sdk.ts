/** Streams from any model of the AI SDK. Its loop calls the tools; it is read here part by part, and nothing goes on that was not read. */
import { type LanguageModel, stepCountIs, streamText } from 'ai'
import { withFollowedCalls } from './ai-sdk-calls.ts'
import { failureOf } from './ai-sdk-failure.ts'
import { mostAnswered, providerOptions, sdkMessages, sdkTools, wireName } from './ai-sdk-request.ts'
import { Gates } from './gates.ts'
import type { CallFollower, Ending, GenerationPart, GenerationRequest, ToolCallMade } from './provider.ts'

// The SDK would print its warnings to the console, in a format of its own.
globalThis.AI_SDK_LOG_WARNINGS = false

/** `secrets` are struck out of whatever the provider says about a failure. */
export async function* streamFromSdk(
  provider: string,
  model: LanguageModel,
  request: GenerationRequest,
  secrets: string[],
): AsyncGenerator<GenerationPart, Ending, undefined> {
  if (typeof model === 'string' || model.specificationVersion !== 'v3') throw new Error('A model is given as itself, in the form of this SDK.')
  const left = new AbortController()
  const signal = AbortSignal.any([request.signal, left.signal])
  const gates = new Gates(signal)
  const offered = request.tools ?? []
  const names = new Map(offered.map(({ name }) => [wireName(name), name]))
  const durations = new Map<string, number>()
  const follower = observed(request.calls)
  let step = 0
  let begun = 0

  const { fullStream } = streamText({
    model: withFollowedCalls(model, {
      provider,
      before: async () => {
        if (begun++) await gates.passed(`call ${begun - 1}`)
      },
      calls: follower?.calls,
      maxOutputTokens: mostAnswered(model.provider, request),
      schema: request.schema,
      timeoutMs: request.callTimeoutMs,
      signal,
      abort: (reason) => left.abort(reason),
    }),
    messages: sdkMessages(request.messages),
    // The roles come from the caller, who may well speak as the system: that is what the role is for.
    allowSystemInMessages: true,
    temperature: request.temperature,
    maxOutputTokens: request.maxOutputTokens,
    stopSequences: request.stop,
    providerOptions: providerOptions(request),
    ...(offered.length && {
      // A tool waits until whoever reads has taken note of its call.
      tools: sdkTools(offered, async (tool, input, callId, toolSignal) => {
        await gates.passed(`tool ${callId}`)
        const startedAt = performance.now()
        try {
          return await tool.run(input, { callId, signal: toolSignal })
        } finally {
          durations.set(callId, Math.round(performance.now() - startedAt))
        }
      }),
    }),
    stopWhen: stepCountIs(offered.length ? (request.maxSteps ?? 1) : 1),
    // Whoever asks retries, and knows of it; a second layer beneath would multiply the attempts.
    maxRetries: 0,
    // Each step would keep all it was asked.
    experimental_include: { requestBody: false },
    abortSignal: signal,
    onError: () => {},
  })
  const written = new Set<string>()
  try {
    for await (const part of fullStream) {
      switch (part.type) {
        case 'text-delta':
          if (part.text !== '') yield { kind: 'TEXT', content: part.text }
          break
        case 'reasoning-delta':
          if (part.text !== '') yield { kind: 'REASONING', content: part.text }
          break
        case 'tool-input-start':
          yield { kind: 'TOOL_INPUT', content: part.toolName }
          break
        case 'tool-input-delta':
          written.add(part.id)
          if (part.delta !== '') yield { kind: 'TOOL_INPUT', content: part.delta }
          break
        case 'tool-call': {
          const call = callOf(part, names)
          if (!written.has(call.callId)) yield { kind: 'TOOL_INPUT', content: JSON.stringify(call.input ?? null) }
          yield { kind: 'TOOL_CALL', content: JSON.stringify(call), call }
          gates.open(`tool ${call.callId}`)
          break
        }
        case 'tool-result':
        case 'tool-error': {
          const isError = part.type === 'tool-error'
          const output = isError ? messageOf(part.error) : (part.output ?? null)
          const result = { ...callOf(part, names), output, isError, durationMs: durations.get(part.toolCallId) ?? 0 }
          const { callId, name } = result
          yield { kind: 'TOOL_RESULT', content: JSON.stringify({ callId, name, output, isError }), result }
          break
        }
        case 'finish-step':
          gates.open(`call ${++step}`)
          break
        case 'error':
          throw part.error
        case 'abort':
          throw signal.reason
        case 'finish':
          if (part.finishReason === 'error') break
          return { finishReason: part.finishReason, inputTokens: part.totalUsage.inputTokens ?? null, outputTokens: part.totalUsage.outputTokens ?? null }
      }
    }
    throw new Error('The stream ended before the answer did.')
  } catch (error) {
    // What a follower threw is no word of the provider's.
    if (follower?.thrown) throw follower.thrown.error
    throw failureOf(provider, left.signal.aborted ? left.signal.reason : error, secrets)
  } finally {
    // Closes the HTTP request when the reader leaves early; nothing once it has ended.
    left.abort()
  }
}

const callOf = (part: { toolCallId: string; toolName: string; input: unknown }, names: ReadonlyMap<string, string>): ToolCallMade => ({
  callId: part.toolCallId,
  name: names.get(part.toolName) ?? part.toolName,
  input: part.input ?? null,
})

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : typeof error === 'string' ? error : JSON.stringify(error))

/** Remembers what the follower threw: on its way through the SDK it could be taken for the provider's. */
function observed(calls: CallFollower | undefined) {
  if (!calls) return null
  const follower = {
    thrown: null as { error: unknown } | null,
    calls: {
      ...calls,
      begin: async (call) => {
        try {
          await calls.begin(call)
        } catch (error) {
          follower.thrown = { error }
          throw error
        }
      },
      answered: () => calls.answered(),
      ended: (end) => calls.ended(end),
    } satisfies CallFollower,
  }
  return follower
}
