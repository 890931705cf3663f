/**
 * How alike two texts are, and how those that are alike are found among a million.
 *
 * Likeness is the part of their trigrams that two texts have in common (Jaccard), of words alone. Of each text forty minima are taken, each
 * of its trigrams under another hash (MinHash): two texts agree in one of them as probably as they are alike. Four minima together make a
 * key, so a text has ten of them, and each is an index of the table. Of texts that are alike by 0.7 some 94 of 100 share a key, by 0.8 more
 * than 99, by 0.3 eight, by 0.1 one in a thousand; what shares one is then compared as it is.
 *
 * The keys are kept: whoever changes how they are made must make them anew.
 */
import { createHash } from 'node:crypto'
import { folded, wordsAlone } from './fact-text.ts'

/** From here on two texts are near. */
export const NEAR = 0.7
export const NEAR_KEYS = 10
const MINIMA_A_KEY = 4

export interface LikenessKeys {
  same: number
  near: number[]
}

/** The trigrams of a text's words, each as a number. They begin and end with a blank, so that the shortest has one too. */
function trigrams(words: string): Set<number> {
  const padded = ` ${words} `
  const found = new Set<number>()
  for (let i = 0; i + 2 < padded.length; i++) found.add((padded.charCodeAt(i) * 65_536 + padded.charCodeAt(i + 1)) * 65_536 + padded.charCodeAt(i + 2))
  return found
}

/** Texts compared again and again are taken apart once. */
export interface Compared {
  words: string
  trigrams: Set<number>
}

export function toCompared(text: string, foldedText = folded(text)): Compared {
  const words = wordsAlone(foldedText)
  return { words, trigrams: trigrams(words) }
}

/** From 0 to 1. */
export function likeness({ trigrams: a }: Compared, { trigrams: b }: Compared): number {
  const [small, large] = a.size < b.size ? [a, b] : [b, a]
  let common = 0
  for (const trigram of small) if (large.has(trigram)) common++
  const all = a.size + b.size - common
  return all === 0 ? 1 : common / all
}

/** The keys belong to an owner: nobody's texts lead to another's. */
export function likenessKeys(ownerId: string, text: string): LikenessKeys {
  const minima = new Uint32Array(HASHES.length).fill(0xffffffff)
  const words = wordsAlone(folded(text))
  for (const trigram of trigrams(words)) {
    const mixed = mix(Math.floor(trigram / 0x1_0000_0000) ^ mix((trigram % 0x1_0000_0000) | 0))
    for (let i = 0; i < HASHES.length; i++) {
      const hash = mix(mixed ^ HASHES[i]!) >>> 0
      if (hash < minima[i]!) minima[i] = hash
    }
  }
  const near = Array.from({ length: NEAR_KEYS }, (_, i) => key(ownerId, i, minima.subarray(i * MINIMA_A_KEY, (i + 1) * MINIMA_A_KEY).join()))
  return { same: key(ownerId, 'same', words), near }
}

/** Six bytes: a whole number to JavaScript, and to both databases. */
const key = (...parts: (string | number)[]): number => createHash('sha256').update(parts.join('\n')).digest().readUIntBE(0, 6)

/** Each bit of the number changes half of the bits. */
function mix(number: number): number {
  let mixed = Math.imul(number ^ (number >>> 16), 0x7feb352d)
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x846ca68b)
  return mixed ^ (mixed >>> 16)
}

const HASHES = Int32Array.from({ length: NEAR_KEYS * MINIMA_A_KEY }, (_, i) => mix(i + 1))
