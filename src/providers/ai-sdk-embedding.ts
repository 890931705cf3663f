/** Vectors of texts from any model of the AI SDK. */
import { type EmbeddingModel, embedMany } from 'ai'
import { failureOf } from './ai-sdk-failure.ts'
import { ProviderFailed } from './provider-errors.ts'

export interface Embedded {
  /** In the order of the texts, as the model makes them. */
  vectors: Float32Array[]
  /** The provider's own count; null where it did not say. */
  tokens: number | null
}

export interface Embedding {
  /** Struck out of whatever the provider says about a failure. */
  secrets: string[]
  signal: AbortSignal
}

export async function embedFromSdk(provider: string, model: EmbeddingModel, texts: readonly string[], { secrets, signal }: Embedding): Promise<Embedded> {
  try {
    // Whoever asks retries, and knows of it.
    const { embeddings, usage } = await embedMany({ model, values: [...texts], maxRetries: 0, abortSignal: signal })
    if (embeddings.length !== texts.length)
      throw new ProviderFailed(provider, `it answered ${embeddings.length} vectors for ${texts.length} texts`, { retryable: false })
    return { vectors: embeddings.map((numbers) => Float32Array.from(numbers)), tokens: usage.tokens > 0 ? usage.tokens : null }
  } catch (error) {
    if (signal.aborted) throw signal.reason
    throw failureOf(provider, error, secrets)
  }
}
