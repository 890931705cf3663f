/** Prices out of the tables of `@pydantic/genai-prices`, as they came with the package: nothing is fetched. */
import type { ModelPrice } from '@pydantic/genai-prices'
import type { Price } from './price.ts'

let loading: Promise<typeof import('@pydantic/genai-prices')> | undefined

export interface BundledAsk {
  provider: string
  model: string
  /** Where the provider is, if that is not its usual place. */
  baseUrl: string | null
  at: Date
}

/** By the provider's name, else by where it is. Null: the tables do not know it, or know prices that are not by tokens alone. */
export async function priceBundled({ provider, model, baseUrl, at }: BundledAsk): Promise<Price | null> {
  loading ??= import('@pydantic/genai-prices')
  const { calcPrice, findProvider } = await loading
  const known = findProvider({ providerId: provider }) ?? (baseUrl ? findProvider({ providerApiUrl: baseUrl }) : undefined)
  if (!known) return null
  const found = calcPrice({ input_tokens: 0, output_tokens: 0 }, model, { provider: known, timestamp: at })
  return found ? toPrice(found.model_price, model) : null
}

type Rate = ModelPrice[string]

/** Models that make vectors of texts write nothing, and have no price for it. */
const writesNothing = (model: string): boolean => /embed/i.test(model)

function toPrice(price: ModelPrice, model: string): Price | null {
  const { input_mtok: input, output_mtok: output = writesNothing(model) ? 0 : undefined, cache_read_mtok: cached = input, requests_kcount: perRequest } = price
  if (input === undefined || output === undefined || perRequest !== undefined) return null
  const bounds = new Set([input, output, cached].flatMap((rate) => (typeof rate === 'object' ? rate.tiers.map(({ start }) => start) : [])))
  const rates = (inputTokens: number) => ({
    input: microUsd(input, inputTokens),
    output: microUsd(output, inputTokens),
    cachedInput: microUsd(cached, inputTokens),
  })
  return { ...rates(0), above: [...bounds].sort((a, b) => b - a).map((start) => ({ inputTokens: start, ...rates(start + 1) })) }
}

/** The tables hold USD for a million tokens as floating point: what is a whole number of micro-USD but for its noise, is that; else the next one. */
function microUsd(rate: Rate, inputTokens: number): bigint {
  const usd =
    typeof rate === 'object' ? ([...rate.tiers].sort((a, b) => b.start - a.start).find(({ start }) => inputTokens > start)?.price ?? rate.base) : rate!
  const exact = usd * 1e6
  const nearest = Math.round(exact)
  return BigInt(Math.abs(exact - nearest) < 1e-4 ? nearest : Math.ceil(exact))
}
