import type { Provider } from './provider.ts'

export interface OpenAiSettings {
  /** Null for servers that want none. */
  apiKey: string | null
  /** With its version: `https://api.openai.com/v1`. */
  baseUrl: string
  defaultModel: string
}

/** Any server that speaks OpenAI's chat completions: OpenAI itself, NVIDIA NIM, vLLM, llama.cpp's server. */
export function openaiCompatible(settings: OpenAiSettings | null): Provider {
  return {
    name: 'openai',
    models: settings ? [settings.defaultModel] : [],
    takesAnyModel: true,
    unavailableBecause: settings ? null : 'set OPENAI_API_KEY, or OPENAI_BASE_URL for another server that speaks its protocol',
    async *stream(model, request) {
      if (!settings) throw new Error('This provider is not set up.')
      // The SDK takes a fifth of a second to load: only who asks for it pays.
      const [{ streamFromSdk }, { createOpenAICompatible }] = await Promise.all([import('./ai-sdk.ts'), import('@ai-sdk/openai-compatible')])
      const server = createOpenAICompatible({
        name: 'openai',
        baseURL: settings.baseUrl,
        apiKey: settings.apiKey ?? undefined,
        includeUsage: true,
        transformRequestBody: isOpenAiItself(settings.baseUrl) ? withNewNameOfLimit : undefined,
      })
      return yield* streamFromSdk('openai', server.chatModel(model), request, settings.apiKey ? [settings.apiKey] : [])
    },
    async close() {},
  }
}

const isOpenAiItself = (baseUrl: string) => baseUrl.startsWith('https://api.openai.com/')

/** OpenAI's reasoning models refuse the old name, other servers know only the old one. */
export function withNewNameOfLimit({ max_tokens, ...body }: Record<string, unknown>): Record<string, unknown> {
  return max_tokens === undefined ? body : { ...body, max_completion_tokens: max_tokens }
}
