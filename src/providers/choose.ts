import type { Provider } from './provider.ts'
import { ModelNotFound, NoProvider } from './provider-errors.ts'

export interface Choice {
  provider: Provider
  model: string
}

/** Only the first slash parts the names: a server's own model names may hold more (`openai/meta/llama-3.1-8b-instruct`). */
export function choose(all: readonly Provider[], asked: string | null): Choice {
  const slash = asked?.indexOf('/') ?? -1
  const prefix = slash > 0 ? asked!.slice(0, slash) : null
  const provider =
    prefix === null ? all.find((each) => isAvailable(each) && (asked !== null || each.models.length > 0)) : all.find(({ name }) => name === prefix)
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

function howToSetUp(providers: readonly Provider[]): string {
  const why = ({ name, unavailableBecause }: Provider) => `For ${name}: ${unavailableBecause ?? 'name a model, for it has no default'}.`
  return `No provider can answer this. ${providers.map(why).join(' ')}`
}
