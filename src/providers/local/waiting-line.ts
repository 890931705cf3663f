export interface WaitingLine {
  /** Settles when it is one's turn, with the function that passes the turn on. Who aborts while waiting leaves at once. */
  enter(signal: AbortSignal): Promise<() => void>
}

/** First come, first served, one at a time. */
export function waitingLine(): WaitingLine {
  let last: Promise<void> = Promise.resolve()
  return {
    async enter(signal) {
      const before = last
      let leave!: () => void
      const left = new Promise<void>((resolve) => {
        leave = resolve
      })
      // Also behind those in front: who leaves early must not let the next one overtake them.
      last = before.then(() => left)
      try {
        await unlessAborted(before, signal)
      } catch (error) {
        leave()
        throw error
      }
      return leave
    },
  }
}

function unlessAborted(turn: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) return abort()
    signal.addEventListener('abort', abort, { once: true })
    void turn.then(() => {
      signal.removeEventListener('abort', abort)
      resolve()
    })
  })
}
