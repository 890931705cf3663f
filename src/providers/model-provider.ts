/**
 * A provider as it is set up: over the API, or by the environment of the servers (then the row holds what is known of it, and what
 * ADMINs may say of it all the same; its key and its address stay in the environment).
 */
import { Prisma } from '../generated/sqlite/client.ts'

export const MODEL_PROVIDER_KINDS = ['OPENAI_COMPATIBLE', 'ANTHROPIC', 'OLLAMA', 'LOCAL'] as const
export type ModelProviderKind = (typeof MODEL_PROVIDER_KINDS)[number]
export type ModelProviderSource = 'API' | 'ENVIRONMENT'
export type ModelProviderStatus = 'UNKNOWN' | 'UP' | 'DOWN'

export const MAX_PROVIDERS = 200
export const MAX_URL = 500
export const MAX_KEY = 1000
export const MAX_PRIORITY = 1_000_000
export const MAX_CONCURRENCY = 10_000
export const MAX_PER_MINUTE = 1_000_000
export const MAX_TIMEOUT_SECONDS = 86_400
export const MAX_SYNC_MINUTES = 525_600
/** What stands before the first slash in `provider/model`. */
export const PROVIDER_NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/
/** The model on this machine has this name, and no other provider. */
export const LOCAL_NAME = 'local'

/** Wakes those who list models: one is due. */
export const PROVIDERS_TOPIC = 'providers'

/** What an event about a provider carries, and what filters look at. Never the key. */
export interface ModelProviderValues {
  id: string
  name: string
  kind: ModelProviderKind
  source: ModelProviderSource
  baseUrl: string | null
  apiKeyHint: string | null
  enabled: boolean
  priority: number
  defaultModel: string | null
  maxConcurrency: number | null
  requestsPerMinute: number | null
  timeoutSeconds: number | null
  syncEveryMinutes: number | null
  status: ModelProviderStatus
  error: string | null
  syncedAtMs: number | null
  createdAtMs: number
  updatedAtMs: number
}

export const MODEL_PROVIDER_COLUMNS = [
  'id',
  'name',
  'kind',
  'source',
  'baseUrl',
  'apiKeyHint',
  'enabled',
  'priority',
  'defaultModel',
  'maxConcurrency',
  'requestsPerMinute',
  'timeoutSeconds',
  'syncEveryMinutes',
  'status',
  'error',
  'syncedAtMs',
  'createdAtMs',
  'updatedAtMs',
] as const satisfies (keyof ModelProviderValues)[]

export const MODEL_PROVIDER_VALUES = Prisma.raw(MODEL_PROVIDER_COLUMNS.map((column) => `"ModelProvider"."${column}"`).join(', '))

export const toModelProviderValues = (row: Record<string, unknown>): ModelProviderValues =>
  ({ ...Object.fromEntries(MODEL_PROVIDER_COLUMNS.map((column) => [column, row[column]])), enabled: Boolean(row.enabled) }) as unknown as ModelProviderValues

/** How a key ends, where that tells little of it. */
export const hintOf = (apiKey: string): string | null => (apiKey.length >= 12 ? apiKey.slice(-4) : null)

/** A URL as it is kept: no slash at its end, and for Ollama without the version of the other protocol. */
export function cleanUrl(kind: ModelProviderKind, url: string): string {
  const bare = url.replace(/\/+$/, '')
  return kind === 'OLLAMA' ? bare.replace(/\/v1$/, '') : bare
}
