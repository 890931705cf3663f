import { generationOf } from './generation.ts'
import { localModel } from './local/local-model.ts'
import { type OpenAiSettings, openaiCompatible } from './openai-compatible.ts'
import type { Provider, ProviderLog, Providers } from './provider.ts'
import { ModelNotFound, NoProvider } from './provider-errors.ts'

export interface ProviderOptions {
  /** Null: no such server is set up. */
  openai: OpenAiSettings | null
  /** Whether the small model on this machine may be used. */
  localModel: boolean
  /** Left out: all cores but one. */
  localThreads?: number
  /** Where the local model's weights are put together, once; about 320 MB. */
  modelFolder: string
  log: ProviderLog
}

/** Opens nothing and loads nothing yet: each provider starts with its first request. */
export function createProviders(options: ProviderOptions): Providers {
  const local = localModel({ enabled: options.localModel, modelFolder: options.modelFolder, threads: options.localThreads, log: options.log })
  return providersOf([openaiCompatible(options.openai), local])
}

/** The first available one is the default. */
export function providersOf(all: Provider[]): Providers {
  return {
    async generate(request) {
      const { provider, model } = choose(all, request.model)
      return generationOf(provider.name, model, request.signal, provider.stream(model, request))
    },
    list: () =>
      all.map(({ name, models, takesAnyModel, unavailableBecause }) => ({
        name,
        models: models.map((model) => `${name}/${model}`),
        takesAnyModel,
        unavailableBecause,
      })),
    async close() {
      await Promise.all(all.map((provider) => provider.close()))
    },
  }
}

/** Only the first slash parts the names: a server's own model names may hold more (`openai/meta/llama-3.1-8b-instruct`). */
function choose(all: Provider[], asked: string | null): { provider: Provider; model: string } {
  const slash = asked?.indexOf('/') ?? -1
  const prefix = slash > 0 ? asked!.slice(0, slash) : null
  const provider = prefix === null ? all.find(isAvailable) : all.find(({ name }) => name === prefix)
  if (!provider && asked !== null && prefix !== null)
    throw new ModelNotFound(asked, `Names are written provider/model; the providers are ${all.map(({ name }) => name).join(', ')}.`)
  if (!provider || !isAvailable(provider)) throw new NoProvider(howToSetUp(provider ? [provider] : all))

  const model = prefix === null ? asked : asked!.slice(slash + 1)
  if (model === null) return { provider, model: provider.models[0]! }
  if (model === '' || !(provider.takesAnyModel || provider.models.includes(model)))
    throw new ModelNotFound(asked!, `${provider.name} has ${provider.models.join(', ')}.`)
  return { provider, model }
}

const isAvailable = (provider: Provider) => provider.unavailableBecause === null

function howToSetUp(providers: Provider[]): string {
  return `No provider can answer this. ${providers.map(({ name, unavailableBecause }) => `For ${name}: ${unavailableBecause}.`).join(' ')}`
}
