/** A stream as the AI SDK's UI message stream (protocol v1), from its first chunk to `[DONE]`. */
import { ReadableStream } from 'node:stream/web'
import type { UIMessageChunk } from 'ai'
import { readStreamEnd } from '../streams/stream-read.ts'
import { uiParts } from '../streams/stream-ui-parts.ts'
import { SSE_HEADERS } from './sse.ts'
import type { StreamSource } from './stream-events.ts'

/** Loaded when it is first asked for: it is large, and most servers never are. */
const sdk = () => import('ai')

export async function uiHeaders(): Promise<Record<string, string>> {
  const { connection: _ours, ...headers } = (await sdk()).UI_MESSAGE_STREAM_HEADERS
  return { ...headers, ...SSE_HEADERS }
}

class Cut extends Error {}

export async function* uiEvents(source: StreamSource): AsyncGenerator<Uint8Array, void, void> {
  const { JsonToSseTransformStream } = await sdk()
  const encoder = new TextEncoder()
  const parts = ReadableStream.from<UIMessageChunk>(toldParts(source)).pipeThrough<string>(new JsonToSseTransformStream() as never)
  // Where the parts fail, so does this, and the connection is cut: `[DONE]` says that all was said.
  for await (const text of parts) yield encoder.encode(text)
}

async function* toldParts({ first, next, database, endedBy, tell }: StreamSource): AsyncGenerator<UIMessageChunk, void, void> {
  const host = {
    errorOf: async (id: string) => (await readStreamEnd(database, id)).error,
    next: async (id: string) => (endedBy() === null ? next(id) : null),
    isCut: () => endedBy() !== null,
  }
  try {
    yield* uiParts(first, host)
  } catch (error) {
    yield { type: 'error', errorText: tell(error).message }
    return
  }
  const reason = endedBy()
  if (reason === 'silent') throw new Cut('The connection ends before the stream does.')
  if (reason) yield { type: 'error', errorText: reason.message }
}
