/** What is known of models without asking: the tables that come with the prices. */
import { calcPrice } from '@pydantic/genai-prices'

/** Null where the tables do not hold the provider, or the model. */
export function knownContextLength(baseUrl: string, model: string): number | null {
  try {
    return calcPrice({ input_tokens: 1, output_tokens: 1 }, model, { providerApiUrl: baseUrl })?.model.context_window ?? null
  } catch {
    // It throws where a model has no price for what it is asked, as one of embeddings.
    return null
  }
}
