/** The providers that the environment of this server sets up. */
import { ANTHROPIC_URL } from './anthropic.ts'
import type { ModelProviderKind } from './model-provider.ts'
import { cleanUrl, LOCAL_NAME } from './model-provider.ts'
import { OLLAMA_URL } from './ollama.ts'
import { OPENAI_URL, type OpenAiSettings } from './openai-compatible.ts'

export interface EnvironmentSettings {
  /** Null: no such server is set up. */
  openai: OpenAiSettings | null
  anthropic?: { apiKey: string | null; baseUrl: string; defaultModel: string } | null
  ollama?: { baseUrl: string; defaultModel: string | null } | null
}

export interface EnvironmentProvider {
  name: string
  kind: ModelProviderKind
  /** Null: it has none. */
  baseUrl: string | null
  apiKey: string | null
  defaultModel: string | null
  /** Null: it can be used. Otherwise what to set or to install. */
  unavailableBecause: string | null
}

/** What a provider's address is where none is given. */
export const DEFAULT_URLS: Record<ModelProviderKind, string> = { OPENAI_COMPATIBLE: OPENAI_URL, ANTHROPIC: ANTHROPIC_URL, OLLAMA: OLLAMA_URL, LOCAL: '' }

/** In the order in which the default is looked for. */
export function environmentProviders(settings: EnvironmentSettings, local: { models: string[]; unavailableBecause: string | null }): EnvironmentProvider[] {
  const http = (
    name: string,
    kind: ModelProviderKind,
    given: { apiKey?: string | null; baseUrl: string; defaultModel: string | null } | null | undefined,
    how: string,
  ): EnvironmentProvider => ({
    name,
    kind,
    baseUrl: given ? cleanUrl(kind, given.baseUrl) : null,
    apiKey: given?.apiKey ?? null,
    defaultModel: given?.defaultModel ?? null,
    unavailableBecause: given ? null : how,
  })
  return [
    http('openai', 'OPENAI_COMPATIBLE', settings.openai, 'set OPENAI_API_KEY, or OPENAI_BASE_URL for another server that speaks its protocol'),
    http('anthropic', 'ANTHROPIC', settings.anthropic, 'set ANTHROPIC_API_KEY'),
    http('ollama', 'OLLAMA', settings.ollama, 'set OLLAMA_URL'),
    { name: LOCAL_NAME, kind: 'LOCAL', baseUrl: null, apiKey: null, defaultModel: local.models[0] ?? null, unavailableBecause: local.unavailableBecause },
  ]
}
