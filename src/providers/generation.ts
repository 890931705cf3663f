import type { Ending, Generation, GenerationOutcome, GenerationPart } from './provider.ts'

/** Makes a provider's stream a generation: times it, and settles `outcome` however the reading ends. */
export function generationOf(provider: string, model: string, signal: AbortSignal, stream: AsyncGenerator<GenerationPart, Ending, undefined>): Generation {
  let settle!: { done: (outcome: GenerationOutcome) => void; failed: (reason: unknown) => void }
  const outcome = new Promise<GenerationOutcome>((done, failed) => {
    settle = { done, failed }
  })
  // Who only reads the parts has seen the error there; it must not end the server as an unhandled rejection.
  outcome.catch(() => {})

  async function* parts(): AsyncGenerator<GenerationPart, void, undefined> {
    const startedAt = performance.now()
    let timeToFirstTokenMs: number | null = null
    try {
      signal.throwIfAborted()
      for (;;) {
        const next = await stream.next()
        if (next.done) {
          const { finishReason, inputTokens, outputTokens } = next.value
          settle.done({ finishReason, usage: { inputTokens, outputTokens, timeToFirstTokenMs, durationMs: Math.round(performance.now() - startedAt) } })
          return
        }
        timeToFirstTokenMs ??= Math.round(performance.now() - startedAt)
        yield next.value
      }
    } catch (error) {
      // However a provider words it: what was cancelled has not failed.
      const reason = signal.aborted ? signal.reason : error
      settle.failed(reason)
      throw reason
    } finally {
      await stream.return({ finishReason: 'abandoned', inputTokens: null, outputTokens: null })
      settle.failed(new DOMException('The reader left before the answer ended.', 'AbortError'))
    }
  }

  return { provider, model, parts: parts(), outcome }
}
