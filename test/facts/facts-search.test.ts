import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dialects } from '../kit/databases.ts'
import { openWorld, type TestUser, type World } from '../kit/world.ts'
import { CREATE_MANY, create, DELETE, UPDATE } from './fact.ts'

const SEARCH = `query ($query: String!, $filter: FactFilter, $first: Int) { factSearch(query: $query, filter: $filter, first: $first) { score fact { id text } snippet { text parts { text isMatch } } } }`

describe.each(dialects())('factSearch on %s', (dialect) => {
  let world: World
  let ada: TestUser
  let bob: TestUser
  beforeAll(async () => {
    world = await openWorld(dialect, { env: { TASK_CONCURRENCY: '0' } })
    await world.user('admin')
    ada = await world.user('ada')
    bob = await world.user('bob')
    const facts = [
      { text: 'Ada’s cats are called Möhre and Tom.', tags: ['pets'], metadata: { sure: true } },
      { text: 'The cat next door is called Tom too; it likes to sleep on the wall.' },
      { text: 'The meeting is on Monday at nine.', tags: ['work', 'calendar'] },
      { text: '東京の天気は晴れ' },
    ]
    await world.does(CREATE_MANY, { input: { facts } }, ada)
    await create(world, bob, { text: 'Bob’s cat is called Tom.', tags: ['pets'] })
  })
  afterAll(() => world.close())

  // biome-ignore lint/suspicious/noExplicitAny: a test says itself what it expects of an answer
  type Hits = any[]
  const search = async (query: string, more: object = {}, user = ada): Promise<Hits> => {
    const { data, errors } = await world.ask(SEARCH, { query, ...more }, user)
    if (errors) throw new Error(`${errors[0]!.extensions.code}: ${errors[0]!.message}`)
    return data.factSearch
  }
  const found = async (query: string, more: object = {}, user = ada) => (await search(query, more, user)).map(({ fact }) => fact.text.slice(0, 12))

  it('finds by words in whatever form, phrases, beginnings and exclusion, best first', async () => {
    expect((await found('cat')).sort()).toEqual(['Ada’s cats a', 'The cat next'])
    expect(await found('CAT sleeping')).toEqual(['The cat next'])
    expect(await found('"next door"')).toEqual(['The cat next'])
    expect(await found('möh*')).toEqual(['Ada’s cats a'])
    expect(await found('tom -wall')).toEqual(['Ada’s cats a'])
    expect(await found('天気')).toEqual(['東京の天気は晴れ'.slice(0, 12)])
    expect(await found('elephant')).toEqual([])
  })

  it('finds by tags too, and only what a filter leaves', async () => {
    expect(await found('calendar')).toEqual(['The meeting '])
    expect(await found('tom', { filter: { tags: { any: ['pets'] } } })).toEqual(['Ada’s cats a'])
    expect(await found('tom', { filter: { metadata: [{ path: ['sure'], isPresent: false }] } })).toEqual(['The cat next'])
    expect(await found('tom', { first: 1 })).toHaveLength(1)
  })

  it('shows where the words stand', async () => {
    const [{ snippet, score }] = (await search('monday')) as [Hits[number]]
    expect(score).toBeGreaterThan(0)
    expect(snippet.parts.filter(({ isMatch }: { isMatch: boolean }) => isMatch).map(({ text }: { text: string }) => text)).toEqual(['Monday'])
  })

  it('shows nobody what is another’s, neither in what is found nor in how it is scored', async () => {
    const before = await search('tom')
    await world.does(CREATE_MANY, { input: { facts: Array.from({ length: 50 }, (_, i) => ({ text: `Tom ${i}` })) } }, bob)
    expect(await search('tom')).toEqual(before)
    expect((await found('möhre', {}, bob)).concat(await found('möhre', {}, await world.user('cy')))).toEqual([])
  })

  it('follows changes at once', async () => {
    const { id } = await create(world, ada, { text: 'ephemeral' })
    expect(await found('ephemeral')).toEqual(['ephemeral'])
    await world.does(UPDATE, { input: { id, text: 'lasting', tags: ['stone'] } }, ada)
    expect([await found('ephemeral'), await found('lasting'), await found('stone')]).toEqual([[], ['lasting'], ['lasting']])
    await world.does(DELETE, { input: { id } }, ada)
    expect(await found('lasting')).toEqual([])
  })

  it.each([
    ['', 'query'],
    ['"unbalanced', 'query'],
    ['-only', 'query'],
    ['x'.repeat(100_000), 'query'],
    ['* ( &', 'query'],
  ])('refuses what cannot be searched, precisely: %.20s', async (query, path) => {
    const { errors } = await world.ask(SEARCH, { query }, ada)
    expect(errors![0]).toMatchObject({ extensions: { code: 'BAD_USER_INPUT' } })
    expect(JSON.stringify(errors)).toContain(path)
  })

  it('takes the engines’ own operators for words', async () => {
    for (const query of ['NEAR(cat tom)', 'cat OR elephant', 'text: cat', "cat'; DROP TABLE x", 'cat & ! | <-> tom', '{cat}'])
      expect((await world.ask(SEARCH, { query }, ada)).errors).toBeUndefined()
    expect(await found('cat OR elephant')).toEqual([])
  })
})
