import { z } from 'zod'
import { httpCall } from '../tasks/types/http-call.ts'
import { defineTool, type Tool } from './tool.ts'

/** A model has to read it all. */
const MAX_BYTES = 50_000
const TIMEOUT_SECONDS = 30

export const httpGet = (allowedHosts: readonly string[]): Tool =>
  defineTool({
    name: 'http.get',
    description: `Reads a URL and answers its status, content type and body as text; what is over ${MAX_BYTES / 1000} kB is cut. Only hosts that the operator of this server allows can be reached.`,
    input: z.strictObject({
      url: z
        .url({ protocol: /^https?$/, message: 'Must be an http or https URL' })
        .max(8000)
        .refine((url) => !URL.canParse(url) || !new URL(url).username, 'Must not hold a user name')
        .describe('What to read.'),
    }),
    async run({ url }, { signal }) {
      const answer = await httpCall({ url, method: 'GET', timeoutSeconds: TIMEOUT_SECONDS, maxBytes: MAX_BYTES }, allowedHosts, signal)
      return {
        url: answer.url,
        status: answer.status,
        contentType: answer.headers['content-type'] ?? null,
        body: answer.body,
        truncated: answer.truncated,
      }
    },
  })
