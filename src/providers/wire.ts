/**
 * The `fetch` that a provider's calls go through: it keeps to the addresses, limits and time that were set, takes the key out of what
 * is said about a failure before anybody else reads it, and tells how the provider was found.
 */
import { type Agent, fetch as send } from 'undici'
import { boundedBody } from '../core/bounded-body.ts'
import { AddressRefused } from '../core/private-addresses.ts'
import type { CallLimits } from './call-limits.ts'
import { ProviderFailed, strikeOut } from './provider-errors.ts'

export type Fetch = typeof globalThis.fetch

/** How a provider was found: null, it answered; otherwise what was wrong. */
export type Noted = (error: string | null) => void

export interface WireSettings {
  provider: string
  secrets: readonly string[]
  agent: Agent
  /** Null: this call counts for nothing, as a look at the list of models. */
  limits: CallLimits | null
  timeoutSeconds: number | null
  noted: Noted
}

/** Enough for every real message. */
const FAILURE_BYTES = 64 * 1024

export function wireOf({ provider, secrets, agent, limits, timeoutSeconds, noted }: WireSettings): Fetch {
  const failed = (message: string, retryable: boolean, isLate = false) => new ProviderFailed(provider, strikeOut(message, secrets), { retryable, isLate })

  const wire = async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const waitMs = (await limits?.count()) ?? null
    if (waitMs !== null) return tooMany(limits!.requestsPerMinute!, waitMs)
    const ending = new AbortController()
    let leave: (() => void) | undefined
    const timer =
      timeoutSeconds === null
        ? undefined
        : setTimeout(() => ending.abort(failed(`it took longer than ${timeoutSeconds} s in all`, true, leave !== undefined)), timeoutSeconds * 1000)
    const signal = init.signal ? AbortSignal.any([init.signal, ending.signal]) : ending.signal
    const done = () => {
      clearTimeout(timer)
      leave?.()
    }
    try {
      leave = await limits?.enter(signal)
      const response = (await send(input as string, { ...init, signal, dispatcher: agent, redirect: 'manual' } as never)) as unknown as Response
      if (response.status >= 300 && response.status < 400) {
        await response.body?.cancel()
        throw failed(`${response.status}: it redirects to ${whereTo(response)}; if that is meant, set it as the base URL`, false)
      }
      if (response.ok) {
        noted(null)
        return followed(response, done)
      }
      const said = strikeOut((await boundedBody(response, FAILURE_BYTES)).bytes.toString('utf8'), secrets)
      noted(isDown(response.status) ? `${response.status} ${messageIn(said) || response.statusText}` : null)
      done()
      return new Response(said, { status: response.status, statusText: response.statusText, headers: withoutLength(response) })
    } catch (error) {
      done()
      if (init.signal?.aborted) throw error
      const told = error instanceof ProviderFailed ? error : toFailure(error)
      noted(told.message.replace(`${provider}: `, ''))
      throw told
    }
  }
  return wire as Fetch

  function toFailure(error: unknown): ProviderFailed {
    const cause = (error as { cause?: unknown }).cause
    if (cause instanceof AddressRefused) return failed(cause.message, false)
    const { code, message } = (cause ?? error) as { code?: string; message?: string }
    // Of several addresses that were tried, Node tells each, and in the message nothing.
    const words = message || (cause as AggregateError | undefined)?.errors?.map((each: Error) => each.message).join('; ') || code || 'no answer'
    return failed(`cannot connect: ${words}`, true)
  }
}

/** Refuses a key, or cannot work: not what is wrong with a single request. */
const isDown = (status: number): boolean => status === 401 || status === 402 || status === 403 || status >= 500

/** The same answer as a provider's own, so that whoever waits after that one waits here too. */
function tooMany(perMinute: number, waitMs: number): Response {
  const message = `It is asked at most ${perMinute} times a minute from here, as its settings say.`
  return Response.json(
    { error: { message, type: 'rate_limit_error' } },
    { status: 429, headers: { 'retry-after': String(Math.ceil(waitMs / 1000)), 'retry-after-ms': String(waitMs) } },
  )
}

function whereTo(response: Response): string {
  const location = response.headers.get('location') ?? ''
  if (!URL.canParse(location, response.url)) return 'nowhere'
  const { origin, pathname } = new URL(location, response.url)
  return origin + pathname
}

/** Calls `done` once the body has ended, however it does. */
function followed(response: Response, done: () => void): Response {
  const reader = response.body?.getReader()
  if (!reader) {
    done()
    return response
  }
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const step = await reader.read()
        if (!step.done) return controller.enqueue(step.value)
        done()
        controller.close()
      } catch (error) {
        done()
        controller.error(error)
      }
    },
    async cancel(reason) {
      done()
      await reader.cancel(reason)
    },
  })
  return new Response(body, { status: response.status, statusText: response.statusText, headers: withoutLength(response) })
}

/** What comes out of here was decoded, and may have been cut. */
function withoutLength(response: Response): Headers {
  const headers = new Headers([...response.headers])
  for (const name of ['content-length', 'content-encoding', 'transfer-encoding']) headers.delete(name)
  return headers
}

/** The message in an error as OpenAI, Anthropic and Ollama send it, or the text as it is. */
export function messageIn(text: string): string {
  try {
    const { error, message, detail } = JSON.parse(text) as Record<string, unknown>
    const found = typeof error === 'object' && error !== null ? (error as { message?: unknown }).message : (error ?? message ?? detail)
    return typeof found === 'string' ? found : text
  } catch {
    return text
  }
}
