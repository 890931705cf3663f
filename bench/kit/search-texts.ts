/** Documents of 1 KB and what is searched in them: words by how often people use words, the same in every run. */

const WORDS = 30_000
const WORDS_OF_ONE = 150
const CONSONANTS = 'bcdfghjklmnprstvwz'
const VOWELS = 'aeiou'

export interface BenchDocument {
  title: string
  content: string
}

export interface BenchQuery {
  kind: string
  words: string[]
}

function numbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/** Of syllables, so that stemming and prefixes have something to do. */
function wordAt(index: number): string {
  let word = ''
  for (let rest = index + 90; rest > 0; rest = Math.floor(rest / 90)) word += CONSONANTS[rest % 18]! + VOWELS[Math.floor(rest / 18) % 5]!
  return word
}

const vocabulary = Array.from({ length: WORDS }, (_, i) => wordAt(i))
/** The n-th word is used one n-th as often as the first. */
const drawn = (random: () => number): string => vocabulary[Math.min(WORDS - 1, Math.floor(Math.exp(random() * Math.log(WORDS))) - 1)]!

export function* benchDocuments(count: number): Generator<BenchDocument> {
  const random = numbers(7)
  for (let i = 0; i < count; i++) {
    const words = Array.from({ length: WORDS_OF_ONE }, () => drawn(random))
    yield { title: words.slice(0, 5).join(' '), content: words.join(' ') }
  }
}

/** Words that some to many documents have; those that nearly all have are what a language passes over. */
export function benchQueries(count: number): BenchQuery[] {
  const random = numbers(11)
  const word = (from: number, to: number) => vocabulary[from + Math.floor(random() * (to - from))]!
  const five = () => [word(20, 200), word(100, 1000), word(100, 1000), word(500, 5000), word(500, 5000)]
  return Array.from({ length: count }, () => [
    { kind: 'a word', words: [word(20, 2000)] },
    { kind: 'two words', words: [word(20, 200), word(20, 500)] },
    { kind: 'any of five', words: five() },
    { kind: 'any of five, and meaning', words: five() },
  ]).flat()
}
