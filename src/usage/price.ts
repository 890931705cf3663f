/**
 * What tokens cost. A rate is micro-USD for a million tokens, a whole number: $0.0375 is 37,500. All is counted in whole numbers of
 * 10^-12 USD, and rounded up to a micro-USD once a call.
 */

export interface Rates {
  input: bigint
  output: bigint
  /** Of input tokens that the provider had kept. */
  cachedInput: bigint
}

/** `above`: other rates, for all tokens of a call, where its input has more than so many; the largest bound first. */
export interface Price extends Rates {
  above: readonly (Rates & { inputTokens: number })[]
}

export interface UsedTokens {
  inputTokens: number
  /** Of the input tokens. */
  cachedInputTokens: number
  outputTokens: number
}

const MILLION = 1_000_000n

export const ratesFor = (price: Price, inputTokens: number): Rates => price.above.find((step) => inputTokens > step.inputTokens) ?? price

const inputCost = (rates: Rates, { inputTokens, cachedInputTokens }: Omit<UsedTokens, 'outputTokens'>): bigint => {
  const cached = Math.min(cachedInputTokens, inputTokens)
  return BigInt(inputTokens - cached) * rates.input + BigInt(cached) * rates.cachedInput
}

/** Micro-USD, rounded up. */
export function costOf(price: Price, used: UsedTokens): bigint {
  const rates = ratesFor(price, used.inputTokens)
  return (inputCost(rates, used) + BigInt(used.outputTokens) * rates.output + MILLION - 1n) / MILLION
}

/** How many output tokens a call with so many input tokens may have to cost no more than this; -1: not even its input. */
export function outputTokensFor(price: Price, inputTokens: number, microUsd: bigint): number {
  const rates = ratesFor(price, inputTokens)
  const left = microUsd * MILLION - inputCost(rates, { inputTokens, cachedInputTokens: 0 })
  if (left < 0n) return -1
  if (rates.output === 0n) return Number.MAX_SAFE_INTEGER
  const tokens = left / rates.output
  return tokens > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(tokens)
}

interface KeptRates {
  input: number
  output: number
  cachedInput: number
}

/** As it stands in a row's JSON. */
export type KeptPrice = KeptRates & { above?: (KeptRates & { inputTokens: number })[] }

const keptRates = ({ input, output, cachedInput }: Rates): KeptRates => ({ input: Number(input), output: Number(output), cachedInput: Number(cachedInput) })
const toRates = ({ input, output, cachedInput }: KeptRates): Rates => ({ input: BigInt(input), output: BigInt(output), cachedInput: BigInt(cachedInput) })

export const keptPrice = (price: Price): KeptPrice => ({
  ...keptRates(price),
  ...(price.above.length && { above: price.above.map((step) => ({ ...keptRates(step), inputTokens: step.inputTokens })) }),
})

export const toPrice = (kept: KeptPrice): Price => ({
  ...toRates(kept),
  above: (kept.above ?? []).map((step) => ({ ...toRates(step), inputTokens: step.inputTokens })),
})
