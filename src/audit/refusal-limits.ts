/**
 * How many refusals the trail keeps, so that nobody can fill the disk by being refused. What goes beyond is counted, and told of later in
 * an entry for each who did so. Counted in this process.
 */

export interface RefusalLimitSettings {
  /** Of one user or network, in a minute. */
  ofOneAMinute: number
  /** Of all who are not logged in together, in a minute and in a day: addresses cost them nothing. */
  ofStrangersAMinute: number
  ofStrangersADay: number
}

export const REFUSAL_LIMITS: RefusalLimitSettings = { ofOneAMinute: 30, ofStrangersAMinute: 120, ofStrangersADay: 20_000 }

const MINUTE_MS = 60_000
const DAY_MS = 1440 * MINUTE_MS
/** Of more than so many at once it is not told who they were: of strangers, and in all. */
const MAX_NAMED_STRANGERS = 100
const MAX_NAMED = 1000

/** Whose refusals they are: a user's, or those of a network of addresses. */
export interface Refused {
  userId: string | null
  network: string | null
}

export interface Dropped extends Refused {
  count: number
}

export class RefusalLimits {
  readonly #ofOne = new Map<string, number>()
  #ofStrangersAMinute = 0
  #ofStrangersADay = 0
  #minute = 0
  #day = 0
  #dropped = new Map<string, Dropped>()
  #namedStrangers = 0

  constructor(
    readonly settings: RefusalLimitSettings = REFUSAL_LIMITS,
    readonly nowMs: () => number = () => performance.now(),
  ) {}

  /** Whether it is kept; else it is counted. */
  admits(refused: Refused): boolean {
    this.#turn()
    const { userId, network } = refused
    const key = userId === null ? `network ${network}` : `user ${userId}`
    const isStranger = userId === null
    const isFull = isStranger && (this.#ofStrangersAMinute >= this.settings.ofStrangersAMinute || this.#ofStrangersADay >= this.settings.ofStrangersADay)
    const count = this.#ofOne.get(key) ?? 0
    if (isFull || count >= this.settings.ofOneAMinute) {
      this.drop(refused)
      return false
    }
    this.#ofOne.set(key, count + 1)
    if (isStranger) {
      this.#ofStrangersAMinute++
      this.#ofStrangersADay++
    }
    return true
  }

  drop({ userId, network }: Refused): void {
    let key = userId === null ? `network ${network}` : `user ${userId}`
    const isNamed = this.#dropped.has(key) || this.#mayName(userId === null)
    if (!isNamed) key = 'others'
    if (isNamed && userId === null && !this.#dropped.has(key)) this.#namedStrangers++
    const known = this.#dropped.get(key) ?? { ...(isNamed ? { userId, network } : { userId: null, network: null }), count: 0 }
    known.count++
    this.#dropped.set(key, known)
  }

  #mayName(isStranger: boolean): boolean {
    if (this.#dropped.size >= MAX_NAMED) return false
    return !isStranger || this.#namedStrangers < MAX_NAMED_STRANGERS
  }

  /** What was dropped since this was last asked. */
  takeDropped(): Dropped[] {
    const dropped = [...this.#dropped.values()]
    this.#dropped = new Map()
    this.#namedStrangers = 0
    return dropped
  }

  #turn(): void {
    const nowMs = this.nowMs()
    const [minute, day] = [Math.floor(nowMs / MINUTE_MS), Math.floor(nowMs / DAY_MS)]
    if (minute !== this.#minute) {
      this.#ofOne.clear()
      this.#ofStrangersAMinute = 0
    }
    if (day !== this.#day) this.#ofStrangersADay = 0
    this.#minute = minute
    this.#day = day
  }
}
