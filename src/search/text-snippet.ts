/** The part of a text that shows best why it was found. */
import type { Language } from './language.ts'
import type { Terms } from './text-query.ts'
import { type Word, wordsOf } from './words.ts'

export interface Snippet {
  text: string
  /** Where in it the words stand that were searched, in UTF-16 units as JavaScript counts them. */
  highlights: { start: number; end: number }[]
}

const MAX_LENGTH = 240
/** So much is shown before the first of them. */
const BEFORE = 40

export function textSnippet(text: string, { terms, language }: { terms: Terms; language: Language }): Snippet {
  const isFound = finder(terms)
  const words = wordsOf(text, language)
  const found = words.filter(isFound)
  const [from, to] = bounds(text, words, bestOf(found))
  const before = from > 0 ? '… ' : ''
  const inside = found.filter(({ start, end }) => start >= from && end <= to)
  return {
    text: `${before}${text.slice(from, to)}${to < text.length ? ' …' : ''}`,
    highlights: joined(inside.map(({ start, end }) => ({ start: start - from + before.length, end: end - from + before.length }))),
  }
}

function finder({ wanted }: Terms): (word: Word) => boolean {
  const stems = new Set(wanted.flatMap((term) => (term.kind === 'EXACT' ? term.stems : [])))
  const prefixes = wanted.flatMap((term) => (term.kind === 'PREFIX' ? [term.form] : []))
  return ({ stem, form }) => stems.has(stem) || prefixes.some((prefix) => form.startsWith(prefix))
}

/** Where the most different ones stand together. */
function bestOf(found: readonly Word[]): number {
  let best = { at: found[0]?.start ?? 0, kinds: 0 }
  const counts = new Map<string, number>()
  let first = 0
  for (const word of found) {
    counts.set(word.stem, (counts.get(word.stem) ?? 0) + 1)
    for (; word.end - found[first]!.start > MAX_LENGTH - 2 * BEFORE && found[first] !== word; first++) {
      const { stem } = found[first]!
      const left = counts.get(stem)! - 1
      if (left) counts.set(stem, left)
      else counts.delete(stem)
    }
    if (counts.size > best.kinds) best = { at: found[first]!.start, kinds: counts.size }
  }
  return best.at
}

/** From one word's beginning to another's end. */
function bounds(text: string, words: readonly Word[], at: number): [number, number] {
  if (text.length <= MAX_LENGTH) return [0, text.length]
  const first = words.find(({ start }) => start >= at - BEFORE) ?? words[0]
  const from = !first || first.start <= BEFORE / 2 ? 0 : first.start
  const last = words.findLast(({ end, start }) => end <= from + MAX_LENGTH && start >= from)
  if (from + MAX_LENGTH >= text.length) return [from, text.length]
  return [from, last ? last.end : whole(text, from + MAX_LENGTH)]
}

/** Not in the middle of a sign that takes two units. */
const whole = (text: string, at: number): number => (/[\udc00-\udfff]/.test(text[at] ?? '') ? at - 1 : at)

/** Signs of a script without spaces that follow one another are one. */
function joined(ranges: readonly { start: number; end: number }[]): { start: number; end: number }[] {
  const result: { start: number; end: number }[] = []
  for (const range of ranges) {
    const last = result.at(-1)
    if (last && last.end >= range.start) last.end = range.end
    else result.push({ ...range })
  }
  return result
}

export interface SnippetPart {
  text: string
  isMatch: boolean
}

export function snippetParts({ text, highlights }: Snippet): SnippetPart[] {
  const parts: SnippetPart[] = []
  let at = 0
  for (const { start, end } of highlights) {
    parts.push({ text: text.slice(at, start), isMatch: false }, { text: text.slice(start, end), isMatch: true })
    at = end
  }
  return [...parts, { text: text.slice(at), isMatch: false }].filter((part) => part.text)
}
