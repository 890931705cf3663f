import { describe, expect, test } from 'vitest'
import { localModel } from '../../src/providers/local/local-model.ts'
import { findLocalPackages } from '../../src/providers/local/local-packages.ts'
import { openaiCompatible } from '../../src/providers/openai-compatible.ts'
import type { Provider } from '../../src/providers/provider.ts'
import { createProviders, providersOf } from '../../src/providers/providers.ts'
import { ask, silent, textOf } from './kit.ts'

/** Says its own name and the model's. */
function parrot(name: string, more: Partial<Provider> = {}): Provider {
  return {
    name,
    models: [`${name}-small`, `${name}-large`],
    takesAnyModel: false,
    unavailableBecause: null,
    async *stream(model) {
      yield { kind: 'TEXT', content: `${name} ${model}` }
      return { finishReason: 'stop', inputTokens: null, outputTokens: null }
    },
    async close() {},
    ...more,
  }
}
const answerOf = async (all: Provider[], model: string | null) => textOf(await providersOf(all).generate(ask('hello', { model })))

describe('a model is found', () => {
  const both = [parrot('remote', { takesAnyModel: true }), parrot('local')]

  test('by its provider and its name', async () => {
    expect(await answerOf(both, 'local/local-large')).toBe('local local-large')
    expect(await answerOf(both, 'remote/meta/llama-3')).toBe('remote meta/llama-3')
  })

  test('at the first provider that is ready when none is named', async () => {
    expect(await answerOf(both, null)).toBe('remote remote-small')
    expect(await answerOf(both, 'gpt-5')).toBe('remote gpt-5')
    const second = [parrot('remote', { unavailableBecause: 'set its key' }), parrot('local')]
    expect(await answerOf(second, null)).toBe('local local-small')
  })

  test.each(['nowhere/model', 'local/unknown', 'local/', ''])('never for the name "%s"', async (model) => {
    const all = model === '' ? [parrot('local')] : both
    await expect(answerOf(all, model)).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND', retryable: false, inputPath: ['model'] })
  })
})

describe('without any provider', () => {
  const nothing = () => createProviders({ openai: null, localModel: false, modelFolder: '/nowhere', log: silent })

  test('a request is refused with what to set or to install', async () => {
    await expect(nothing().generate(ask('hello'))).rejects.toMatchObject({
      code: 'NO_PROVIDER',
      message: expect.stringMatching(/OPENAI_API_KEY.*OPENAI_BASE_URL.*local model is switched off/),
    })
    await expect(nothing().generate(ask('hello', { model: 'openai/gpt-4o' }))).rejects.toMatchObject({
      code: 'NO_PROVIDER',
      message: expect.not.stringContaining('local'),
    })
  })

  test('the list says why', () => {
    expect(nothing().list()).toEqual([
      { name: 'openai', models: [], takesAnyModel: true, unavailableBecause: expect.stringContaining('OPENAI_API_KEY') },
      { name: 'anthropic', models: [], takesAnyModel: true, unavailableBecause: 'set ANTHROPIC_API_KEY' },
      { name: 'ollama', models: [], takesAnyModel: true, unavailableBecause: 'set OLLAMA_URL' },
      { name: 'local', models: ['local/tinyllama-1.1b-chat'], takesAnyModel: false, unavailableBecause: 'the local model is switched off' },
    ])
  })
})

test('a provider that is set up is listed with its default model', () => {
  const openai = openaiCompatible({ apiKey: null, baseUrl: 'http://localhost/v1', defaultModel: 'gpt-4o-mini' })
  expect(providersOf([openai]).list()).toEqual([{ name: 'openai', models: ['openai/gpt-4o-mini'], takesAnyModel: true, unavailableBecause: null }])
})

test('a production install lists the local model as missing, with what would bring it', () => {
  const packages = findLocalPackages((id) => {
    throw new Error(`Cannot find module ${id}`)
  })
  const { unavailableBecause } = localModel({ enabled: true, modelFolder: '/nowhere', log: silent, packages })
  expect(unavailableBecause).toBe('the local model needs the package node-llama-cpp; it comes with a development install (npm ci without --omit=dev)')
})
