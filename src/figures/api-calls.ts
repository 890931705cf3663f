/**
 * Who asks the API for what, how often, and how long it took: counted here as it happens, and added to the table every few seconds. A
 * server that is killed loses what it has counted since then; one that stops does not.
 *
 * Callers choose the names of their operations, so of each caller only so many a day are told by name.
 */
import { type Actor, isKnown } from '../core/actor.ts'
import { DAY_MS } from '../core/clock.ts'
import { coalesced } from '../core/coalesced.ts'
import type { Store } from '../events/store.ts'
import { histogramPut } from '../tasks/histogram.ts'
import { type ApiCalls, callsAdd } from './api-call-sum.ts'
import { apiCallsFold } from './api-calls-fold.ts'
import { HOUR_MS } from './bucket.ts'

export interface ApiCall {
  operation: string
  durationMs: number
  isFailed: boolean
}

const EVERY_MS = 5000
const MOST_NAMES = 50
/** In all, between two writings, and of callers whose names are known. */
const MOST = 20_000
const OTHER = 'other'

export class ApiCallCounter {
  #counted = new Map<string, ApiCalls>()
  #names = new Map<string, Set<string>>()
  #day = 0
  readonly #timer: NodeJS.Timeout

  constructor(
    readonly store: Store,
    readonly warn: (error: unknown) => void,
  ) {
    this.#timer = setInterval(() => void this.fold(), EVERY_MS)
    this.#timer.unref()
  }

  count(actor: Actor, { operation, durationMs, isFailed }: ApiCall): void {
    const nowMs = this.store.clock.nowMs()
    const ownerId = isKnown(actor) ? actor.userId : ''
    const apiKeyId = actor.kind === 'apiKey' ? actor.apiKeyId : ''
    const name = this.#named(`${ownerId} ${apiKeyId}`, operation, nowMs)
    const startMs = nowMs - (nowMs % HOUR_MS)
    const key = `${startMs} ${ownerId} ${apiKeyId} ${name}`
    let calls = this.#counted.get(key)
    if (!calls) {
      if (this.#counted.size >= MOST) return
      calls = { ownerId, apiKeyId, operation: name, hours: 1, startMs, calls: 0, failed: 0, durations: {} }
      this.#counted.set(key, calls)
    }
    calls.calls++
    if (isFailed) calls.failed++
    histogramPut(calls.durations, Math.round(durationMs * 1000))
  }

  /** Writes what was counted before the call. */
  readonly fold = coalesced(async () => {
    const counted = this.#counted
    if (!counted.size) return
    this.#counted = new Map()
    try {
      await apiCallsFold(this.store, [...counted.values()])
    } catch (error) {
      this.warn(error)
      this.#putBack(counted)
    }
  })

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.fold()
  }

  #named(caller: string, operation: string, nowMs: number): string {
    const day = Math.floor(nowMs / DAY_MS)
    if (day !== this.#day || this.#names.size > MOST) this.#names = new Map()
    this.#day = day
    const names = this.#names.get(caller) ?? new Set()
    this.#names.set(caller, names)
    if (names.has(operation)) return operation
    if (names.size >= MOST_NAMES) return OTHER
    names.add(operation)
    return operation
  }

  #putBack(counted: ReadonlyMap<string, ApiCalls>): void {
    for (const [key, calls] of counted) {
      const known = this.#counted.get(key)
      if (known) callsAdd(known, calls)
      else if (this.#counted.size < MOST) this.#counted.set(key, calls)
    }
  }
}
