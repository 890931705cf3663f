/** How many calls of a provider this server makes: at once, and a minute. */
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'

export interface Limits {
  maxConcurrency: number | null
  requestsPerMinute: number | null
}

export class CallLimits {
  #max = Number.POSITIVE_INFINITY
  #perMinute: number | null = null
  #rate: RateLimiterMemory | null = null
  #running = 0
  readonly #waiting: (() => void)[] = []

  /** Other limits from now on; those that run go on. */
  set({ maxConcurrency, requestsPerMinute }: Limits): void {
    this.#max = maxConcurrency ?? Number.POSITIVE_INFINITY
    if (requestsPerMinute !== this.#perMinute)
      this.#rate = requestsPerMinute === null ? null : new RateLimiterMemory({ points: requestsPerMinute, duration: 60 })
    this.#perMinute = requestsPerMinute
    this.#letIn()
  }

  get requestsPerMinute(): number | null {
    return this.#perMinute
  }

  /** Counts a call; answers after how many milliseconds the next is possible, where this one is too many. */
  async count(): Promise<number | null> {
    try {
      await this.#rate?.consume('calls')
      return null
    } catch (refusal) {
      if (!(refusal instanceof RateLimiterRes)) throw refusal
      return Math.max(1, refusal.msBeforeNext)
    }
  }

  /** Waits for its turn, first come first served. Answers how to leave; twice is once. */
  async enter(signal: AbortSignal | null | undefined): Promise<() => void> {
    signal?.throwIfAborted()
    if (this.#running >= this.#max) await this.#turn(signal)
    else this.#running++
    let isIn = true
    return () => {
      if (!isIn) return
      isIn = false
      this.#running--
      this.#letIn()
    }
  }

  /** Whoever is let in has been counted. */
  #turn(signal: AbortSignal | null | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const go = () => {
        signal?.removeEventListener('abort', leave)
        resolve()
      }
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(go), 1)
        reject(signal!.reason)
      }
      signal?.addEventListener('abort', leave, { once: true })
      this.#waiting.push(go)
    })
  }

  #letIn(): void {
    while (this.#waiting.length && this.#running < this.#max) {
      this.#running++
      this.#waiting.shift()!()
    }
  }
}
