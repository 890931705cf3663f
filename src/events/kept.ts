/**
 * Answers that are kept for a while, in this process, and forgotten as soon as the log tells of something that may have changed them:
 * nothing is answered out of here that this server knows to be old. What another server has changed is known here once the tail has read
 * of it, which is milliseconds later, or a second at most.
 */
import { registerCommitted } from './committed.ts'
import type { LoggedEvent } from './log.ts'
import type { Store } from './store.ts'

export interface KeptOptions<V> {
  /** How long at most; 0: nothing is kept. */
  seconds: number
  /** Which events may have changed any of it: then all of it is forgotten. */
  changedBy: (event: LoggedEvent) => boolean
  /** Most entries; or their weight, all together. What was not asked for the longest time goes first. */
  most: number
  weigh?: (value: V) => number
}

interface Entry<V> {
  value: V
  weight: number
  untilMs: number
}

export class Kept<V> {
  readonly #entries = new Map<string, Entry<V>>()
  readonly #making = new Map<string, Promise<V>>()
  #weight = 0
  /** Goes up with everything that is forgotten: what was read before is not kept after. */
  #generation = 0
  #epoch: number
  #position: number
  readonly #offs: (() => void)[]

  constructor(
    readonly store: Store,
    readonly options: KeptOptions<V>,
  ) {
    this.#epoch = store.tail.epoch
    this.#position = store.tail.position
    this.#offs = [
      store.tail.on('*', (event) => this.#hear(event)),
      // What was committed here is known before the tail has read it.
      registerCommitted('', (event) => {
        if (options.changedBy(event)) this.forget()
      }),
    ]
  }

  /** What is kept under the key, or what `make` answers. Those who ask at the same time are answered by one `make`; its errors are not kept. */
  get(key: string, make: () => Promise<V>): Promise<V> {
    if (this.options.seconds === 0) return make()
    if (this.store.tail.epoch !== this.#epoch) this.forget()
    const known = this.#entries.get(key)
    if (known && known.untilMs > this.store.clock.nowMs()) {
      // To the end: the last used.
      this.#entries.delete(key)
      this.#entries.set(key, known)
      return Promise.resolve(known.value)
    }
    const underWay = this.#making.get(key)
    if (underWay) return underWay
    const generation = this.#generation
    const making = make()
      .then((value) => {
        if (generation === this.#generation) this.#keep(key, value)
        return value
      })
      .finally(() => {
        if (this.#making.get(key) === making) this.#making.delete(key)
      })
    this.#making.set(key, making)
    return making
  }

  forget(): void {
    this.#generation++
    this.#epoch = this.store.tail.epoch
    this.#entries.clear()
    this.#making.clear()
    this.#weight = 0
  }

  stop(): void {
    for (const off of this.#offs) off()
    this.forget()
  }

  #hear(event: LoggedEvent): void {
    // Where the tail has passed something over, nobody knows what it was.
    const hasGap = event.position !== this.#position + 1
    this.#position = event.position
    if (hasGap || this.options.changedBy(event)) this.forget()
  }

  #keep(key: string, value: V): void {
    const { seconds, most, weigh } = this.options
    this.#drop(key)
    const weight = weigh?.(value) ?? 1
    if (weight > most) return
    this.#entries.set(key, { value, weight, untilMs: this.store.clock.nowMs() + seconds * 1000 })
    this.#weight += weight
    while (this.#weight > most) this.#drop(this.#entries.keys().next().value!)
  }

  #drop(key: string): void {
    this.#weight -= this.#entries.get(key)?.weight ?? 0
    this.#entries.delete(key)
  }
}
