import type { CallLimits } from './call-limits.ts'
import type { Provider } from './provider.ts'
import { ProviderFailed } from './provider-errors.ts'
import type { Noted } from './wire.ts'

/** Holds a provider to its limits that is not called over HTTP, where the wire does it. */
export function limited<P extends Provider>(provider: P, limits: CallLimits, timeoutSeconds: number | null, noted: Noted): P {
  return {
    ...provider,
    async *stream(model, request) {
      const waitMs = await limits.count()
      if (waitMs !== null)
        throw new ProviderFailed(provider.name, `It is asked at most ${limits.requestsPerMinute} times a minute from here, as its settings say.`, {
          retryable: true,
          retryAfterMs: waitMs,
        })
      const ending = new AbortController()
      let leave: (() => void) | undefined
      const tooLong = () =>
        ending.abort(new ProviderFailed(provider.name, `it took longer than ${timeoutSeconds} s in all`, { retryable: true, isLate: leave !== undefined }))
      const timer = timeoutSeconds === null ? undefined : setTimeout(tooLong, timeoutSeconds * 1000)
      const signal = AbortSignal.any([request.signal, ending.signal])
      try {
        leave = await limits.enter(signal)
        const end = yield* provider.stream(model, { ...request, signal })
        noted(null)
        return end
      } catch (error) {
        if (error instanceof ProviderFailed) noted(error.message.replace(`${provider.name}: `, ''))
        throw error
      } finally {
        clearTimeout(timer)
        leave?.()
      }
    },
  }
}
