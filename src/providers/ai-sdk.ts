import { APICallError, type LanguageModel, streamText } from 'ai'
import type { Ending, GenerationPart, GenerationRequest } from './provider.ts'
import { ProviderFailed } from './provider-errors.ts'

// The SDK would print its warnings to the console, in a format of its own.
globalThis.AI_SDK_LOG_WARNINGS = false

/** Streams from any model of the AI SDK. `secrets` are struck out of whatever the provider says about a failure. */
export async function* streamFromSdk(
  provider: string,
  model: LanguageModel,
  request: GenerationRequest,
  secrets: string[],
): AsyncGenerator<GenerationPart, Ending, undefined> {
  const left = new AbortController()
  const { fullStream } = streamText({
    model,
    messages: request.messages,
    // The roles come from the caller, who may well speak as the system: that is what the role is for.
    allowSystemInMessages: true,
    temperature: request.temperature,
    maxOutputTokens: request.maxOutputTokens,
    // The task engine retries, and knows of it; a second layer beneath would multiply the attempts.
    maxRetries: 0,
    abortSignal: AbortSignal.any([request.signal, left.signal]),
    onError: () => {},
  })
  try {
    for await (const part of fullStream) {
      if (part.type === 'text-delta' && part.text !== '') yield { kind: 'TEXT', content: part.text }
      else if (part.type === 'reasoning-delta' && part.text !== '') yield { kind: 'REASONING', content: part.text }
      else if (part.type === 'error') throw part.error
      else if (part.type === 'abort') throw request.signal.reason
      else if (part.type === 'finish' && part.finishReason !== 'error') {
        const { inputTokens, outputTokens } = part.totalUsage
        return { finishReason: part.finishReason, inputTokens: inputTokens ?? null, outputTokens: outputTokens ?? null }
      }
    }
    throw new Error('The stream ended before the answer did.')
  } catch (error) {
    throw failureOf(provider, error, secrets)
  } finally {
    // Closes the HTTP request when the reader leaves early; nothing once it has ended.
    left.abort()
  }
}

/** Faults inside a running stream come as bare objects of the provider; faults of the request as an `APICallError`. */
function failureOf(provider: string, error: unknown, secrets: string[]): ProviderFailed {
  const strike = (text: string) => secrets.reduce((rest, secret) => rest.replaceAll(secret, '…'), text).replace(/\bsk-[\w*-]+/g, 'sk-…')
  if (APICallError.isInstance(error)) {
    const { statusCode, message, responseBody, data } = error
    const said = data === undefined && responseBody ? `${message}: ${responseBody}` : message
    return new ProviderFailed(provider, strike(statusCode ? `${statusCode} ${said}` : said), {
      retryable: error.isRetryable && !isOutOfMoney(data),
      retryAfterMs: retryAfterMs(error.responseHeaders ?? {}),
    })
  }
  const { message, type, code } = (typeof error === 'object' && error !== null ? error : { message: String(error) }) as Record<string, unknown>
  const said = typeof message === 'string' ? message : JSON.stringify(error)
  return new ProviderFailed(provider, strike(said), { retryable: type !== 'invalid_request_error' && ![400, 401, 403, 404].includes(Number(code)) })
}

/** OpenAI answers 429 to an empty account too, and no waiting fills it. */
function isOutOfMoney(data: unknown): boolean {
  return JSON.stringify(data ?? null).includes('"insufficient_quota"')
}

/** `Retry-After` is a number of seconds or a date (RFC 9110); OpenAI also sends milliseconds. */
function retryAfterMs(headers: Record<string, string>): number | null {
  const exact = Number.parseFloat(headers['retry-after-ms'] ?? '')
  if (exact >= 0) return Math.ceil(exact)
  const told = headers['retry-after']
  if (told === undefined) return null
  const seconds = Number(told)
  const ms = Number.isNaN(seconds) ? Date.parse(told) - Date.now() : seconds * 1000
  return Number.isNaN(ms) ? null : Math.max(0, Math.ceil(ms))
}
