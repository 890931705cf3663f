import { ProviderFailed } from '../providers/provider-errors.ts'
import type { ChosenEmbedding } from '../providers/providers.ts'
import type { CallEnding, Meter } from '../usage/meter.ts'
import { countTokens } from '../usage/tokens.ts'
import type { EmbeddingUse } from './embedders.ts'

/** A call of a provider's model: written down before it is made, held to the budgets, and settled however it ends. */
export function metered(meter: Meter | null, { provider, model, maxTokens, embed }: ChosenEmbedding, { ownerId, task }: EmbeddingUse) {
  return async (texts: readonly string[], signal: AbortSignal): Promise<Float32Array[]> => {
    const given = await Promise.all(texts.map((text) => fitting(text, maxTokens)))
    signal.throwIfAborted()
    const call = await meter?.begin({
      ownerId,
      provider,
      model,
      inputTokens: given.reduce((sum, { tokens }) => sum + tokens, 0),
      maxOutputTokens: 0,
      taskId: task?.id ?? null,
      taskType: task?.type ?? null,
      attempt: task?.attempt ?? null,
      step: 1,
      streamId: null,
      conversationId: null,
      messageId: null,
    })
    const beganAt = performance.now()
    const end = (ending: Pick<CallEnding, 'status' | 'error' | 'tokens' | 'isCut'>) =>
      call?.end({ ...ending, timeToFirstTokenMs: null, durationMs: Math.round(performance.now() - beganAt), finishReason: null })
    try {
      const { vectors, tokens } = await embed(
        given.map(({ text }) => text),
        signal,
      )
      await end({
        status: 'COMPLETED',
        error: null,
        tokens: tokens === null ? null : { inputTokens: tokens, cachedInputTokens: null, outputTokens: 0, reasoningTokens: null },
      })
      return vectors
    } catch (error) {
      const isCut = signal.aborted || (error instanceof ProviderFailed && error.isLate)
      await end({ status: signal.aborted ? 'CANCELLED' : 'FAILED', error: (error as Error).message ?? null, tokens: null, isCut })
      throw error
    }
  }
}

/** A little less than the model reads, for its count is not ours. */
const ROOM = 0.9

async function fitting(text: string, maxTokens: number | null): Promise<{ text: string; tokens: number }> {
  const tokens = await countTokens(text)
  const most = maxTokens === null ? tokens : Math.floor(maxTokens * ROOM)
  if (tokens <= most) return { text, tokens }
  // By its share of the characters; where the beginning is the denser part, again.
  return fitting(text.slice(0, Math.max(1, Math.floor((text.length * most) / tokens) - 1)), maxTokens)
}
