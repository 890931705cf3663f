/** Names for prepared statements, so that PostgreSQL parses and plans a text once a connection. */
import { createHash } from 'node:crypto'

const NAMED_FROM_RUN = 3
const MAX_NAMES = 500
const MAX_SEEN = 2_000

/**
 * A connection keeps every named statement for as long as it lives. So only a text that comes again is given a name, and
 * only so many are: lists of changing length make ever new texts.
 */
export class StatementNames {
  readonly #names = new Map<string, string>()
  readonly #runs = new Map<string, number>()

  /** The text's name, or undefined while it is not worth one. */
  of(text: string): string | undefined {
    const name = this.#names.get(text)
    if (name !== undefined || this.#names.size >= MAX_NAMES) return name
    const runs = (this.#runs.get(text) ?? 0) + 1
    if (runs < NAMED_FROM_RUN) {
      if (this.#runs.size >= MAX_SEEN) this.#runs.clear()
      this.#runs.set(text, runs)
      return undefined
    }
    this.#runs.delete(text)
    const fresh = `h${createHash('sha256').update(text).digest('base64url').slice(0, 20)}`
    this.#names.set(text, fresh)
    return fresh
  }
}
