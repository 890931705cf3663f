/**
 * Meters calls of providers. What a call may spend is held for it in blocks of output tokens, which grow: so that what a call does not
 * use is soon anybody's again, and a long answer asks the database a few times.
 */
import { server } from '../core/actor.ts'
import type { Kept } from '../events/kept.ts'
import type { Store } from '../events/store.ts'
import { reading, transact } from '../events/transact.ts'
import type { Work } from '../events/work.ts'
import type { CallEnding, Meter, MeteredCall, NewCall } from './meter.ts'
import { costOf, outputTokensFor, type Price } from './price.ts'
import { type FoundPrice, priceFind } from './price-find.ts'
import { type TokenCounter, tokenCounter } from './tokens.ts'
import { type Begun, usageBegin } from './usage-begin.ts'
import { usageReserve } from './usage-reserve.ts'
import './usages-rescue.ts'
import { usagesSettle } from './usages-settle.ts'

/** In output tokens. */
const FIRST_BLOCK = 64
const LARGEST_BLOCK = 2048

/** `prices`: those that were found. */
export const openMeter = (store: Store, prices: Kept<FoundPrice>): Meter => ({
  async begin(call) {
    const { provider, model } = call
    const found = await prices.get(JSON.stringify([provider, model]), () => priceFind(reading(store, server), provider, model))
    // Before anything is held: loading it may take a while.
    const count = await tokenCounter()
    const first = Math.max(1, Math.min(FIRST_BLOCK, call.maxOutputTokens ?? FIRST_BLOCK))
    const { result: begun } = await transact(store, server, (work) => usageBegin(work, call, found, first))
    return new CallUnderWay(store, call, begun, { price: found.price, block: first, count })
  },
})

class CallUnderWay implements MeteredCall {
  readonly usageId: string
  readonly #startedAtMs: number
  readonly #price: Price | null
  readonly #count: TokenCounter
  /** Null: nothing limits it. */
  #reservedMicroUsd: number | null
  /** How far the reserved money goes, in output tokens. */
  #room: number
  #block: number
  #written = 0

  constructor(
    readonly store: Store,
    readonly call: NewCall,
    begun: Begun,
    { price, block, count }: { price: Price | null; block: number; count: TokenCounter },
  ) {
    this.usageId = begun.usageId
    this.#startedAtMs = begun.startedAtMs
    this.#price = price
    this.#count = count
    this.#block = block
    this.#reservedMicroUsd = begun.reservedMicroUsd
    this.#room = this.#roomFor(begun.reservedMicroUsd)
  }

  async wrote(text: string): Promise<void> {
    this.#written += this.#count(text)
    if (this.#written > this.#room) await this.#reserve()
  }

  async end(ending: CallEnding, work?: Work): Promise<void> {
    const { inputTokens, cachedInputTokens, outputTokens, reasoningTokens } = ending.tokens ?? {}
    // What was refused without a word has used nothing; what was stopped, or lost, has had its prompt read.
    const isRefused = ending.status === 'FAILED' && !ending.isCut && !ending.tokens && !this.#written
    const settlement = {
      ...ending,
      usageId: this.usageId,
      inputTokens: inputTokens ?? (isRefused ? 0 : null),
      cachedInputTokens: cachedInputTokens ?? null,
      outputTokens: outputTokens ?? this.#written,
      reasoningTokens: reasoningTokens ?? null,
      isCounted: typeof inputTokens !== 'number' || typeof outputTokens !== 'number',
    }
    if (work) await usagesSettle(work, [settlement])
    else await transact(this.store, server, (own) => usagesSettle(own, [settlement]))
  }

  /** The next block; the last one may be as small as what is left. */
  async #reserve(): Promise<void> {
    this.#block = Math.min(LARGEST_BLOCK, 2 * this.#block)
    const through = Math.max(this.#written, Math.min(this.#written + this.#block, this.call.maxOutputTokens ?? Number.POSITIVE_INFINITY))
    const reserved = this.#reservedMicroUsd!
    const { result: more } = await transact(this.store, server, (work) =>
      usageReserve(work, {
        usageId: this.usageId,
        startedAtMs: this.#startedAtMs,
        atLeast: Math.max(0, this.#cost(this.#written) - reserved),
        atMost: Math.max(0, this.#cost(through) - reserved),
      }),
    )
    this.#reservedMicroUsd = more === null ? null : reserved + more
    this.#room = this.#roomFor(this.#reservedMicroUsd)
  }

  #cost(outputTokens: number): number {
    return Number(costOf(this.#price!, { inputTokens: this.call.inputTokens, cachedInputTokens: 0, outputTokens }))
  }

  #roomFor(microUsd: number | null): number {
    return microUsd === null || !this.#price ? Number.POSITIVE_INFINITY : outputTokensFor(this.#price, this.call.inputTokens, BigInt(microUsd))
  }
}
