import type { ChatMessage, Ending, GenerationPart, GenerationRequest } from './provider.ts'
import { ProviderFailed } from './provider-errors.ts'

/** A turn of a model that knows no tools. */
export interface PlainMessage {
  role: 'system' | 'user' | 'assistant'
  content: string
}

/** What tools said in earlier answers stays in the conversation, as words. */
const plain = (message: ChatMessage): PlainMessage[] => {
  if (message.role === 'tool')
    return [{ role: 'user', content: `${message.name} answered: ${typeof message.output === 'string' ? message.output : JSON.stringify(message.output)}` }]
  return message.content ? [{ role: message.role, content: message.content }] : []
}

/** For a provider that only says words, all in one call: what it cannot do is refused, and its call is told. */
export async function* plainStream(
  provider: string,
  request: GenerationRequest,
  stream: (messages: PlainMessage[], signal: AbortSignal) => AsyncGenerator<GenerationPart, Ending, undefined>,
): AsyncGenerator<GenerationPart, Ending, undefined> {
  if (request.tools?.length) throw new ProviderFailed(provider, 'this model cannot call tools; ask one that can, or leave the tools out', { retryable: false })
  const messages = request.messages.flatMap(plain)
  await request.calls?.begin({
    input: [...messages.map(({ content }) => content), ...(request.schema === undefined ? [] : [JSON.stringify(request.schema)])],
    maxOutputTokens: request.maxOutputTokens ?? null,
  })
  const late = new AbortController()
  const { callTimeoutMs } = request
  const timer =
    callTimeoutMs !== undefined &&
    setTimeout(
      () => late.abort(new ProviderFailed(provider, `The answer took longer than ${callTimeoutMs / 1000} s.`, { retryable: true, isLate: true })),
      callTimeoutMs,
    )
  const parts = stream(messages, AbortSignal.any([request.signal, late.signal]))
  try {
    let hasBegun = false
    for (;;) {
      const next = await parts.next()
      if (next.done) {
        const { finishReason, inputTokens, outputTokens } = next.value
        request.calls?.ended({ finishReason, tokens: { inputTokens, cachedInputTokens: null, outputTokens, reasoningTokens: null } })
        return next.value
      }
      if (!hasBegun) request.calls?.answered()
      hasBegun = true
      yield next.value
    }
  } finally {
    if (timer) clearTimeout(timer)
    await parts.return({ finishReason: 'abandoned', inputTokens: null, outputTokens: null })
  }
}
