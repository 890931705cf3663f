/** Each call of a model, seen from where it is made: what goes in, when it begins to be answered, what it took. */
import { type LanguageModelMiddleware, wrapLanguageModel } from 'ai'
import type { CallFollower } from './provider.ts'
import { ProviderFailed } from './provider-errors.ts'

type SdkModel = Parameters<typeof wrapLanguageModel>[0]['model']
type CallOptions = Parameters<NonNullable<LanguageModelMiddleware['wrapStream']>>[0]['params']

/** A provider that says nothing for so long has hung up without telling. Models may think for minutes. */
const SILENCE_MS = 300_000

export interface FollowedCalls {
  provider: string
  /** Waits until all that the last call said was read. */
  before(): Promise<void>
  calls: CallFollower | undefined
  maxOutputTokens: number | null
  schema: unknown
  timeoutMs: number | undefined
  signal: AbortSignal
  /** Ends the answer from within. */
  abort(reason: unknown): void
}

export function withFollowedCalls(model: SdkModel, of: FollowedCalls) {
  const middleware: LanguageModelMiddleware = {
    specificationVersion: 'v3',
    // Not by the SDK's `output`: that holds the text back and parses it anew with every piece.
    transformParams: async ({ params }) =>
      of.schema === undefined ? params : { ...params, responseFormat: { type: 'json', schema: of.schema as object, name: 'answer' } },
    wrapStream: async ({ doStream, params }) => {
      await of.before()
      of.signal.throwIfAborted()
      await of.calls?.begin({ input: textsOf(params), maxOutputTokens: of.maxOutputTokens })
      of.signal.throwIfAborted()
      const limits = timeLimits(of)
      const { stream, ...rest } = await Promise.resolve(doStream()).catch((error: unknown) => {
        limits.end()
        throw error
      })
      let hasBegun = false
      const told = new TransformStream<StreamPart, StreamPart>({
        transform(part, controller) {
          limits.heard()
          if (!hasBegun && /^(text|reasoning)-delta$|^tool-/.test(part.type)) {
            hasBegun = true
            of.calls?.answered()
          }
          if (part.type === 'finish') {
            limits.end()
            const { inputTokens, outputTokens } = part.usage
            if (part.finishReason.unified !== 'error')
              of.calls?.ended({
                finishReason: part.finishReason.unified,
                tokens: {
                  inputTokens: inputTokens.total ?? null,
                  cachedInputTokens: inputTokens.cacheRead ?? null,
                  outputTokens: outputTokens.total ?? null,
                  reasoningTokens: outputTokens.reasoning ?? null,
                },
              })
          }
          controller.enqueue(part)
        },
        flush: () => limits.end(),
      })
      return { ...rest, stream: stream.pipeThrough(told) }
    },
  }
  return wrapLanguageModel({ model, middleware })
}

type StreamPart = Awaited<ReturnType<NonNullable<LanguageModelMiddleware['wrapStream']>>>['stream'] extends ReadableStream<infer Part> ? Part : never

/** A provider that takes too long, or falls silent, is left. */
function timeLimits({ provider, timeoutMs, signal, abort }: FollowedCalls) {
  const late = (ms: number, what: string) =>
    setTimeout(() => abort(new ProviderFailed(provider, `${what} ${ms / 1000} s.`, { retryable: true, isLate: true })), ms).unref()
  const whole = timeoutMs === undefined ? undefined : late(timeoutMs, 'The answer took longer than')
  const silence = late(SILENCE_MS, 'It said nothing for')
  const end = () => {
    clearTimeout(whole)
    clearTimeout(silence)
  }
  signal.addEventListener('abort', end, { once: true })
  return {
    end,
    heard() {
      silence.refresh()
    },
  }
}

/** All that a model is given, as texts: what is said, what was called and answered, the tools, the schema. */
function textsOf({ prompt, tools, responseFormat }: CallOptions): string[] {
  const texts: string[] = []
  for (const { content } of prompt) {
    if (typeof content === 'string') texts.push(content)
    else
      for (const part of content) {
        if ('text' in part) texts.push(part.text)
        else if (part.type === 'tool-call') texts.push(part.toolName, textOf(part.input))
        else if (part.type === 'tool-result') texts.push('value' in part.output ? textOf(part.output.value) : '')
      }
  }
  for (const each of tools ?? []) texts.push(textOf(each))
  if (responseFormat?.type === 'json' && responseFormat.schema) texts.push(textOf(responseFormat.schema))
  return texts
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''))
