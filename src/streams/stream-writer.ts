/**
 * The pen of a task's attempt: what is written is gathered while a commit is under way and goes with the next.
 *
 * What was not yet committed when the attempt ends is taken by `remainder`, to be committed together with the final status.
 */
import type { ChunkCommitter } from './chunk-committer.ts'
import type { ChunkKind, NewChunk } from './stream.ts'
import { APPEND_LIMIT, type Append } from './streams-append.ts'

/** Beyond this the writer makes its producer wait. */
const PENDING_CHUNKS = 4 * APPEND_LIMIT

export class StreamWriter {
  #lastSeq = -1
  #pending: NewChunk[] = []
  #flushing: Promise<void> | null = null
  #failure: unknown = null

  constructor(
    readonly streamId: string,
    readonly committer: ChunkCommitter,
    /** Told once when the stream does not take any more. */
    readonly onRefused: (error: unknown) => void,
  ) {}

  /** Adds a chunk. Resolves at once while the database keeps up. */
  async write(kind: ChunkKind, content: string): Promise<void> {
    if (this.#failure) throw this.#failure
    if (!content) return
    this.#pending.push({ kind, content })
    this.#flushing ??= this.#flush()
    if (this.#pending.length > PENDING_CHUNKS) await this.#flushing
  }

  async #flush(): Promise<void> {
    try {
      while (this.#pending.length && !this.#failure) {
        const chunks = this.#pending.slice(0, APPEND_LIMIT)
        this.#pending = this.#pending.slice(APPEND_LIMIT)
        await this.committer.append({ streamId: this.streamId, afterSeq: this.#lastSeq, chunks })
        this.#lastSeq += chunks.length
      }
    } catch (error) {
      this.#failure = error
      this.onRefused(error)
    } finally {
      this.#flushing = null
    }
  }

  /** Waits for what is being committed and hands over what is not; null where nothing is left or the stream was refused. */
  async remainder(): Promise<Append | null> {
    const left = this.#pending
    // Taken out before waiting, so that the flush under way ends after its present group.
    this.#pending = []
    await this.#flushing
    if (this.#failure || !left.length) return null
    return { streamId: this.streamId, afterSeq: this.#lastSeq, chunks: left }
  }
}
