import { z } from 'zod'
import { openaiEmbedding, openaiModel } from './openai-compatible.ts'
import { ProviderFailed } from './provider-errors.ts'
import { count, keepable, listFetch } from './read-list.ts'
import { type Connection, type HttpProvider, httpProvider, type ListedModel, secretsOf } from './sdk-provider.ts'

export const OLLAMA_URL = 'http://127.0.0.1:11434'
/** Models that are asked about at once. */
const ASKED_AT_ONCE = 4
const MAX_ASKED = 200

/** Ollama: chats as OpenAI does, and tells more of its models by its own words. */
export const ollamaProvider = (connection: Connection): HttpProvider =>
  httpProvider(connection, {
    model: (name) => openaiModel({ ...connection, baseUrl: `${connection.baseUrl}/v1` }, name),
    embedding: (name) => openaiEmbedding({ ...connection, baseUrl: `${connection.baseUrl}/v1` }, name),
    async listModels(signal) {
      const { Ollama } = await import('ollama')
      const { name: provider, baseUrl, apiKey, look } = connection
      const ollama = new Ollama({
        host: baseUrl,
        fetch: listFetch({ provider, secrets: secretsOf(connection), fetch: look, signal }),
        ...(apiKey && { headers: { Authorization: `Bearer ${apiKey}` } }),
      })
      const tags = read(provider, list, await ollama.list()).models
      const models: ListedModel[] = []
      for (let at = 0; at < tags.length && at < MAX_ASKED; at += ASKED_AT_ONCE)
        models.push(
          ...(await Promise.all(
            tags.slice(at, at + ASKED_AT_ONCE).map(async (tag) => toListed(tag, read(provider, shown, await ollama.show({ model: tag.name })))),
          )),
        )
      return keepable(models)
    },
  })

function read<T>(provider: string, schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value)
  if (!result.success) throw new ProviderFailed(provider, 'its list of models is not understood', { retryable: false })
  return result.data
}

const details = z.looseObject({ family: z.string().nullish(), parameter_size: z.string().nullish(), quantization_level: z.string().nullish() }).nullish()
const tag = z.looseObject({ name: z.string(), size: z.number().nullish(), digest: z.string().nullish(), details })
const list = z.object({ models: z.array(tag) })
const shown = z.looseObject({ capabilities: z.array(z.string()).nullish(), model_info: z.record(z.string(), z.unknown()).nullish() })

const CAPABILITIES: Record<string, string> = { completion: 'CHAT', tools: 'TOOLS', vision: 'VISION', thinking: 'REASONING', embedding: 'EMBEDDING' }

function toListed({ name, size, digest, details: its }: z.infer<typeof tag>, { capabilities, model_info }: z.infer<typeof shown>): ListedModel {
  const info = model_info ?? {}
  const length = Object.entries(info).find(([key]) => key.endsWith('.context_length'))?.[1]
  return {
    name,
    contextLength: count(length),
    maxOutputTokens: null,
    capabilities: (capabilities ?? []).flatMap((word) => CAPABILITIES[word] ?? []),
    details: { size, digest, family: its?.family, parameters: its?.parameter_size, quantization: its?.quantization_level },
  }
}
