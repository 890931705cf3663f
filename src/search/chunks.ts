/** Cuts a text into chunks, whole paragraphs where they fit. */
import { createHash } from 'node:crypto'
import { split } from 'llm-splitter'
import type { CollectionValues } from './collection.ts'
import { splitWords } from './words.ts'

export interface Chunk {
  text: string
  /** Where it stands in the whole text, in characters as both databases and Unicode count them. */
  startAt: number
  endAt: number
  /** Of what it says. */
  hash: string
}

/** What has no words, or one word as long as a book, is cut by length. */
const MAX_CHUNK_CHARACTERS = 20_000

export function chunksOf(text: string, { chunkWords, overlapWords }: Pick<CollectionValues, 'chunkWords' | 'overlapWords'>): Chunk[] {
  const parts =
    splitWords(text, chunkWords + 1).length <= chunkWords
      ? []
      : split(text, { chunkSize: chunkWords, chunkOverlap: overlapWords, chunkStrategy: 'paragraph', splitter: splitWords })
  const ranges = parts.length ? parts.map(({ start, end }) => [start, end] as const) : [[0, text.length] as const]
  const place = counter(text)
  return ranges
    .flatMap(([start, end]) => cut(text, start, end))
    .map(([start, end]) => {
      const part = text.slice(start, end)
      return { text: part, startAt: place(start), endAt: place(end), hash: hashOf(part) }
    })
}

/** How many characters are before a place, of which some take two units. */
function counter(text: string): (unit: number) => number {
  const pairs = Array.from(text.matchAll(/[\ud800-\udbff][\udc00-\udfff]/g), ({ index }) => index)
  if (!pairs.length) return (unit) => unit
  return (unit) => {
    let [low, high] = [0, pairs.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (pairs[middle]! < unit) low = middle + 1
      else high = middle
    }
    return unit - low
  }
}

function cut(text: string, start: number, end: number): [number, number][] {
  const pieces: [number, number][] = []
  for (let from = start; from < end; ) {
    let to = Math.min(end, from + MAX_CHUNK_CHARACTERS)
    // Not in the middle of a sign that takes two units.
    if (to < end && /[\udc00-\udfff]/.test(text[to]!)) to--
    pieces.push([from, to])
    from = to
  }
  return pieces
}

const hashOf = (text: string): string => createHash('sha256').update(text).digest('base64url').slice(0, 22)
