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
  const counts = new Map<string, number>()
  for (const { form, isStopWord } of wordsOf(text.slice(0, MAX_CHARACTERS), await languageOf('ENGLISH')))
    if (!isStopWord) counts.set(form, (counts.get(form) ?? 0) + 1)
  return [...counts]
    .sort(([a, often], [b, oftener]) => oftener - often || b.length - a.length || (a < b ? -1 : 1))
    .slice(0, MAX_TERMS)
    .map(([word]) => ({ kind: 'WORDS', isExcluded: false, text: word }))
}
