import type { Agent } from 'undici'
import { type AddressRules, guardedAgent, openAgent } from '../core/private-addresses.ts'
import type { Embedded } from './ai-sdk-embedding.ts'
import { anthropicProvider } from './anthropic.ts'
import { CallLimits } from './call-limits.ts'
import type { Catalogue, ProviderRow } from './catalogue.ts'
import { type Choice, choose } from './choose.ts'
import { DEFAULT_URLS, type EnvironmentProvider, type EnvironmentSettings, environmentProviders } from './environment.ts'
import { generationOf } from './generation.ts'
import { limited } from './limited.ts'
import { localModel } from './local/local-model.ts'
import type { ModelProviderKind } from './model-provider.ts'
import { LOCAL_NAME } from './model-provider.ts'
import { ollamaProvider } from './ollama.ts'
import { openaiProvider } from './openai-compatible.ts'
import type { Generation, GenerationRequest, ModelFacts, Provider, ProviderInfo, ProviderLog, Providers } from './provider.ts'
import { ModelNotFound } from './provider-errors.ts'
import { absentProvider, type Connection, type HttpProvider, type Listing, secretsOf } from './sdk-provider.ts'
import { wireOf } from './wire.ts'

export interface ProviderOptions extends EnvironmentSettings {
  /** Whether the small model on this machine may be used. */
  localModel: boolean
  /** Left out: all cores but one. */
  localThreads?: number
  /** Where the local model's weights are put together, once; about 320 MB. */
  modelFolder: string
  /** Where providers may be that are set up over the API; left out: at no private address. */
  addressRules?: AddressRules
  log: ProviderLog
  /** What the database says; left out: the environment is all there is. */
  catalogue?: Catalogue
}

/** A model that makes vectors of texts. */
export interface ChosenEmbedding {
  provider: string
  /** Without the provider's name. */
  model: string
  /** The longest text it reads; null where nobody told. */
  maxTokens: number | null
  embed(texts: readonly string[], signal: AbortSignal): Promise<Embedded>
}

/** The providers of a server, with what its operations on them need. */
export interface OpenProviders extends Providers {
  /** What this server's environment sets up, or could. */
  readonly environment: readonly EnvironmentProvider[]
  readonly local: Listing
  readonly addressRules: AddressRules
  readonly catalogue: Catalogue | null
  /** The provider of a row as this server reaches it, also where it is switched off. */
  connect(row: ProviderRow): Provider & Partial<Listing>
  /** The model that makes vectors for `provider/model`. Rejects as `generate` does, and where the provider makes none. */
  embedding(asked: string): Promise<ChosenEmbedding>
}

const ADAPTERS: Record<Exclude<ModelProviderKind, 'LOCAL'>, (connection: Connection) => HttpProvider> = {
  OPENAI_COMPATIBLE: openaiProvider,
  ANTHROPIC: anthropicProvider,
  OLLAMA: ollamaProvider,
}

/** Opens nothing and loads nothing yet: each provider starts with its first request. */
export function createProviders(options: ProviderOptions): OpenProviders {
  const { catalogue = null, addressRules = { privateHosts: [], loopback: false } } = options
  const local = localModel({ enabled: options.localModel, modelFolder: options.modelFolder, threads: options.localThreads, log: options.log })
  const environment = environmentProviders(options, local)
  const agents: Record<'open' | 'guarded', Agent> = { open: openAgent(), guarded: guardedAgent(addressRules) }
  const limitsOf = new Map<string, CallLimits>()
  const connected = new Map<string, { settings: string; provider: Provider & Partial<Listing> }>()

  /** Kept as long as the settings are the same; the counts of calls also beyond. */
  function connect(row: ProviderRow): Provider & Partial<Listing> {
    const own = row.source === 'ENVIRONMENT' ? environment.find(({ name }) => name === row.name) : undefined
    if (row.source === 'ENVIRONMENT' && (!own || own.unavailableBecause !== null))
      return absentProvider(row.name, own?.unavailableBecause ?? 'it is not set up in the environment of this server')
    const limits = limitsOf.get(row.id) ?? new CallLimits()
    limitsOf.set(row.id, limits)
    limits.set(row)
    const { priority: _priority, enabled: _enabled, ...relevant } = row
    const settings = JSON.stringify({ ...relevant, apiKeySealed: row.apiKeySealed && Buffer.from(row.apiKeySealed).toString('base64') })
    const known = connected.get(row.id)
    if (known?.settings === settings) return known.provider
    const provider = own ? fromEnvironment(own, row, limits) : fromRow(row, limits)
    connected.set(row.id, { settings, provider })
    return provider
  }

  function fromEnvironment(own: EnvironmentProvider, row: ProviderRow | null, limits: CallLimits): Provider & Partial<Listing> {
    const noted = (error: string | null) => row && catalogue?.seen(row.id, error)
    if (own.kind === 'LOCAL') return row ? limited(local, limits, row.timeoutSeconds, noted) : local
    const models = [own.defaultModel ?? row?.defaultModel].filter((model) => typeof model === 'string')
    return overHttp(own.kind, { name: own.name, baseUrl: own.baseUrl!, apiKey: own.apiKey, models }, 'open', row?.timeoutSeconds ?? null, limits, noted)
  }

  function fromRow(row: ProviderRow, limits: CallLimits): Provider & Partial<Listing> {
    if (row.kind === 'LOCAL') return absentProvider(row.name, 'the local model is not set up over the API')
    let apiKey: string | null
    try {
      apiKey = catalogue!.keyOf(row)
    } catch {
      return absentProvider(row.name, 'its key was sealed with another secret of the installation; set it anew')
    }
    const baseUrl = row.baseUrl ?? DEFAULT_URLS[row.kind]
    const models = row.defaultModel === null ? [] : [row.defaultModel]
    return overHttp(row.kind, { name: row.name, baseUrl, apiKey, models }, 'guarded', row.timeoutSeconds, limits, (error) => catalogue?.seen(row.id, error))
  }

  function overHttp(
    kind: Exclude<ModelProviderKind, 'LOCAL'>,
    place: Pick<Connection, 'name' | 'baseUrl' | 'apiKey' | 'models'>,
    agent: 'open' | 'guarded',
    timeoutSeconds: number | null,
    limits: CallLimits,
    noted: (error: string | null) => void,
  ): HttpProvider {
    const wire = { provider: place.name, secrets: secretsOf(place), agent: agents[agent] }
    return ADAPTERS[kind]({
      ...place,
      fetch: wireOf({ ...wire, limits, timeoutSeconds, noted }),
      look: wireOf({ ...wire, limits: null, timeoutSeconds: null, noted: () => {} }),
    })
  }

  const alone = environment.map((own) => (own.unavailableBecause === null ? fromEnvironment(own, null, new CallLimits()) : absentOf(own)))
  let latest: Provider[] = alone

  /** The rows, and of the environment what has none: not yet, or because it is not set up here. */
  async function candidates(): Promise<{ all: Provider[]; rows: ProviderRow[] }> {
    const rows = (await catalogue?.providers()) ?? []
    const named = new Set(rows.map(({ name }) => name))
    const ofRows = rows.map((row) => (row.enabled ? connect(row) : absentProvider(row.name, 'it is switched off')))
    const others = alone.filter(({ name }) => !named.has(name))
    const all = [...ofRows, ...others]
    latest = all
    return { all, rows }
  }

  async function chosen(asked: string | null): Promise<Choice & { facts: ModelFacts; rows: ProviderRow[] }> {
    const { all, rows } = await candidates()
    const { provider, model } = choose(all, asked)
    const row = rows.find(({ name }) => name === provider.name)
    const known = row ? await catalogue!.model(row.id, model) : null
    if (known && !known.enabled) throw new ModelNotFound(`${provider.name}/${model}`, 'It is switched off.')
    const { contextLength = null, maxOutputTokens = null, capabilities = [] } = known ?? {}
    return { provider, model, rows, facts: { provider: provider.name, model, contextLength, maxOutputTokens, capabilities } }
  }

  const urlOf = (name: string, rows: ProviderRow[]): string => {
    const row = rows.find((each) => each.name === name)
    return environment.find((own) => own.name === name && row?.source !== 'API')?.baseUrl ?? row?.baseUrl ?? (row ? DEFAULT_URLS[row.kind] : '')
  }

  return {
    environment,
    local,
    addressRules,
    catalogue,
    connect,
    async generate(request) {
      const { provider, model } = await chosen(request.model)
      return generationBy(provider, model, request)
    },
    async describe(asked) {
      const { facts, rows } = await chosen(asked)
      if (facts.contextLength !== null) return facts
      if (facts.provider === LOCAL_NAME) return { ...facts, contextLength: (await local.listModels(AbortSignal.timeout(1000)))[0]!.contextLength }
      const { knownContextLength } = await import('./known-models.ts')
      return { ...facts, contextLength: knownContextLength(urlOf(facts.provider, rows), facts.model) }
    },
    async embedding(asked) {
      const { provider, model, facts, rows } = await chosen(asked)
      if (!provider.sdkEmbedding) throw new ModelNotFound(asked, `${provider.name} makes no embeddings.`)
      const sdk = await provider.sdkEmbedding(model)
      const { knownContextLength } = await import('./known-models.ts')
      return {
        provider: provider.name,
        model,
        maxTokens: facts.contextLength ?? knownContextLength(urlOf(provider.name, rows), model),
        embed: async (texts, signal) => {
          const { embedFromSdk } = await import('./ai-sdk-embedding.ts')
          return embedFromSdk(provider.name, sdk.model, texts, { secrets: sdk.secrets, signal })
        },
      }
    },
    list: () => latest.map(infoOf),
    async close() {
      await local.close()
      await Promise.all(Object.values(agents).map((agent) => agent.destroy()))
      await catalogue?.close()
    },
  }
}

const absentOf = ({ name, kind, defaultModel, unavailableBecause }: EnvironmentProvider): Provider => ({
  ...absentProvider(name, unavailableBecause!),
  models: defaultModel === null ? [] : [defaultModel],
  takesAnyModel: kind !== 'LOCAL',
})

const generationBy = (provider: Provider, model: string, request: GenerationRequest): Generation =>
  generationOf(provider.name, model, request.signal, provider.stream(model, request))

const infoOf = ({ name, models, takesAnyModel, unavailableBecause }: Provider): ProviderInfo => ({
  name,
  models: models.map((model) => `${name}/${model}`),
  takesAnyModel,
  unavailableBecause,
})

/** Providers as they are given. The first available one is the default. */
export function providersOf(all: Provider[]): Providers {
  return {
    async generate(request) {
      const { provider, model } = choose(all, request.model)
      return generationBy(provider, model, request)
    },
    async describe(asked) {
      const { provider, model } = choose(all, asked)
      return { provider: provider.name, model, contextLength: null, maxOutputTokens: null, capabilities: [] }
    },
    list: () => all.map(infoOf),
    async close() {
      await Promise.all(all.map((provider) => provider.close()))
    },
  }
}
