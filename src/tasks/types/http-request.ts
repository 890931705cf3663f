import { z } from 'zod'
import { DomainError, errorCode } from '../../core/errors.ts'
import type { TaskType } from '../task-type.ts'

const HOST_NOT_ALLOWED = errorCode('HOST_NOT_ALLOWED', 'The operator has not allowed requests to this host (HTTP_REQUEST_ALLOWED_HOSTS).')
const HTTP_REQUEST_FAILED = errorCode('HTTP_REQUEST_FAILED', 'The host could not be reached, or did not answer properly.')

const MAX_BODY_BYTES = 1_000_000
const MAX_REDIRECTS = 5
const DEFAULT_TIMEOUT_SECONDS = 60

const headerValue = z
  .string()
  .max(8000)
  .regex(/^[\t\x20-\x7e\x80-\xff]*$/, 'Must be one line of Latin-1')

const fields = z.strictObject({
  url: z
    .url({ protocol: /^https?$/, message: 'Must be an http or https URL' })
    .max(8000)
    .refine((url) => !URL.canParse(url) || !new URL(url).username, 'Must not hold a user name; send an authorization header')
    .describe('Where to.'),
  method: z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']).default('GET').describe('The HTTP method.'),
  headers: z
    .record(z.string().regex(/^[A-Za-z0-9-]{1,100}$/, 'Is not a header name'), headerValue)
    .optional()
    .describe('Headers to send.'),
  body: z.string().max(200_000).optional().describe('The body to send, as text.'),
  timeoutSeconds: z.int().min(1).max(600).default(DEFAULT_TIMEOUT_SECONDS).describe('How long to wait for the whole answer.'),
})

export const httpRequestParams = fields.refine(({ method, body }) => body === undefined || (method !== 'GET' && method !== 'HEAD'), {
  message: 'A GET or HEAD has no body',
  path: ['body'],
})

export type HttpRequestParams = z.infer<typeof httpRequestParams>

class HostNotAllowed extends DomainError {
  constructor(host: string) {
    super(HOST_NOT_ALLOWED, `Requests to ${host.slice(0, 200)} are not allowed here; the operator can allow them with HTTP_REQUEST_ALLOWED_HOSTS.`)
  }
}

class HttpRequestFailed extends DomainError {
  override readonly retryable: boolean
  constructor(message: string, retryable: boolean) {
    super(HTTP_REQUEST_FAILED, message)
    this.retryable = retryable
  }
}

/** `example.com` means that host on its usual ports, `*.example.com` those below it, `host:port` just that port. */
export function hostAllowed(url: URL, allowed: readonly string[]): boolean {
  return allowed.some((entry) => {
    const pattern = entry.toLowerCase()
    if (pattern.startsWith('*.')) return url.port === '' && url.hostname.endsWith(pattern.slice(1)) && url.hostname.length > pattern.length - 1
    return pattern === url.host
  })
}

/** Calls a host that the operator allows, and keeps what it answered. A status of 5xx or 429 is tried again. */
export const httpRequest = (allowedHosts: readonly string[]): TaskType<HttpRequestParams> => ({
  name: 'http.request',
  description: 'Calls a URL on a host that the operator allows. The result holds status, headers and body; what is over 1 MB is cut.',
  params: httpRequestParams,
  async run(task) {
    const { method, headers, body, timeoutSeconds } = task.params
    const signal = AbortSignal.any([task.signal, AbortSignal.timeout(timeoutSeconds * 1000)])
    let url = new URL(task.params.url)
    let verb = method
    let payload = body
    let sent = headers ?? {}
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      if (!hostAllowed(url, allowedHosts)) throw new HostNotAllowed(url.host)
      const init: RequestInit = { method: verb, headers: sent, ...(payload !== undefined && { body: payload }), signal, redirect: 'manual' }
      const response = await reached(url, task.signal, () => fetch(url, init))
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
      const { text, truncated } = await reached(url, task.signal, () => readText(response))
      if (response.status >= 500 || response.status === 429) throw new HttpRequestFailed(`${url.host} answered ${response.status}: ${text.slice(0, 500)}`, true)
      return { result: { url: url.href, status: response.status, headers: Object.fromEntries(response.headers), body: text, truncated } }
    }
    throw new HttpRequestFailed(`More than ${MAX_REDIRECTS} redirects.`, false)
  },
})

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

async function readText(response: Response): Promise<{ text: string; truncated: boolean }> {
  const parts: Uint8Array[] = []
  let size = 0
  if (response.body) {
    for await (const part of response.body as unknown as AsyncIterable<Uint8Array>) {
      parts.push(part)
      size += part.byteLength
      if (size > MAX_BODY_BYTES) break
    }
  }
  const bytes = Buffer.concat(parts)
  // Null characters cannot be kept as text or JSON.
  return { text: bytes.subarray(0, MAX_BODY_BYTES).toString('utf8').replaceAll('\u0000', '\uFFFD'), truncated: size > MAX_BODY_BYTES }
}
