/** The words of a task, through as many attempts as it takes. */
import { outlive } from './follow.ts'
import type { StreamChunk, StreamStatus } from './schema.ts'
import { StreamNotCompleted, type StreamOptions, type StreamRestart } from './token-stream.ts'
import type { Transport } from './transport.ts'

interface Ended {
  status: StreamStatus
  lastSeq: number
  error: string | null
  taskId: string | null
}

type Said = { chunk: StreamChunk } | { restart: StreamRestart } | { ended: Ended }

/** As a `TokenStream`; where an attempt is lost it says so by a `RESTART`, and goes on in the next one's stream from its beginning. */
export class TaskStream implements AsyncIterable<StreamChunk | StreamRestart> {
  readonly #transport: Transport
  /** In whichever stream it has come to. */
  #place: string | null

  constructor(
    transport: Transport,
    readonly id: string,
    readonly options: StreamOptions = {},
  ) {
    this.#transport = transport
    this.#place = options.afterSeq === undefined ? null : String(options.afterSeq)
  }

  /** Ends once a stream is COMPLETED, and throws `StreamNotCompleted` where there is no further attempt. */
  async *[Symbol.asyncIterator](): AsyncGenerator<StreamChunk | StreamRestart, void, void> {
    const ending = new AbortController()
    const stop = () => ending.abort()
    if (this.options.signal?.aborted) stop()
    this.options.signal?.addEventListener('abort', stop)
    let ended: Ended | null = null
    try {
      for await (const said of outlive((connection) => this.#said(connection), ending.signal)) {
        if ('chunk' in said) yield said.chunk
        else if ('restart' in said) yield said.restart
        else ended = said.ended
      }
    } finally {
      this.options.signal?.removeEventListener('abort', stop)
      stop()
    }
    if (ended && ended.status !== 'COMPLETED') {
      const message = `The stream is ${ended.status}${ended.error ? `: ${ended.error}` : '.'}`
      throw new StreamNotCompleted(ended.status as 'FAILED', ended.lastSeq, ended.taskId, message)
    }
  }

  /** The words of the attempt that completed it. */
  async text(): Promise<string> {
    let text = ''
    for await (const part of this) {
      if (part.kind === 'RESTART') text = ''
      else if (part.kind === 'TEXT') text += part.content
    }
    return text
  }

  async *#said(signal: AbortSignal): AsyncGenerator<Said, boolean, void> {
    const events = this.#transport.door(`/streams/${encodeURIComponent(this.id)}?follow=task`, this.#place, signal)
    try {
      for (;;) {
        const step = await events.next()
        if (step.done) return step.value
        const { id, event, data } = step.value
        const value = JSON.parse(data)
        if (id !== null) this.#place = id
        if (event === 'chunk') yield { chunk: value }
        if (event === 'restart') yield { restart: { kind: 'RESTART', ...value } }
        if (event === 'status') yield { ended: value }
      }
    } finally {
      await events.return(true)
    }
  }
}
