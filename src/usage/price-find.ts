import { Kept } from '../events/kept.ts'
import type { Store } from '../events/store.ts'
import type { Work } from '../events/work.ts'
import { operatorPrice } from '../providers/operator-price.ts'
import type { Price } from './price.ts'
import { priceBundled } from './price-bundled.ts'

export type PriceSource = 'OPERATOR' | 'BUNDLED' | 'UNKNOWN'

export interface FoundPrice {
  source: PriceSource
  /** Null: nobody knows it. */
  price: Price | null
}

const UNKNOWN: FoundPrice = { source: 'UNKNOWN', price: null }

/**
 * The price of a model now: the operator's, else that of the bundled tables. A provider is looked for there by its name, then by its base
 * URL. What runs on machines of one's own is in no table, whatever it is called: its price is what the operator says.
 */
export async function priceFind(reader: Pick<Work, 'rows' | 'clock'>, provider: string, model: string): Promise<FoundPrice> {
  const known = await operatorPrice(reader, provider, model)
  if (known && known.inputPrice !== null && known.outputPrice !== null) {
    const [input, output] = [BigInt(known.inputPrice), BigInt(known.outputPrice)]
    return { source: 'OPERATOR', price: { input, output, cachedInput: known.cachedInputPrice === null ? input : BigInt(known.cachedInputPrice), above: [] } }
  }
  if (known ? known.kind === 'LOCAL' || known.kind === 'OLLAMA' : provider === 'local' || provider === 'ollama') return UNKNOWN
  const price = await priceBundled({ provider, model, baseUrl: known?.baseUrl ?? null, at: new Date(reader.clock.nowMs()) })
  return price ? { source: 'BUNDLED', price } : UNKNOWN
}

/** Found prices, kept until anything is changed of a model or a provider; that one is up or down is no such thing. */
export const keptPrices = (store: Store, seconds: number): Kept<FoundPrice> =>
  new Kept(store, {
    seconds,
    most: 5000,
    changedBy: ({ kind }) => kind.startsWith('MODEL_') && kind !== 'MODEL_PROVIDER_UP' && kind !== 'MODEL_PROVIDER_DOWN',
  })
