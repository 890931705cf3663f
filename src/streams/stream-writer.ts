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
  /** The first half of a character whose other half comes with the next piece: alone it has no UTF-8. */
  #half: NewChunk | null = null
  #lastSeq = -1
  #pending: NewChunk[] = []
  #flushing: Promise<void> | null = null
  #failure: unknown = null

  constructor(
    readonly streamId: string,
    readonly attempt: number,
    readonly committer: Pick<ChunkCommitter, 'append'>,
    /** Told once when the stream does not take any more. */
    readonly onRefused: (error: unknown) => void,
  ) {}

  /** Adds a chunk. Resolves at once while the database keeps up. */
  async write(kind: ChunkKind, content: string): Promise<void> {
    if (this.#failure) throw this.#failure
    this.#add({ kind, content })
    if (!this.#pending.length) return
    this.#flushing ??= this.#flush()
    if (this.#pending.length > PENDING_CHUNKS) await this.#flushing
  }

  #add({ kind, content }: NewChunk): void {
    const half = this.#half
    this.#half = null
    if (half && half.kind !== kind) this.#pending.push(half)
    let text = half?.kind === kind ? half.content + content : content
    if (/[\ud800-\udbff]$/.test(text)) {
      this.#half = { kind, content: text.slice(-1) }
      text = text.slice(0, -1)
    }
    if (text) this.#pending.push({ kind, content: text })
  }

  async #flush(): Promise<void> {
    try {
      while (this.#pending.length && !this.#failure) {
        const chunks = this.#pending.slice(0, APPEND_LIMIT)
        this.#pending = this.#pending.slice(APPEND_LIMIT)
        await this.committer.append({ streamId: this.streamId, attempt: this.attempt, afterSeq: this.#lastSeq, chunks })
        this.#lastSeq += chunks.length
      }
    } catch (error) {
      this.#failure = error
      this.onRefused(error)
    } finally {
      this.#flushing = null
    }
  }

  /** Waits for what is being committed and hands over what is not, in parts that fit a statement. Nothing can be written after this. */
  async remainder(): Promise<Append[]> {
    const left = this.#half ? [...this.#pending, this.#half] : this.#pending
    const refused = this.#failure !== null
    this.#failure ??= new WriterClosed()
    // Taken out before waiting, so that the flush under way ends after its present group.
    this.#pending = []
    await this.#flushing
    if (refused || !(this.#failure instanceof WriterClosed)) return []
    return Array.from({ length: Math.ceil(left.length / APPEND_LIMIT) }, (_, part) => ({
      streamId: this.streamId,
      attempt: this.attempt,
      afterSeq: this.#lastSeq + part * APPEND_LIMIT,
      chunks: left.slice(part * APPEND_LIMIT, (part + 1) * APPEND_LIMIT),
    }))
  }
}

class WriterClosed extends Error {
  constructor() {
    super('The attempt has ended; its streams take nothing more.')
  }
}
