/**
 * The words of a text, the same for what is written and what is searched, on both databases: so that a text is found on one exactly
 * where it is found on the other, whatever dictionaries a server has.
 *
 * A word is a run of letters, marks and digits. Scripts that are written without spaces are taken sign by sign, and an emoji is a word.
 */
import type { Language } from './language.ts'

export interface Word {
  /** As it is searched by prefix: in small letters, without accents. */
  form: string
  /** What it has in common with its other forms. */
  stem: string
  /** Whether it says nothing by itself. */
  isStopWord: boolean
  /** Where it stands in the text. */
  start: number
  end: number
}

const UNSPACED = String.raw`\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{sc=Hangul}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}`
/** Where words may be at all. Most texts are mostly ASCII, and need no closer look. */
const RUN = /[A-Za-z0-9\u0080-\uffff]+/g
const ASCII = /^[A-Za-z0-9]+$/
const WORD = new RegExp(
  String.raw`(?:(?=\p{L})[${UNSPACED}])\p{M}*|\p{RI}{2}|\p{Extended_Pictographic}|(?:(?![${UNSPACED}])\p{L}|\p{N})(?:(?!(?=\p{L})[${UNSPACED}])[\p{L}\p{N}\p{M}])*`,
  'gu',
)
/** Of something longer, as a key or a checksum, the beginning counts. */
const MAX_WORD = 64
/** Accents, which people leave out; marks of other scripts are as good as letters. */
const ACCENTED = /[\u0300-\u036f]/g
const OTHER_SCRIPT = /(?!\p{sc=Latin}|\p{sc=Greek}|\p{N}|[\u0300-\u036f])./u
const LETTERS: Record<string, string> = { ß: 'ss', æ: 'ae', œ: 'oe', ø: 'o', đ: 'd', ł: 'l', ı: 'i' }
const OTHER_LETTERS = /[ßæœøđłı]/g
const PLAIN = /^[a-z0-9]*$/
/** What the compatible form of a letter may hold besides letters. */
const NO_LETTER = /[^\p{L}\p{N}\p{M}\p{Extended_Pictographic}\p{RI}]/gu

export function wordsOf(text: string, language: Language): Word[] {
  const words: Word[] = []
  for (const { 0: run, index } of text.matchAll(RUN)) {
    if (ASCII.test(run)) add(words, run, index, language)
    else for (const match of run.matchAll(WORD)) add(words, match[0], index + match.index, language)
  }
  return words
}

/** The words as they are written, at most so many. */
export function splitWords(text: string, limit = Number.POSITIVE_INFINITY): string[] {
  const words: string[] = []
  for (const [run] of text.matchAll(RUN)) {
    if (words.length >= limit) break
    if (ASCII.test(run)) words.push(run)
    else for (const [word] of run.matchAll(WORD)) words.push(word)
  }
  return words
}

function add(words: Word[], whole: string, start: number, language: Language): void {
  const kinds = kindsOf(language)
  let kind = kinds.get(whole)
  if (kind === undefined) {
    const lower = lettersOf(whole)
    kind = lower ? { form: folded(lower), stem: folded(language.stem(lower)), isStopWord: language.isStopWord(lower) } : null
    if (kinds.size >= MAX_KINDS) kinds.clear()
    kinds.set(whole, kind)
  }
  if (kind) words.push({ form: kind.form, stem: kind.stem, isStopWord: kind.isStopWord, start, end: start + whole.length })
}

type Kind = Pick<Word, 'form' | 'stem' | 'isStopWord'>

/** A text's words are mostly those of the text before it. Null: there is no letter in it. */
const kindsByLanguage = new WeakMap<Language, Map<string, Kind | null>>()
const MAX_KINDS = 50_000

function kindsOf(language: Language): Map<string, Kind | null> {
  let kinds = kindsByLanguage.get(language)
  if (!kinds) {
    kinds = new Map()
    kindsByLanguage.set(language, kinds)
  }
  return kinds
}

function lettersOf(word: string): string {
  const lower = (word.length > MAX_WORD ? [...word].slice(0, MAX_WORD).join('') : word).toLowerCase()
  return PLAIN.test(lower) ? lower : lower.normalize('NFKC').toLowerCase().replace(NO_LETTER, '')
}

function folded(word: string): string {
  if (PLAIN.test(word)) return word
  const apart = word.normalize('NFD')
  return OTHER_SCRIPT.test(apart) ? word : apart.replace(ACCENTED, '').replace(OTHER_LETTERS, (letter) => LETTERS[letter]!)
}
