import type { StreamWriter } from '../../streams/stream-writer.ts'
import { printedTooMuch } from './snippet-errors.ts'

/** Of all that a snippet prints. */
const MAX_PRINTED_BYTES = 1_000_000
/** What the result keeps of each of the two outputs. */
export const KEPT_CHARACTERS = 65_536
/** What is printed meanwhile goes into one chunk. */
const GATHER_MS = 20

/** What a snippet prints: in the stream as it comes, standard output as TEXT and standard error as DATA; the beginning of each kept for the result. */
export class SnippetOutput {
  readonly #kept = { stdout: '', stderr: '' }
  readonly #length = { stdout: 0, stderr: 0 }
  #bytes = 0

  constructor(readonly stream: StreamWriter) {}

  /** Pending as long as the next piece shall wait. */
  async take(from: 'stdout' | 'stderr', text: string): Promise<void> {
    this.#bytes += Buffer.byteLength(text)
    if (this.#bytes > MAX_PRINTED_BYTES) throw printedTooMuch(MAX_PRINTED_BYTES)
    this.#kept[from] += text.slice(0, KEPT_CHARACTERS - this.#kept[from].length)
    this.#length[from] += text.length
    if (from === 'stdout') await this.stream.write('TEXT', text)
    else await this.stream.write('DATA', JSON.stringify({ stderr: text }))
    await new Promise((resolve) => setTimeout(resolve, GATHER_MS))
  }

  get result(): { stdout: string; stdoutTruncated: boolean; stderr: string; stderrTruncated: boolean } {
    const isTruncated = (from: 'stdout' | 'stderr') => this.#length[from] > this.#kept[from].length
    return { stdout: this.#kept.stdout, stdoutTruncated: isTruncated('stdout'), stderr: this.#kept.stderr, stderrTruncated: isTruncated('stderr') }
  }
}
