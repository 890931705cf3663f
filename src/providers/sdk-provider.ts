/** What the providers share that are reached over HTTP. */
import type { EmbeddingModel, LanguageModel } from 'ai'
import { openAgent } from '../core/private-addresses.ts'
import { CallLimits } from './call-limits.ts'
import type { Provider, SdkProvider } from './provider.ts'
import { type Fetch, wireOf } from './wire.ts'

/** A model as its provider tells of it. Null and empty: it does not say. */
export interface ListedModel {
  name: string
  contextLength: number | null
  maxOutputTokens: number | null
  capabilities: string[]
  details: Record<string, unknown>
}

/** A provider whose models can be listed; throws the provider's own words. */
export interface Listing {
  listModels(signal: AbortSignal): Promise<ListedModel[]>
}

export interface Connection {
  name: string
  /** With its version, without a slash at its end. */
  baseUrl: string
  apiKey: string | null
  /** Those known beforehand; the first is the default. */
  models: string[]
  /** For calls of models. */
  fetch: Fetch
  /** For looking at what there is. */
  look: Fetch
}

export const secretsOf = ({ apiKey }: Pick<Connection, 'apiKey'>): string[] => (apiKey ? [apiKey] : [])

/** As the operator set it up in the environment: without limits, wherever it is. */
export function plainConnection(given: Pick<Connection, 'name' | 'baseUrl' | 'apiKey' | 'models'>): Connection {
  const wire = { provider: given.name, secrets: secretsOf(given), agent: openAgent(), timeoutSeconds: null, noted: () => {} }
  return { ...given, fetch: wireOf({ ...wire, limits: new CallLimits() }), look: wireOf({ ...wire, limits: null }) }
}

export type HttpProvider = Provider & SdkProvider & Listing

interface ModelsOf {
  model(name: string): Promise<LanguageModel>
  /** Left out: it makes no vectors of texts. */
  embedding?(name: string): Promise<EmbeddingModel>
}

/** A provider out of a way to its models and to their list. */
export function httpProvider(connection: Connection, how: ModelsOf & Listing): HttpProvider {
  const sdkModel = async (model: string) => ({ model: await how.model(model), secrets: secretsOf(connection) })
  const { embedding } = how
  return {
    name: connection.name,
    models: connection.models,
    takesAnyModel: true,
    unavailableBecause: null,
    sdkModel,
    ...(embedding && { sdkEmbedding: async (model: string) => ({ model: await embedding(model), secrets: secretsOf(connection) }) }),
    listModels: (signal) => how.listModels(signal),
    async *stream(model, request) {
      // The SDK takes a fifth of a second to load: only who asks for it pays.
      const [{ streamFromSdk }, sdk] = await Promise.all([import('./ai-sdk.ts'), sdkModel(model)])
      return yield* streamFromSdk(connection.name, sdk.model, request, sdk.secrets)
    },
    async close() {},
  }
}

/** A provider that cannot be used, and why. */
export const absentProvider = (name: string, unavailableBecause: string): Provider => ({
  name,
  models: [],
  takesAnyModel: true,
  unavailableBecause,
  // biome-ignore lint/correctness/useYield: there is nothing to yield
  async *stream() {
    throw new Error('This provider is not set up.')
  },
  async close() {},
})
