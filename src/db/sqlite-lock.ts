/** First come, first served: one holder at a time, and the next one's turn comes when the holder lets go. */
export class FifoLock {
  #held = false
  readonly #waiting: (() => void)[] = []

  /** Resolves to the function that lets go; calling it again does nothing. */
  acquire(): Promise<() => void> {
    if (!this.#held) {
      this.#held = true
      return Promise.resolve(this.#release())
    }
    return new Promise((resolve) => this.#waiting.push(() => resolve(this.#release())))
  }

  #release(): () => void {
    let released = false
    return () => {
      if (released) return
      released = true
      const next = this.#waiting.shift()
      if (next) next()
      else this.#held = false
    }
  }
}
