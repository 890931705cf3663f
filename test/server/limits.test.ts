import { describe, expect, it } from 'vitest'
import { createGraphQL } from '../../src/server/yoga.ts'
import { Puppet, tinyApp, tinySchema } from './tiny-app.ts'

const puppet = new Puppet()
const schema = tinySchema(puppet)

const asking = (settings: Record<string, string> = {}) => {
  const { yoga } = createGraphQL(tinyApp(puppet, settings), schema)
  return async (query: string, variables?: object, headers: Record<string, string> = {}) => {
    const response = await yoga.fetch('http://test/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ query, variables }),
    })
    return response.json()
  }
}
const ask = asking()
const code = async (query: string, variables?: object) => (await ask(query, variables)).errors?.[0].extensions.code
const costOf = async (query: string, variables?: object) => (await ask(query, variables, { 'x-holdfast-cost': '1' })).extensions?.cost.requested

/** n levels, each by the fragment before it, twice. */
const doubling = (levels: number) =>
  `{ thing { ...F0 } } ${Array.from({ length: levels }, (_, i) => `fragment F${i} on Thing { a: parent { ...F${i + 1} } b: parent { ...F${i + 1} } }`).join(' ')} fragment F${levels} on Thing { id }`

describe('the limits of a query', () => {
  it.each([
    ['a circle of 16 levels', `{ thing ${'{ parent '.repeat(15)} { id } ${'}'.repeat(15)} }`],
    ['12 levels of lists', `{ things ${'{ nodes { things '.repeat(6)} { totalCount } ${'} }'.repeat(6)} }`],
    ['12 levels of lists without pages', `{ thing ${'{ parts '.repeat(11)} { id } ${'}'.repeat(11)} }`],
    ['first: 100 three times', '{ things(first: 100) { nodes { things(first: 100) { nodes { things(first: 100) { nodes { id } } } } } } }'],
    ['fragments that double', doubling(13)],
    [
      'fragments that double in 1.4 KB, without aliases',
      `{ thing { ...F0 } } ${Array.from({ length: 25 }, (_, i) => `fragment F${i} on Thing { ...F${i + 1} ...F${i + 1} }`).join(' ')} fragment F25 on Thing { id }`,
    ],
    ['a fragment that spreads itself', '{ thing { ...A } } fragment A on Thing { parent { ...B } } fragment B on Thing { parent { ...A } }'],
    ['51 aliases', `{ ${Array.from({ length: 51 }, (_, i) => `a${i}: hello`).join(' ')} }`],
    ['21 mutations', `mutation { ${Array.from({ length: 21 }, (_, i) => `a${i}: touch`).join(' ')} }`],
    ['51 directives', `{ hello ${'@include(if: true) '.repeat(51)} }`],
    ['too many tokens', `{ ${'hello '.repeat(4001)} }`],
    [
      'too much in an operation that is not the chosen one',
      'query A { hello } query B { things(first: 100) { nodes { things(first: 100) { nodes { id } } } } }',
    ],
    ['introspection that circles', `{ __schema { types { fields { type { fields { type { fields { type { fields { name } } } } } } } } } }`],
    [
      'introspection under many names',
      `{ __schema { ${Array.from({ length: 40 }, (_, i) => `a${i}: types { fields { type { fields { name } } } }`).join(' ')} } }`,
    ],
    ['fields that do not exist, nested', `{ nope ${'{ nope '.repeat(20)} { id } ${'}'.repeat(20)} }`],
  ])('refuse %s, and cost less than a second of CPU', async (_name, query) => {
    const before = process.cpuUsage()
    const answer = await ask(query)
    const { user, system } = process.cpuUsage(before)
    const told = answer.errors[0].extensions.code
    expect(['QUERY_TOO_COMPLEX', query.includes('query A') || query.includes('__schema') ? 'BAD_USER_INPUT' : '']).toContain(told)
    expect(user + system).toBeLessThan(1_000_000)
    expect(answer.data ?? null).toBeNull()
  })

  it('refuse text that nests until the parser gives up', async () => {
    const deep = asking({ MAX_TOKENS: '100000', MAX_BODY_BYTES: '10000000' })
    expect((await deep(`{ ${'a { '.repeat(30_000)} a ${'}'.repeat(30_000)} }`)).errors[0].extensions.code).toBe('QUERY_TOO_COMPLEX')
  })

  it('count a page that a variable asks for, and a default of the variable', async () => {
    const query = 'query ($n: Int) { things(first: $n) { nodes { things(first: $n) { nodes { id } } } } }'
    expect(await code(query, { n: 10 })).toBeUndefined()
    expect(await code(query, { n: 100 })).toBe('QUERY_TOO_COMPLEX')
    expect(await code(query, { n: 10 })).toBeUndefined()
    expect(await code('query ($n: Int = 100) { things(first: $n) { nodes { things(first: $n) { nodes { id } } } } }')).toBe('QUERY_TOO_COMPLEX')
  })

  it('count 50 where no page is given, and `last` as `first`', async () => {
    expect(await costOf('{ things { nodes { id } } }')).toBe(61)
    expect(await costOf('{ things(first: 10) { nodes { id } totalCount } }')).toBe(14)
    expect(await costOf('{ things(last: 20) { nodes { id } } }')).toBe(25)
  })

  it('let a page that is too long be refused by its list', async () => {
    expect(await code('{ things(first: 100000) { nodes { id } } }')).toBeUndefined()
  })

  it('leave room for what clients ask', async () => {
    expect(await code('{ things { nodes { id name things { nodes { id name parent { id } } totalCount } } } }')).toBeUndefined()
    expect(await code(doubling(4))).toBeUndefined()
  })

  it('let the introspection of common tools pass', async () => {
    const { getIntrospectionQuery } = await import('graphql')
    expect(
      await ask(getIntrospectionQuery({ inputValueDeprecation: true, directiveIsRepeatable: true, schemaDescription: true, specifiedByUrl: true })),
    ).toHaveProperty('data.__schema')
  })

  it('say what an operation costs where that is asked for, and only there', async () => {
    expect((await ask('{ hello }', {}, { 'x-holdfast-cost': '1' })).extensions).toEqual({ cost: { requested: 1, limit: 10_000 } })
    expect(await ask('{ hello }')).not.toHaveProperty('extensions')
  })

  it('do not let the fields of one document be compared for seconds', async () => {
    const before = process.cpuUsage()
    await ask(`{ ${'hello '.repeat(3900)} }`)
    const { user, system } = process.cpuUsage(before)
    expect(user + system).toBeLessThan(2_000_000)
  })
})

describe('text with null characters', () => {
  it.each([
    ['in a variable', 'query ($t: String) { hello(text: $t) }', { t: 'a\u0000b' }],
    ['deep in a variable', 'query ($t: String) { hello(text: $t) }', { t: 'a', other: { list: [{ 'a\u0000': 1 }] } }],
    ['in a literal', '{ hello(text: "a\\u0000b") }', undefined],
    ['in a literal, the other way', '{ hello(text: "a\\u{0}b") }', undefined],
  ])('is refused %s', async (_name, query, variables) => {
    expect(await code(query, variables)).toBe('BAD_USER_INPUT')
  })

  it('is not what an escaped backslash makes', async () => {
    expect((await ask('{ hello(text: "a\\\\u0000b") }')).data.hello).toBe('hello a\\u0000b')
  })

  it('is looked for in variables of any depth without falling over', async () => {
    const nested = `{"query":"{hello}","variables":{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}}`
    const { yoga } = createGraphQL(tinyApp(puppet), schema)
    const response = await yoga.fetch('http://test/graphql', { method: 'POST', headers: { 'content-type': 'application/json' }, body: nested })
    expect((await response.json()).errors[0].extensions.code).toBe('BAD_USER_INPUT')
  })
})
