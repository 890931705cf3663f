/** The languages that texts may be in: their stems, and their words that say nothing. */

type Stem = (word: string) => string

interface Loaded {
  stemmer: Stem
  stopwords: readonly string[]
}

const words = async (stemmer: Promise<{ stemmer: Stem }>, stopwords: Promise<{ stopwords: string[] }>): Promise<Loaded> => ({
  ...(await stemmer),
  ...(await stopwords),
})

/** Each is loaded when it is first needed. */
const LOADED = {
  SIMPLE: async (): Promise<Loaded> => ({ stemmer: (word) => word, stopwords: [] }),
  ARABIC: () => words(import('@orama/stemmers/arabic'), import('@orama/stopwords/arabic')),
  BULGARIAN: () => words(import('@orama/stemmers/bulgarian'), import('@orama/stopwords/bulgarian')),
  DANISH: () => words(import('@orama/stemmers/danish'), import('@orama/stopwords/danish')),
  DUTCH: () => words(import('@orama/stemmers/dutch'), import('@orama/stopwords/dutch')),
  ENGLISH: () => words(import('@orama/stemmers/english'), import('@orama/stopwords/english')),
  FINNISH: () => words(import('@orama/stemmers/finnish'), import('@orama/stopwords/finnish')),
  FRENCH: () => words(import('@orama/stemmers/french'), import('@orama/stopwords/french')),
  GERMAN: () => words(import('@orama/stemmers/german'), import('@orama/stopwords/german')),
  GREEK: () => words(import('@orama/stemmers/greek'), import('@orama/stopwords/greek')),
  HUNGARIAN: () => words(import('@orama/stemmers/hungarian'), import('@orama/stopwords/hungarian')),
  INDONESIAN: () => words(import('@orama/stemmers/indonesian'), import('@orama/stopwords/indonesian')),
  IRISH: () => words(import('@orama/stemmers/irish'), import('@orama/stopwords/irish')),
  ITALIAN: () => words(import('@orama/stemmers/italian'), import('@orama/stopwords/italian')),
  LITHUANIAN: () => words(import('@orama/stemmers/lithuanian'), import('@orama/stopwords/lithuanian')),
  NEPALI: () => words(import('@orama/stemmers/nepali'), import('@orama/stopwords/nepali')),
  NORWEGIAN: () => words(import('@orama/stemmers/norwegian'), import('@orama/stopwords/norwegian')),
  PORTUGUESE: () => words(import('@orama/stemmers/portuguese'), import('@orama/stopwords/portuguese')),
  ROMANIAN: () => words(import('@orama/stemmers/romanian'), import('@orama/stopwords/romanian')),
  RUSSIAN: () => words(import('@orama/stemmers/russian'), import('@orama/stopwords/russian')),
  SERBIAN: () => words(import('@orama/stemmers/serbian'), import('@orama/stopwords/serbian')),
  SPANISH: () => words(import('@orama/stemmers/spanish'), import('@orama/stopwords/spanish')),
  SWEDISH: () => words(import('@orama/stemmers/swedish'), import('@orama/stopwords/swedish')),
  TAMIL: () => words(import('@orama/stemmers/tamil'), import('@orama/stopwords/tamil')),
  TURKISH: () => words(import('@orama/stemmers/turkish'), import('@orama/stopwords/turkish')),
  UKRAINIAN: () => words(import('@orama/stemmers/ukrainian'), import('@orama/stopwords/ukrainian')),
} as const satisfies Record<string, () => Promise<Loaded>>

export type TextLanguage = keyof typeof LOADED
export const TEXT_LANGUAGES = Object.keys(LOADED) as [TextLanguage, ...TextLanguage[]]

export interface Language {
  readonly name: TextLanguage
  /** What the forms of a word have in common. */
  stem: Stem
  /** Whether a word says nothing by itself. */
  isStopWord(word: string): boolean
}

function open(name: TextLanguage, { stemmer, stopwords }: Loaded): Language {
  const silent = new Set(stopwords.map((word) => word.normalize('NFKC').toLowerCase()))
  return { name, isStopWord: (word) => silent.has(word), stem: (word) => stemmer(word) || word }
}

const opened = new Map<TextLanguage, Promise<Language>>()

export function languageOf(name: TextLanguage): Promise<Language> {
  let language = opened.get(name)
  if (!language) {
    language = LOADED[name]().then((loaded) => open(name, loaded))
    opened.set(name, language)
  }
  return language
}
