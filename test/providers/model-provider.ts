/** What the tests of model providers ask again and again, and a provider for them to ask. */

import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { LLMock } from '@copilotkit/aimock'
import { newId } from '../../src/core/ids.ts'
import type { TestUser, World } from '../kit/world.ts'

export const PROVIDER = `id name kind source baseUrl apiKeyHint enabled priority defaultModel maxConcurrency requestsPerMinute timeoutSeconds syncEveryMinutes
  status error checkedAt syncedAt nextSyncAt createdAt updatedAt models { nodes { id name fullName contextLength maxOutputTokens capabilities enabled isListed details } }`
export const MODEL = `id name fullName contextLength maxOutputTokens capabilities inputPriceMicroUsd outputPriceMicroUsd cachedInputPriceMicroUsd enabled isListed details provider { id name }`

const mutationOf = (name: string, fields: string) =>
  `mutation ($input: ${name[0]!.toUpperCase()}${name.slice(1)}Input!) { ${name}(input: $input) { ${fields} eventCursor userErrors { code message path } } }`

export const CREATE = mutationOf('modelProviderCreate', `modelProvider { ${PROVIDER} }`)
export const UPDATE = mutationOf('modelProviderUpdate', `modelProvider { ${PROVIDER} }`)
export const DELETE = mutationOf('modelProviderDelete', 'deletedId')
export const TEST = mutationOf('modelProviderTest', `works listReachable modelCount listMs model answer answerMs error modelProvider { ${PROVIDER} }`)
export const SYNC = mutationOf('modelProviderSync', `listed added changed unlisted error modelProvider { ${PROVIDER} }`)
export const MODEL_UPDATE = mutationOf('modelUpdate', `model { ${MODEL} }`)
export const MODEL_CREATE = mutationOf('modelCreate', `model { ${MODEL} }`)
export const MODEL_DELETE = mutationOf('modelDelete', 'deletedId')
export const READ = `query ($id: ID!) { modelProvider(id: $id) { ${PROVIDER} } }`

// biome-ignore lint/suspicious/noExplicitAny: a test says itself what it expects of an answer
type Data = any

export const KEY = 'hf-test-key-0123456789abcdef'

export const newProviderId = (): string => `ModelProvider:${newId()}`

let named = 0

export const create = async (world: World, user: TestUser, over: object = {}): Promise<Data> =>
  (await world.does(CREATE, { input: { name: `provider-${++named}`, kind: 'OPENAI_COMPATIBLE', apiKey: KEY, ...over } }, user)).modelProvider

export const read = async (world: World, user: TestUser, id: string): Promise<Data> => (await world.ask(READ, { id }, user)).data.modelProvider

export const sync = async (world: World, user: TestUser, id: string): Promise<Data> => world.does(SYNC, { input: { id } }, user)
export const tries = async (world: World, user: TestUser, id: string, over: object = {}): Promise<Data> => world.does(TEST, { input: { id, ...over } }, user)

/** Everything that was ever told of anything. */
export const eventsOf = async (world: World): Promise<{ kind: string; data: unknown }[]> =>
  (await world.client.event.findMany({ orderBy: { position: 'asc' } })).map(({ kind, data }) => ({ kind, data }))

type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>

/** aimock, with a corner (`/raw`) that answers as a test wants. */
export async function openMock(): Promise<{ mock: LLMock; url: string; answer: (handler: Handler) => void; asked: IncomingMessage[] }> {
  let handler: Handler = (_request, response) => void response.writeHead(404).end()
  const asked: IncomingMessage[] = []
  const mock = new LLMock({ port: 0 })
  mock.mount('/raw', {
    async handleRequest(request, response) {
      asked.push(request)
      await handler(request, response)
      return true
    },
  })
  // Of Ollama's own words aimock knows the list alone.
  mock.mount('/api/show', {
    async handleRequest(request, response) {
      await json({ capabilities: ['completion'], model_info: { 'llama.context_length': 4096 } })(request, response)
      return true
    },
  })
  await mock.start()
  return {
    mock,
    url: mock.url,
    asked,
    answer: (next) => {
      handler = next
    },
  }
}

export const json =
  (value: unknown, status = 200): Handler =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(JSON.stringify(value))
  }

/** Ollama's own list, and what it tells of each model. */
export const ollama =
  (models: Record<string, { length: number; capabilities: string[] }>): Handler =>
  async (request, response) => {
    if (request.url!.endsWith('/api/tags'))
      return json({ models: Object.keys(models).map((name) => ({ name, model: name, size: 1, digest: 'd', details: { family: 'llama' } })) })(request, response)
    let text = ''
    request.on('data', (part) => {
      text += part
    })
    await once(request, 'end')
    const { model } = JSON.parse(text)
    const { length, capabilities } = models[model]!
    return json({ capabilities, model_info: { 'general.architecture': 'llama', 'llama.context_length': length }, details: {} })(request, response)
  }
