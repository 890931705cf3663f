/** Places where one part of a program waits for another by name; whoever waits is let go with the signal's reason when it aborts. */
export class Gates {
  readonly #open = new Set<string>()
  readonly #waiting = new Map<string, { pass: () => void; refuse: (reason: unknown) => void }[]>()

  constructor(readonly signal: AbortSignal) {
    signal.addEventListener(
      'abort',
      () => {
        for (const waiting of this.#waiting.values()) for (const { refuse } of waiting) refuse(signal.reason)
        this.#waiting.clear()
      },
      { once: true },
    )
  }

  open(name: string): void {
    this.#open.add(name)
    for (const { pass } of this.#waiting.get(name) ?? []) pass()
    this.#waiting.delete(name)
  }

  passed(name: string): Promise<void> {
    if (this.signal.aborted) return Promise.reject(this.signal.reason)
    if (this.#open.has(name)) return Promise.resolve()
    return new Promise((pass, refuse) => this.#waiting.set(name, [...(this.#waiting.get(name) ?? []), { pass, refuse }]))
  }
}
