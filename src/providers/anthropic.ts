import { z } from 'zod'
import { count, keepable, readJson } from './read-list.ts'
import { type Connection, type HttpProvider, httpProvider, type ListedModel, secretsOf } from './sdk-provider.ts'

export const ANTHROPIC_URL = 'https://api.anthropic.com/v1'
const VERSION = '2023-06-01'
const PAGES = 10

/** Anthropic's messages, and servers that speak as it does. */
export const anthropicProvider = (connection: Connection): HttpProvider =>
  httpProvider(connection, {
    async model(name) {
      const { createAnthropic } = await import('@ai-sdk/anthropic')
      const { baseUrl, apiKey, fetch } = connection
      // An empty key, not none: the SDK would take that of the environment, and tell it to this server.
      return createAnthropic({ name: connection.name, baseURL: baseUrl, apiKey: apiKey ?? '', fetch })(name)
    },
    async listModels(signal) {
      const { name: provider, baseUrl, apiKey, look } = connection
      const headers = { 'x-api-key': apiKey ?? '', 'anthropic-version': VERSION }
      const models: ListedModel[] = []
      let after = ''
      for (let page = 0; page < PAGES; page++) {
        const { data, has_more, last_id } = await readJson(
          { provider, secrets: secretsOf(connection), url: `${baseUrl}/models?limit=1000${after}`, headers, fetch: look, signal },
          list,
        )
        models.push(...data.map(toListed))
        if (!has_more || !last_id) break
        after = `&after_id=${encodeURIComponent(last_id)}`
      }
      return keepable(models)
    },
  })

const model = z.looseObject({ id: z.string(), display_name: z.string().nullish(), created_at: z.string().nullish() })
const list = z.object({ data: z.array(model), has_more: z.boolean().nullish(), last_id: z.string().nullish() })

/** What it lists can be chatted with; newer servers tell of lengths too. */
const toListed = ({ id, display_name, created_at, ...told }: z.infer<typeof model>): ListedModel => ({
  name: id,
  contextLength: count(told.max_input_tokens),
  maxOutputTokens: count(told.max_tokens),
  capabilities: ['CHAT'],
  details: { ...(display_name && { name: display_name }), ...(created_at && { created: created_at }) },
})
