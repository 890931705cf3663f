import { z } from 'zod'
import type { TaskType } from '../task-type.ts'
import { HttpRequestFailed, httpCall } from './http-call.ts'

const MAX_BODY_BYTES = 1_000_000
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

/** Calls a host that the operator allows, and keeps what it answered. A status of 5xx or 429 is tried again. */
export const httpRequest = (allowedHosts: readonly string[]): TaskType<HttpRequestParams> => ({
  name: 'http.request',
  description: 'Calls a URL on a host that the operator allows. The result holds status, headers and body; what is over 1 MB is cut.',
  params: httpRequestParams,
  async run(task) {
    const result = await httpCall({ ...task.params, maxBytes: MAX_BODY_BYTES }, allowedHosts, task.signal)
    const { status, body } = result
    if (status >= 500 || status === 429) throw new HttpRequestFailed(`${new URL(result.url).host} answered ${status}: ${body.slice(0, 500)}`, true)
    return { result }
  },
})
