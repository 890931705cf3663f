import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { serve } from '../../src/server/serve.ts'
import { createGraphQL } from '../../src/server/yoga.ts'
import { Puppet, tinyApp, tinySchema } from './tiny-app.ts'

const puppet = new Puppet()
const app = tinyApp(puppet, { MAX_BODY_BYTES: '2000', NODE_ENV: 'production' })
const schema = tinySchema(puppet)
const { yoga } = createGraphQL(app, schema)
let server: Awaited<ReturnType<typeof serve>>
beforeAll(async () => {
  server = await serve(app, schema)
})
afterAll(() => server.close())

const json = { 'content-type': 'application/json' }
const newer = { ...json, accept: 'application/graphql-response+json' }
const events = { ...json, accept: 'text/event-stream' }

const requests: [string, Record<string, string>, unknown][] = [
  ['a query', json, { query: '{ hello }' }],
  ['a query for the newer media type', newer, { query: '{ hello }' }],
  ['variables', json, { query: 'query ($t: String) { hello(text: $t) }', variables: { t: 'you' } }],
  ['a named operation', json, { query: 'query A { hello } query B { me }', operationName: 'B' }],
  ['no named operation', newer, { query: 'query A { hello } query B { me }' }],
  ['a domain error', json, { query: '{ missing }' }],
  ['a bug', newer, { query: '{ broken }' }],
  ['a syntax error', json, { query: '{ hello' }],
  ['a syntax error for the newer media type', newer, { query: '{ hello' }],
  ['an unknown field', json, { query: '{ hallo }' }],
  ['introspection by a stranger', newer, { query: '{ __schema { queryType { name } } }' }],
  ['a query that is too deep', newer, { query: `{ thing ${'{ parent '.repeat(15)} { id } ${'}'.repeat(15)} }` }],
  ['the cost of a query', { ...json, 'x-holdfast-cost': '1' }, { query: '{ things { nodes { id } } }' }],
  ['a bad token', newer, { query: '{ hello }' }],
  ['no JSON', json, '{'],
  ['a batch', json, []],
  ['a large body', json, { query: '{ hello }', extensions: { pad: 'x'.repeat(3000) } }],
  ['a form', { 'content-type': 'application/x-www-form-urlencoded' }, 'query={hello}'],
  ['a subscription', events, { query: 'subscription { ticks(count: 2) { body broken } }' }],
  ['a subscription by whoever accepts anything', json, { query: 'subscription { ticks(count: 2) { body } }' }],
  ['a subscription that is refused', events, { query: 'subscription { refused { body } }' }],
  ['a subscription for JSON', { ...json, accept: 'application/json' }, { query: 'subscription { ticks { body } }' }],
  ['a query as event', events, { query: '{ hello }' }],
  ['null characters', json, { query: '{ hello }', variables: { a: '\u0000' } }],
]

describe('the fast path and Yoga', () => {
  it.each(requests)('answer alike: %s', async (name, headers, body) => {
    const init = {
      method: 'POST',
      headers: { ...headers, 'x-request-id': 'same', ...(name === 'a bad token' && { authorization: 'nobody' }) },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    }
    const seen = async (response: Response) => ({
      status: response.status,
      headers: ['content-type', 'cache-control', 'allow', 'accept', 'www-authenticate', 'retry-after'].map((header) => response.headers.get(header)),
      body: await response.text(),
    })
    const fast = await seen(await fetch(`${server.url}/graphql`, init))
    expect(fast).toEqual(await seen(await yoga.fetch('http://test/graphql', init)))
    expect(fast.body.length).toBeGreaterThan(0)
  })
})
