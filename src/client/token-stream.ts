/** A stream of a model's, or a program's, words. */
import { HoldfastError, NotFound } from './errors.ts'
import { follow } from './follow.ts'
import { type StreamChunk, StreamChunk_FIELDS, type StreamStatus } from './schema.ts'
import type { Transport } from './transport.ts'

export interface StreamOptions {
  /** Go on behind this seq; -1, from the beginning. */
  afterSeq?: number
  signal?: AbortSignal
}

/** The stream ended without being complete; what it said so far was told. */
export class StreamNotCompleted extends HoldfastError {
  constructor(
    readonly status: Exclude<StreamStatus, 'COMPLETED' | 'PENDING' | 'STREAMING'>,
    readonly lastSeq: number,
    /** Its task: where INTERRUPTED, its next attempt writes another stream. */
    readonly taskId: string | null,
    message: string,
  ) {
    super([{ code: 'STREAM_NOT_COMPLETED', message }])
  }
}

interface Update {
  streamChunks: { chunks: StreamChunk[]; lastSeq: number; status: StreamStatus }
}

const FINAL = ['COMPLETED', 'FAILED', 'CANCELLED', 'INTERRUPTED']
const QUERY = `subscription ($id: ID!, $afterSeq: Int!) { streamChunks(streamId: $id, afterSeq: $afterSeq) { lastSeq status chunks { ${StreamChunk_FIELDS} } } }`

/** The attempt that wrote the stream was lost, or failed: what was said counts no more, and the next one begins anew. */
export interface StreamRestart {
  readonly kind: 'RESTART'
  /** The next attempt's stream, from which all that follows is. */
  readonly streamId: string
  readonly ended: {
    readonly streamId: string
    readonly status: StreamStatus
    readonly lastSeq: number
    readonly error: string | null
    readonly taskId: string | null
  }
}

/** Chunks as they come, each once, through broken connections and restarts of the server. */
export class TokenStream implements AsyncIterable<StreamChunk> {
  /** Of the last chunk that was told: with it as `afterSeq` one goes on. */
  lastSeq: number
  /** As of the last message; null before the first. */
  status: StreamStatus | null = null
  readonly #transport: Transport

  constructor(
    transport: Transport,
    readonly id: string,
    readonly options: StreamOptions = {},
  ) {
    this.#transport = transport
    this.lastSeq = options.afterSeq ?? -1
  }

  /** Ends once the stream is COMPLETED, and throws `StreamNotCompleted` where it ends otherwise. A second loop goes on where the first one broke off. */
  async *[Symbol.asyncIterator](): AsyncGenerator<StreamChunk, void, void> {
    const ending = new AbortController()
    const stop = () => ending.abort()
    if (this.options.signal?.aborted) stop()
    this.options.signal?.addEventListener('abort', stop)
    try {
      const variables = () => ({ id: this.id, afterSeq: this.lastSeq })
      for await (const { streamChunks: update } of follow<Update>(this.#transport, QUERY, variables, ending.signal)) {
        for (const chunk of update.chunks) {
          this.lastSeq = chunk.seq
          yield chunk
        }
        this.status = update.status
        if (FINAL.includes(update.status)) break
      }
    } finally {
      this.options.signal?.removeEventListener('abort', stop)
      stop()
    }
    if (this.status && FINAL.includes(this.status) && this.status !== 'COMPLETED') throw await this.#notCompleted()
  }

  /** All its words from here on, once it is complete. */
  async text(): Promise<string> {
    let text = ''
    for await (const { kind, content } of this) if (kind === 'TEXT') text += content
    return text
  }

  async #notCompleted(): Promise<HoldfastError> {
    const query = 'query ($id: ID!) { stream(id: $id) { status error task { id } } }'
    const { stream } = await this.#transport.ask<{ stream: { status: StreamStatus; error: string | null; task: { id: string } | null } | null }>(query, {
      id: this.id,
    })
    if (!stream) return new NotFound([{ code: 'NOT_FOUND', message: 'Stream not found.' }])
    return new StreamNotCompleted(
      this.status as 'FAILED',
      this.lastSeq,
      stream.task?.id ?? null,
      `The stream is ${this.status}${stream.error ? `: ${stream.error}` : '.'}`,
    )
  }
}
