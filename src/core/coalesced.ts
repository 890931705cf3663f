/**
 * A job that many ask for: never two at once, and one more run after each that was asked while it ran. The promise answers
 * all who asked before its last run began. `act` reports its own failures.
 */
export function coalesced(act: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | null = null
  let again = false
  const run = async (): Promise<void> => {
    try {
      while (again) {
        again = false
        await act()
      }
    } finally {
      // In the same step as the last look at `again`: who asks from here on starts a run of their own.
      running = null
    }
  }
  return () => {
    again = true
    running ??= run()
    return running
  }
}
