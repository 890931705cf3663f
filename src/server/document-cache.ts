/** The documents parsed last, bounded by the length of their texts: a parsed document takes some 60 bytes a character. */
const MAX_CHARS = 1_000_000
const MAX_DOCUMENT_CHARS = 50_000

/** For Yoga's cache of documents and of syntax errors. */
export class DocumentCache<V> {
  readonly #kept = new Map<string, V>()
  #chars = 0

  get(source: string): V | undefined {
    const value = this.#kept.get(source)
    if (value === undefined) return undefined
    // The order of a Map is the order of insertion: what was just used goes to its end.
    this.#kept.delete(source)
    this.#kept.set(source, value)
    return value
  }

  set(source: string, value: V): void {
    if (source.length > MAX_DOCUMENT_CHARS) return
    if (!this.#kept.delete(source)) this.#chars += source.length
    this.#kept.set(source, value)
    for (const oldest of this.#kept.keys()) {
      if (this.#chars <= MAX_CHARS) return
      this.#kept.delete(oldest)
      this.#chars -= oldest.length
    }
  }
}
