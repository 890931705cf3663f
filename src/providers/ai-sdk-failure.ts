import { AISDKError, APICallError } from 'ai'
import { DomainError } from '../core/errors.ts'
import { ProviderFailed, strikeOut } from './provider-errors.ts'

/** What is wrong with the request itself, as the SDK found before it sent it. */
const OURS = ['AI_InvalidPromptError', 'AI_MissingToolResultsError', 'AI_UnsupportedFunctionalityError', 'AI_InvalidArgumentError', 'AI_MessageConversionError']

/** All that the SDK says where a connection is lost in the middle of an answer; why is in what caused it. */
const CUT = 'Failed to process successful response'

/**
 * A failure in the provider's own words. Faults inside a running stream come as bare objects of the provider; faults of the request as an
 * `APICallError`. `secrets` are struck out.
 */
export function failureOf(provider: string, error: unknown, secrets: string[]): DomainError {
  // Said by the wire, as it is; the SDK may have wrapped it.
  const own = [error, (error as { cause?: unknown } | null)?.cause].find((each) => each instanceof DomainError)
  if (own) return own as DomainError
  const strike = (text: string) => strikeOut(text, secrets)
  if (APICallError.isInstance(error)) {
    const { statusCode, message, responseBody, data } = error
    const said = data === undefined && responseBody ? `${message}: ${responseBody}` : message
    const told = message === CUT ? `the answer broke off: ${innermost(error)}` : statusCode ? `${statusCode} ${said}` : said
    return new ProviderFailed(provider, strike(told), {
      retryable: error.isRetryable && !isOutOfMoney(data),
      retryAfterMs: retryAfterMs(error.responseHeaders ?? {}),
    })
  }
  const { message, type, code } = (typeof error === 'object' && error !== null ? error : { message: String(error) }) as Record<string, unknown>
  const said = typeof message === 'string' ? message : JSON.stringify(error)
  const isOurs = AISDKError.isInstance(error) && OURS.includes(error.name)
  return new ProviderFailed(provider, strike(said), { retryable: !isOurs && type !== 'invalid_request_error' && ![400, 401, 403, 404].includes(Number(code)) })
}

/** The words of what lies at the bottom of an error. */
function innermost(error: unknown): string {
  const { cause, message, code } = error as { cause?: unknown; message?: string; code?: string }
  return typeof cause === 'object' && cause !== null ? innermost(cause) : message || code || 'nobody says why'
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
