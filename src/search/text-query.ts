/**
 * What people type to search: words, "a phrase", a begin*, and -without any of these. Nothing else means anything: what the engines have
 * for operators are words or signs like others, and only words made here reach them.
 */
import { BadUserInput } from '../core/errors.ts'
import type { Language } from './language.ts'
import { wordsOf } from './words.ts'

export interface QueryPart {
  kind: 'WORDS' | 'PHRASE' | 'PREFIX'
  isExcluded: boolean
  text: string
}

/** Words in a row, by their stems; or how a word begins. */
export type Term = { kind: 'EXACT'; stems: readonly string[] } | { kind: 'PREFIX'; form: string }

export interface Terms {
  wanted: readonly Term[]
  excluded: readonly Term[]
}

export const MAX_QUERY = 1000
export const MAX_TERMS = 20
const MIN_PREFIX = 2
const PART = /(-?)(?:"([^"]*)("?)|([^\s"]+))/gu

/** Refuses, precisely, what cannot be searched. */
export function textQueryParts(query: string, path: string[] = ['input', 'query']): QueryPart[] {
  if (query.length > MAX_QUERY) throw new BadUserInput(`A query has at most ${MAX_QUERY} characters; this one has ${query.length}.`, path)
  const parts: QueryPart[] = []
  for (const { index, 1: minus, 2: phrase, 3: end, 4: words } of query.matchAll(PART)) {
    const isExcluded = minus === '-'
    if (phrase !== undefined) {
      if (!end) throw new BadUserInput(`The quotation mark at place ${index + minus!.length + 1} has no other.`, path)
      parts.push({ kind: 'PHRASE', isExcluded, text: phrase })
    } else if (words!.endsWith('*')) parts.push({ kind: 'PREFIX', isExcluded, text: words! })
    else parts.push({ kind: 'WORDS', isExcluded, text: words! })
  }
  if (!parts.length) throw new BadUserInput('The query is empty.', path)
  if (parts.length > MAX_TERMS) throw new BadUserInput(`A query has at most ${MAX_TERMS} words and phrases; this one has ${parts.length}.`, path)
  return parts
}

/** The query in a language. Words that say nothing are left out, unless they are all there is. */
export function termsOf(parts: readonly QueryPart[], language: Language, path: string[] = ['input', 'query']): Terms {
  const wanted: { term: Term; isSilent: boolean }[] = []
  const excluded: Term[] = []
  for (const part of parts) {
    const words = wordsOf(part.text, language)
    const last = words.at(-1)
    if (!last) continue
    const isPrefix = part.kind === 'PREFIX' && !isSign(last.form)
    if (isPrefix && last.form.length < MIN_PREFIX) throw new BadUserInput(`Before a * are at least ${MIN_PREFIX} letters.`, path)
    const terms: Term[] = isPrefix ? [{ kind: 'PREFIX', form: last.form }] : []
    const row = isPrefix ? words.slice(0, -1) : words
    if (row.length) terms.unshift({ kind: 'EXACT', stems: row.map(({ stem }) => stem) })
    const isSilent = part.kind === 'WORDS' && words.every(({ isStopWord }) => isStopWord)
    if (part.isExcluded) excluded.push(...terms)
    else wanted.push(...terms.map((term) => ({ term, isSilent })))
  }
  if (!wanted.length)
    throw new BadUserInput(excluded.length ? 'The query only says what is not to be found; it needs a word that is.' : 'There is no word in the query.', path)
  const speaking = wanted.filter(({ isSilent }) => !isSilent)
  const kept = (speaking.length ? speaking : wanted).map(({ term }) => term)
  if (stemsIn([...kept, ...excluded]) > 2 * MAX_TERMS) throw new BadUserInput(`A query has at most ${2 * MAX_TERMS} words, with those of its phrases.`, path)
  return { wanted: distinct(kept), excluded: distinct(excluded) }
}

/** Of scripts without spaces each sign is a word, and none begins a longer one. */
const isSign = (form: string): boolean => form.length === 1 && !/[\p{sc=Latin}\p{N}]/u.test(form)

const stemsIn = (terms: readonly Term[]): number => terms.reduce((sum, term) => sum + (term.kind === 'EXACT' ? term.stems.length : 1), 0)

const keyOf = (term: Term): string => (term.kind === 'EXACT' ? term.stems.join(' ') : `${term.form}*`)

const distinct = (terms: readonly Term[]): Term[] => [...new Map(terms.map((term) => [keyOf(term), term])).values()]
