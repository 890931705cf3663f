import { expect, it } from 'vitest'
import { tokenRanks } from '../../src/usage/token-ranks.ts'
import { countTokens } from '../../src/usage/tokens.ts'

it('Tokens are counted by the table of the package, though it is read in slices', async () => {
  const { default: ranks } = await import('gpt-tokenizer/bpeRanks/o200k_base')
  const ours = await tokenRanks()
  expect(ours.length).toBe(ranks.length)
  expect(ours.findIndex((token, i) => String(token) !== String(ranks[i]) || typeof token !== typeof ranks[i])).toBe(-1)
})

it('Tokens are those of the encoding, whatever is written', async () => {
  const { countTokens: theirs } = await import('gpt-tokenizer/encoding/o200k_base')
  const texts = ['', 'Hello, world!', '海が rolls in 😀', 'ünïcödé', '\ufeffusing System;', 'a'.repeat(5000), '<|endoftext|>', '{"a":[1,2,3]}\n\n\t']
  for (const text of texts) expect([text, await countTokens(text)]).toEqual([text, theirs(text, { disallowedSpecial: new Set() })])
  expect(await countTokens('word '.repeat(20_000))).toBeGreaterThan(19_000)
})

it('While the table is read others have their turn', async () => {
  let turns = 0
  let isReading = true
  const others = () => {
    turns++
    if (isReading) setImmediate(others)
  }
  setImmediate(others)
  await tokenRanks()
  isReading = false
  expect(turns).toBeGreaterThan(3)
})
