/**
 * A stream in the tongue of the AI SDK's UI message stream, so that `useChat` and whatever else speaks it can read it, from its first
 * chunk on: the message is built anew from its parts.
 */
import type { UIMessageChunk } from 'ai'
import { type Chunk, isFinal, type StreamStatus } from './stream.ts'
import type { StreamUpdate } from './stream-hub.ts'

/** One stream to be told. */
export interface UiStream {
  id: string
  globalId: string
  updates: AsyncIterable<StreamUpdate>
}

export interface UiHost {
  /** Why a stream ended as it did. */
  errorOf(id: string): Promise<string | null>
  /** Where its task writes on; null where it does not, or nobody wants to know. */
  next(id: string): Promise<UiStream | null>
  /** Whether the reader was cut off, so that nothing more is to be said. */
  isCut(): boolean
}

/**
 * The parts of the message that a stream makes. Parts cannot be taken back: where an attempt was lost and the next one begins anew, a part
 * `data-restart` says so, and what stands behind the last one of these is the message.
 */
export async function* uiParts(first: UiStream, { errorOf, next, isCut }: UiHost): AsyncGenerator<UIMessageChunk> {
  yield { type: 'start', messageId: first.globalId }
  const open = new OpenPart()
  for (let stream = first; ; ) {
    yield { type: 'start-step' }
    let status: StreamStatus | null = null
    for await (const update of stream.updates) {
      for (const chunk of joined(update.chunks)) yield* open.take(chunk)
      status = update.status
    }
    // Ended from elsewhere: whoever ended it says how.
    if (!status || !isFinal(status)) return
    yield* open.close()
    const following = status === 'COMPLETED' ? null : await next(stream.id)
    if (isCut()) return
    if (!following) return yield* ending(status, () => errorOf(stream.id))
    yield { type: 'finish-step' }
    yield { type: 'data-restart', data: { streamId: following.globalId, ended: { streamId: stream.globalId, status, error: await errorOf(stream.id) } } }
    stream = following
  }
}

async function* ending(status: StreamStatus, errorOf: () => Promise<string | null>): AsyncGenerator<UIMessageChunk> {
  if (status === 'CANCELLED') yield { type: 'abort', reason: (await errorOf()) ?? 'It was cancelled.' }
  else if (status !== 'COMPLETED') yield { type: 'error', errorText: (await errorOf()) ?? `The stream is ${status}.` }
  yield { type: 'finish-step' }
  yield { type: 'finish', finishReason: status === 'COMPLETED' ? 'stop' : status === 'CANCELLED' ? 'other' : 'error' }
}

/** Neighbours of one kind as one piece, where pieces may be joined. */
function* joined(chunks: readonly Chunk[]): Generator<Pick<Chunk, 'kind' | 'content'>> {
  let last: Pick<Chunk, 'kind' | 'content'> | null = null
  for (const { kind, content } of chunks) {
    if (last && last.kind === kind && (kind === 'TEXT' || kind === 'REASONING')) {
      last = { kind, content: last.content + content }
      continue
    }
    if (last) yield last
    last = { kind, content }
  }
  if (last) yield last
}

/** The part that words are added to; another kind begins another one. */
class OpenPart {
  #open: { kind: 'text' | 'reasoning'; id: string } | null = null
  #made = 0;

  *take({ kind, content }: Pick<Chunk, 'kind' | 'content'>): Generator<UIMessageChunk> {
    if (kind !== 'TEXT' && kind !== 'REASONING') {
      yield* this.close()
      yield toolOrData(kind, content)
      return
    }
    const type = kind === 'TEXT' ? 'text' : 'reasoning'
    if (this.#open?.kind !== type) {
      yield* this.close()
      this.#open = { kind: type, id: `${type}-${this.#made++}` }
      yield { type: `${type}-start`, id: this.#open.id }
    }
    yield { type: `${type}-delta`, id: this.#open.id, delta: content }
  }

  *close(): Generator<UIMessageChunk> {
    if (this.#open) yield { type: `${this.#open.kind}-end`, id: this.#open.id }
    this.#open = null
  }
}

/** Calls and results as this server's models write them, or as the AI SDK names them; all else is data, as it was written. */
function toolOrData(kind: 'TOOL_CALL' | 'TOOL_RESULT' | 'DATA', content: string): UIMessageChunk {
  const value = parsed(content)
  const fields = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>
  const [toolCallId, toolName] = [fields.callId ?? fields.toolCallId, fields.name ?? fields.toolName]
  if (kind === 'TOOL_CALL' && typeof toolCallId === 'string' && typeof toolName === 'string')
    return { type: 'tool-input-available', toolCallId, toolName, input: fields.input ?? null, dynamic: true }
  if (kind === 'TOOL_RESULT' && typeof toolCallId === 'string') {
    const output = fields.output ?? null
    if (fields.isError === true)
      return { type: 'tool-output-error', toolCallId, errorText: typeof output === 'string' ? output : JSON.stringify(output), dynamic: true }
    return { type: 'tool-output-available', toolCallId, output, dynamic: true }
  }
  return { type: `data-${kind.toLowerCase().replace('_', '-')}`, data: value }
}

function parsed(content: string): unknown {
  try {
    return JSON.parse(content)
  } catch {
    return content
  }
}
