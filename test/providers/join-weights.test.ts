import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { joinWeights } from '../../src/providers/local/join-weights.ts'
import type { Weights } from '../../src/providers/local/local-messages.ts'

const whole = 'first half, second half'
let folder: string
let models: string
let weights: Weights

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'holdfast-weights-'))
  models = path.join(folder, 'models')
  const parts = [path.join(folder, '1.part'), path.join(folder, '2.part')]
  await writeFile(parts[0]!, whole.slice(0, 12))
  await writeFile(parts[1]!, whole.slice(12))
  weights = { fileName: 'model.gguf', parts, bytes: whole.length, sha256: createHash('sha256').update(whole).digest('hex') }
})
afterEach(() => rm(folder, { recursive: true }))

test('the parts become one file, beside the marker that it was verified', async () => {
  const file = await joinWeights(models, weights)
  expect(await readFile(file, 'utf8')).toBe(whole)
  expect(await readdir(models)).toEqual(['model.gguf', 'model.gguf.verified'])
})

test('damaged parts are refused, and nothing is left behind', async () => {
  await writeFile(weights.parts[1]!, 'second hulf')
  await expect(joinWeights(models, weights)).rejects.toThrow(/damaged/)
  expect(await readdir(models)).toEqual([])
})

test('two processes may join them at the same time', async () => {
  const files = await Promise.all([joinWeights(models, weights), joinWeights(models, weights), joinWeights(models, weights)])
  for (const file of files) expect(await readFile(file, 'utf8')).toBe(whole)
  expect(await readdir(models)).toEqual(['model.gguf', 'model.gguf.verified'])
})

test('a file that was verified once is not read again', async () => {
  const file = await joinWeights(models, weights)
  const sameSize = 'X'.repeat(whole.length)
  await writeFile(file, sameSize)
  await joinWeights(models, weights)
  expect(await readFile(file, 'utf8')).toBe(sameSize)
})

test('a file without its marker, or of another size, is not trusted', async () => {
  const file = await joinWeights(models, weights)
  await writeFile(file, 'X'.repeat(whole.length))
  await rm(`${file}.verified`)
  await joinWeights(models, weights)
  expect(await readFile(file, 'utf8')).toBe(whole)

  await writeFile(file, 'cut')
  await joinWeights(models, weights)
  expect(await readFile(file, 'utf8')).toBe(whole)
})

test('what a killed joining left is removed', async () => {
  await joinWeights(models, weights)
  const abandoned = path.join(models, 'model.gguf.1-x.joining')
  await writeFile(abandoned, 'half')
  await utimes(abandoned, 0, 0)
  await rm(path.join(models, 'model.gguf'))
  await joinWeights(models, weights)
  expect(await readdir(models)).toEqual(['model.gguf', 'model.gguf.verified'])
})
