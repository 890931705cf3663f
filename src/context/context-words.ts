import { languageOf } from '../search/language.ts'
import { MAX_TERMS, type QueryPart } from '../search/text-query.ts'
import { wordsOf } from '../search/words.ts'

/** Of what is asked so much is looked at. */
const MAX_CHARACTERS = 20_000

/**
 * The words by which to look for what has to do with a text: those that say something, of very many the ones said most often and then the
 * longest. None of them has a meaning as in a query.
 */
export async function contextWords(text: string): Promise<QueryPart[]> {
  const begun = text.slice(0, MAX_CHARACTERS)
  const counts = new Map<string, { word: string; times: number }>()
  for (const { stem, isStopWord, start, end } of wordsOf(begun, await languageOf('ENGLISH'))) {
    if (isStopWord) continue
    // As it is written: what it has in common with its other forms is found out again where it is sought.
    const counted = counts.get(stem) ?? { word: begun.slice(start, end), times: 0 }
    counts.set(stem, { ...counted, times: counted.times + 1 })
  }
  return [...counts.values()]
    .sort((a, b) => b.times - a.times || b.word.length - a.word.length || (a.word < b.word ? -1 : 1))
    .slice(0, MAX_TERMS)
    .map(({ word }) => ({ kind: 'WORDS', isExcluded: false, text: word }))
}
