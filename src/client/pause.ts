/** How long to wait before the next try: 0.1 s and then ever longer, up to 2 s, each a little at random so that many clients do not come at once. */
export const pauseAfter = (failures: number): number => Math.min(2000, 100 * 2 ** Math.min(failures, 10)) * (0.5 + Math.random() / 2)

/** Resolves after so long, or as soon as it is of no use any more. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve()
    const end = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal?.addEventListener('abort', end)
  })
}
