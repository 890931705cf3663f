/** A place in the log, and what follows it. */

export interface WatchOptions {
  /** Go on behind this `cursor` of an earlier change, instead of beginning with how it stands now. */
  after?: string
  signal?: AbortSignal
}

/** Changes as they come, in the order of their commits, each once. Ends by `break`, by `return()` or by the signal. */
export class Watch<Change extends { cursor: string }> implements AsyncIterableIterator<Change> {
  /** Resolves once it is known from where on it watches: what is changed after that is told. */
  readonly ready: Promise<void>
  readonly #ending = new AbortController()
  readonly #changes: AsyncGenerator<Change, void, void>
  #cursor: string | null = null

  /** `begin` finds the place where to begin; `changes` tells what follows it, and moves the place on. */
  constructor(
    begin: () => Promise<{ cursor: string; first?: Change[] }>,
    changes: (place: { cursor: string }, signal: AbortSignal) => AsyncGenerator<Change, void, void>,
    signal?: AbortSignal,
  ) {
    const stop = () => this.#ending.abort()
    if (signal?.aborted) stop()
    signal?.addEventListener('abort', stop, { signal: this.#ending.signal })
    const begun = begin()
    this.ready = begun.then(({ cursor }) => {
      this.#cursor ??= cursor
    })
    // Whoever iterates is told.
    this.ready.catch(() => {})
    const ending = this.#ending.signal
    const told = (change: Change): Change => {
      this.#cursor = change.cursor
      return change
    }
    this.#changes = (async function* () {
      const { cursor, first = [] } = await begun
      for (const change of first) {
        if (ending.aborted) return
        yield told(change)
      }
      for await (const change of changes({ cursor }, ending)) yield told(change)
    })()
  }

  /** That of the last change that was taken, to go on from with `after`; null before it is ready. */
  get cursor(): string | null {
    return this.#cursor
  }

  next(): Promise<IteratorResult<Change, void>> {
    return this.#changes.next()
  }

  async return(): Promise<IteratorResult<Change, void>> {
    // A generator that waits hears of its end only by the signal.
    this.#ending.abort()
    return this.#changes.return()
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}
