/** Calls of hosts that the operator allows: for tasks, and for tools that a model may use. */
import { boundedBody } from '../../core/bounded-body.ts'
import { DomainError, errorCode } from '../../core/errors.ts'
import { hostAllowed } from '../../core/hosts.ts'

const HOST_NOT_ALLOWED = errorCode('HOST_NOT_ALLOWED', 'The operator has not allowed requests to this host (HTTP_REQUEST_ALLOWED_HOSTS).')
const HTTP_REQUEST_FAILED = errorCode('HTTP_REQUEST_FAILED', 'The host could not be reached, or did not answer properly.')

const MAX_REDIRECTS = 5

class HostNotAllowed extends DomainError {
  constructor(host: string) {
    super(HOST_NOT_ALLOWED, `Requests to ${host.slice(0, 200)} are not allowed here; the operator can allow them with HTTP_REQUEST_ALLOWED_HOSTS.`)
  }
}

export class HttpRequestFailed extends DomainError {
  override readonly retryable: boolean
  constructor(message: string, retryable: boolean) {
    super(HTTP_REQUEST_FAILED, message)
    this.retryable = retryable
  }
}

export interface HttpCall {
  url: string
  method: string
  headers?: Record<string, string> | undefined
  body?: string | undefined
  timeoutSeconds: number
  /** What is over is cut. */
  maxBytes: number
}

export interface HttpAnswer {
  url: string
  status: number
  headers: Record<string, string>
  body: string
  truncated: boolean
}

/** Calls a host, and follows where it sends us, as far as every host on the way is allowed. */
export async function httpCall(call: HttpCall, allowedHosts: readonly string[], cancelled: AbortSignal): Promise<HttpAnswer> {
  const signal = AbortSignal.any([cancelled, AbortSignal.timeout(call.timeoutSeconds * 1000)])
  let url = new URL(call.url)
  let verb = call.method
  let payload = call.body
  let sent = call.headers ?? {}
  for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
    if (!hostAllowed(url, allowedHosts)) throw new HostNotAllowed(url.host)
    const init: RequestInit = { method: verb, headers: sent, ...(payload !== undefined && { body: payload }), signal, redirect: 'manual' }
    const response = await reached(url, cancelled, () => fetch(url, init))
    const location = response.headers.get('location')
    if (response.status >= 300 && response.status < 400 && location) {
      await response.body?.cancel()
      if (!URL.canParse(location, url)) throw new HttpRequestFailed(`${url.host} redirects to what is no URL.`, false)
      const next = new URL(location, url)
      // What was meant for one host is not told to another, nor in the open.
      if (next.origin !== url.origin)
        sent = Object.fromEntries(Object.entries(sent).filter(([name]) => !/^(authorization|cookie|proxy-authorization)$/i.test(name)))
      if (response.status === 303 || (verb === 'POST' && response.status < 303)) [verb, payload] = ['GET', undefined]
      url = next
      continue
    }
    const { text, truncated } = await reached(url, cancelled, () => readText(response, call.maxBytes))
    return { url: url.href, status: response.status, headers: Object.fromEntries(response.headers), body: text, truncated }
  }
  throw new HttpRequestFailed(`More than ${MAX_REDIRECTS} redirects.`, false)
}

/** What goes wrong between us and the host, at its beginning or in the middle of the answer, in words. */
async function reached<T>(url: URL, cancelled: AbortSignal, step: () => Promise<T>): Promise<T> {
  try {
    return await step()
  } catch (error) {
    if (cancelled.aborted) throw error
    if ((error as Error).name === 'TimeoutError') throw new HttpRequestFailed(`${url.host} did not answer in time.`, true)
    const cause = (error as { cause?: { code?: string; message?: string } }).cause
    throw new HttpRequestFailed(`${url.host} could not be reached: ${cause?.code ?? cause?.message ?? (error as Error).message}`, true)
  }
}

async function readText(response: Response, maxBytes: number): Promise<{ text: string; truncated: boolean }> {
  const { bytes, truncated } = await boundedBody(response, maxBytes)
  // Null characters cannot be kept as text or JSON.
  return { text: bytes.toString('utf8').replaceAll('\u0000', '\uFFFD'), truncated }
}
