import { z } from 'zod'
import type { Provider } from './provider.ts'
import { count, keepable, readJson } from './read-list.ts'
import { absentProvider, type Connection, type HttpProvider, httpProvider, type ListedModel, plainConnection, secretsOf } from './sdk-provider.ts'

export const OPENAI_URL = 'https://api.openai.com/v1'

export interface OpenAiSettings {
  /** Null for servers that want none. */
  apiKey: string | null
  /** With its version: `https://api.openai.com/v1`. */
  baseUrl: string
  defaultModel: string
}

/** Any server that speaks OpenAI's chat completions: OpenAI itself, NVIDIA NIM, vLLM, llama.cpp's server. */
export const openaiCompatible = (settings: OpenAiSettings | null): Provider =>
  settings
    ? openaiProvider(plainConnection({ name: 'openai', ...settings, models: [settings.defaultModel] }))
    : absentProvider('openai', 'set OPENAI_API_KEY, or OPENAI_BASE_URL for another server that speaks its protocol')

export const openaiProvider = (connection: Connection): HttpProvider =>
  httpProvider(connection, {
    model: (name) => openaiModel(connection, name),
    embedding: (name) => openaiEmbedding(connection, name),
    listModels: async (signal) => {
      const { name: provider, baseUrl, apiKey, look } = connection
      const headers: Record<string, string> = apiKey ? { authorization: `Bearer ${apiKey}` } : {}
      const { data } = await readJson({ provider, secrets: secretsOf(connection), url: `${baseUrl}/models`, headers, fetch: look, signal }, list)
      return keepable(data.map(toListed))
    },
  })

export async function openaiModel({ name, baseUrl, apiKey, fetch }: Connection, model: string) {
  const { createOpenAICompatible } = await import('@ai-sdk/openai-compatible')
  return createOpenAICompatible({
    name,
    baseURL: baseUrl,
    apiKey: apiKey ?? undefined,
    includeUsage: true,
    supportsStructuredOutputs: true,
    transformRequestBody: isOpenAiItself(baseUrl) ? withNewNameOfLimit : undefined,
    fetch,
  }).chatModel(model)
}

export async function openaiEmbedding({ name, baseUrl, apiKey, fetch }: Connection, model: string) {
  const { createOpenAICompatible } = await import('@ai-sdk/openai-compatible')
  return createOpenAICompatible({ name, baseURL: baseUrl, apiKey: apiKey ?? undefined, fetch }).embeddingModel(model)
}

const isOpenAiItself = (baseUrl: string) => baseUrl.startsWith('https://api.openai.com/')

/** OpenAI's reasoning models refuse the old name, other servers know only the old one. */
export function withNewNameOfLimit({ max_tokens, ...body }: Record<string, unknown>): Record<string, unknown> {
  return max_tokens === undefined ? body : { ...body, max_completion_tokens: max_tokens }
}

const list = z.object({ data: z.array(z.looseObject({ id: z.string() })) })

/** OpenAI tells names alone; the others each tell more in words of their own. */
function toListed({ id, ...told }: z.infer<typeof list>['data'][number]): ListedModel {
  const part = (name: string): Record<string, unknown> => {
    const value = told[name]
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  }
  const has = (value: unknown, word: string) => Array.isArray(value) && value.includes(word)
  const capabilities = {
    CHAT: part('capabilities').completion_chat === true || has(part('architecture').output_modalities, 'text'),
    TOOLS: part('capabilities').function_calling === true || has(told.supported_parameters, 'tools'),
    VISION: part('capabilities').vision === true || has(part('architecture').input_modalities, 'image'),
    REASONING: has(told.supported_parameters, 'reasoning'),
    JSON_SCHEMA: has(told.supported_parameters, 'structured_outputs'),
  }
  return {
    name: id,
    // vLLM, OpenRouter, Groq, Mistral, llama.cpp
    contextLength: count(told.max_model_len, told.context_length, told.context_window, told.max_context_length, part('meta').n_ctx_train),
    maxOutputTokens: count(told.max_completion_tokens, part('top_provider').max_completion_tokens),
    capabilities: Object.entries(capabilities).flatMap(([word, holds]) => (holds ? [word] : [])),
    details: Object.fromEntries(Object.entries(told).filter(([name]) => ['owned_by', 'created', 'description', 'root', 'name'].includes(name))),
  }
}
