/** Searching documents: by words, by what is known about them, page by page, and only among one's own. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { dialects } from '../kit/databases.ts'
import { statementsOf } from '../kit/statements.ts'
import { openWorld, type TestUser, type World } from '../kit/world.ts'
import { ADD_MANY, add, create, found, SEARCH } from './search.ts'

describe.each(dialects())('search on %s', (dialect) => {
  let world: World
  let ada: TestUser
  let ben: TestUser
  let id: string
  beforeAll(async () => {
    world = await openWorld(dialect)
    await world.user()
    ada = await world.user()
    ben = await world.user()
    id = (await create(world, ada, { name: 'Ports' })).id
    const documents = [
      {
        externalId: 'hamburg',
        title: 'Hamburg',
        content: 'A large harbour on the river Elbe.',
        tags: ['river', 'germany'],
        metadata: { depth: 15.1, country: { code: 'de' }, free: true },
      },
      {
        externalId: 'oslo',
        title: 'Oslo',
        content: 'A harbour at the end of a fjord.',
        tags: ['fjord'],
        metadata: { depth: 11, country: { code: 'no' }, free: false },
      },
      {
        externalId: 'rotterdam',
        title: 'Rotterdam',
        content: 'The largest harbour of all, on the river Meuse.',
        tags: ['river'],
        metadata: { depth: 24, country: { code: 'nl' }, note: null },
      },
      { externalId: 'text', content: 'A harbour without anything known about it.', metadata: { depth: 'deep', 'a"b\\c': { '': 1 } } },
    ]
    await world.does(ADD_MANY, { input: { collectionId: id, documents } }, ada)
  })
  afterAll(() => world.close())

  const search = async (input: object, user = ada) => (await world.ask(SEARCH, { input }, user)).data.search

  test('finds documents, and shows where and why', async () => {
    const { edges, totalCount } = await search({ query: 'harbour elbe' })
    expect(totalCount).toBe(1)
    const [{ node }] = edges
    expect(node.document).toMatchObject({ externalId: 'hamburg', title: 'Hamburg' })
    expect(node.chunk).toEqual({ seq: 0, text: 'A large harbour on the river Elbe.' })
    expect(node.snippet.html).toBe('A large <mark>harbour</mark> on the river <mark>Elbe</mark>.')
    expect(node.snippet.parts).toEqual([
      { text: 'A large ', isMatch: false },
      { text: 'harbour', isMatch: true },
      { text: ' on the river ', isMatch: false },
      { text: 'Elbe', isMatch: true },
      { text: '.', isMatch: false },
    ])
    expect(node.score).toBeGreaterThan(0)
  })

  test('takes a whole question where any word will do', async () => {
    expect(await found(world, ada, 'Which harbour lies at the end of a fjord?')).toEqual([])
    expect((await found(world, ada, 'Which harbour lies at the end of a fjord?', { match: 'ANY' }))[0]).toBe('oslo')
  })

  test('filters by tags', async () => {
    const by = (tags: object) => found(world, ada, 'harbour', { filter: { tags } }).then((ids) => ids.sort())
    expect(await by({ any: ['river', 'fjord'] })).toEqual(['hamburg', 'oslo', 'rotterdam'])
    expect(await by({ all: ['river', 'germany'] })).toEqual(['hamburg'])
    expect(await by({ none: ['river'] })).toEqual(['oslo', 'text'])
    expect(await by({ any: [] })).toEqual([])
  })

  test('filters by metadata, each value by its type', async () => {
    const by = async (...metadata: object[]) => (await found(world, ada, 'harbour', { filter: { metadata } })).sort()
    expect(await by({ path: ['depth'], number: { gte: 15 } })).toEqual(['hamburg', 'rotterdam'])
    expect(await by({ path: ['depth'], number: { eq: 15.1 } })).toEqual(['hamburg'])
    expect(await by({ path: ['depth'], string: { eq: 'deep' } })).toEqual(['text'])
    expect(await by({ path: ['country', 'code'], string: { in: ['de', 'no'] } })).toEqual(['hamburg', 'oslo'])
    expect(await by({ path: ['country', 'code'], string: { gt: 'de' } })).toEqual(['oslo', 'rotterdam'])
    expect(await by({ path: ['free'], boolean: { eq: true } })).toEqual(['hamburg'])
    expect(await by({ path: ['free'], boolean: { ne: true } })).toEqual(['oslo'])
    expect(await by({ path: ['note'], isPresent: true })).toEqual([])
    expect(await by({ path: ['country'], isPresent: false })).toEqual(['text'])
    expect(await by({ path: ['country', "co'de"], isPresent: true })).toEqual([])
    expect(await by({ path: ['a"b\\c', ''], number: { eq: 1 } })).toEqual(['text'])
    expect(await by({ path: [...'abcdefgh'], isPresent: true })).toEqual([])
    expect(await by({ path: ['depth'], number: { lt: 20 } }, { path: ['free'], boolean: { eq: false } })).toEqual(['oslo'])
  })

  test('combines conditions, and refuses too many of them', async () => {
    const by = async (filter: object) => (await found(world, ada, 'harbour', { filter })).sort()
    expect(await by({ or: [{ externalId: { eq: 'oslo' } }, { title: { eq: 'Hamburg' } }] })).toEqual(['hamburg', 'oslo'])
    expect(await by({ not: { tags: { any: ['river'] } } })).toEqual(['oslo', 'text'])
    expect(await by({ and: [{ tags: { any: ['river'] } }, { metadata: [{ path: ['depth'], number: { gt: 20 } }] }] })).toEqual(['rotterdam'])
    expect(await by({ createdAt: { lt: '2020-01-01T00:00:00Z' } })).toEqual([])
    const deep = { metadata: [{ path: [...'abcdefgh'], isPresent: true }] }
    expect(await by({ and: [{ or: [{ and: [{ or: [{ not: deep }] }] }] }] })).toEqual(['hamburg', 'oslo', 'rotterdam', 'text'])
    const refusal = (filter: object) => by(filter).catch((error: Error) => error.message)
    expect(await refusal({ or: Array.from({ length: 101 }, () => ({ title: { eq: 'x' } })) })).toBe('BAD_USER_INPUT: A filter holds at most 200 conditions.')
    expect(await refusal({ externalId: { in: Array.from({ length: 1001 }, String) } })).toBe('BAD_USER_INPUT: A filter holds at most 1000 values.')
    expect(await refusal({ metadata: [{ path: [...'abcdefghi'], isPresent: true }] })).toMatch(/^BAD_USER_INPUT: A path has/)
    expect(await refusal({ tags: { all: Array.from({ length: 67 }, String) } })).toBe('BAD_USER_INPUT: A filter holds at most 200 conditions.')
    expect(await refusal({ metadata: [{ path: [], isPresent: true }] })).toMatch(/^BAD_USER_INPUT: A path has/)
    const { errors } = await world.ask(SEARCH, { input: { query: 'harbour', filter: { metadata: [{ path: [] }] } } }, ada)
    expect(errors![0]!.extensions.inputPath).toEqual(['input', 'filter', 'metadata', 'path'])
  })

  test('documents are listed by the same conditions', async () => {
    const list =
      'query ($filter: SearchDocumentFilter, $orderBy: [SearchDocumentOrder!], $first: Int, $after: String) { searchDocuments(filter: $filter, orderBy: $orderBy, first: $first, after: $after) { totalCount pageInfo { endCursor hasNextPage } nodes { externalId } } }'
    const filter = { collectionId: { eq: id }, tags: { any: ['river'] }, metadata: [{ path: ['depth'], number: { gt: 1 } }] }
    const { data } = await world.ask(list, { filter, orderBy: [{ field: 'LENGTH', direction: 'DESC' }], first: 1 }, ada)
    expect(data.searchDocuments).toMatchObject({ totalCount: 2, nodes: [{ externalId: 'rotterdam' }], pageInfo: { hasNextPage: true } })
    const next = await world.ask(list, { filter, orderBy: [{ field: 'LENGTH', direction: 'DESC' }], after: data.searchDocuments.pageInfo.endCursor }, ada)
    expect(next.data.searchDocuments.nodes).toEqual([{ externalId: 'hamburg' }])
  })

  test('gives its pages one after the other', async () => {
    const all = await search({ query: 'harbour' })
    expect(all.pageInfo.hasNextPage).toBe(false)
    const ids: string[] = []
    let after: string | undefined
    do {
      const page = await search({ query: 'harbour', first: 1, after })
      ids.push(...page.edges.map(({ node }: { node: { document: { externalId: string } } }) => node.document.externalId))
      after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : undefined
    } while (after)
    expect(ids).toEqual(all.edges.map(({ node }: { node: { document: { externalId: string } } }) => node.document.externalId))
    const { errors } = await world.ask(SEARCH, { input: { query: 'harbour', after: 'nonsense' } }, ada)
    expect(errors![0]!.extensions.code).toBe('BAD_USER_INPUT')
  })

  test('refuses what cannot be searched, with the same words whoever asks', async () => {
    for (const user of [ada, ben]) {
      for (const [query, message] of [
        ['', 'The query is empty.'],
        ['"harbour', 'The quotation mark at place 1 has no other.'],
        ['-harbour', 'The query only says what is not to be found; it needs a word that is.'],
        ['x'.repeat(100_000), 'A query has at most 1000 characters; this one has 100000.'],
      ])
        expect((await world.ask(SEARCH, { input: { query } }, user)).errors![0]).toMatchObject({ message, extensions: { code: 'BAD_USER_INPUT' } })
      expect((await world.ask(SEARCH, { input: { query: 'x', first: 101 } }, user)).errors![0]!.extensions.code).toBe('BAD_USER_INPUT')
      expect((await world.ask(SEARCH, { input: { query: 'x', collections: [] } }, user)).errors![0]!.extensions.code).toBe('BAD_USER_INPUT')
    }
  })

  test('escapes what a document says', async () => {
    const { id: other } = await create(world, ada)
    await add(world, ada, other, 'a <script>alert("x")</script> & a lantern')
    const { edges } = await search({ query: 'lantern', collections: [other] })
    expect(edges[0].node.snippet.html).toBe('a &lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; a <mark>lantern</mark>')
  })

  test('shows nothing of others: neither hits nor counts nor scores', async () => {
    const mine = await create(world, ben)
    await add(world, ben, mine.id, 'my harbour', { externalId: 'mine' })
    const before = await search({ query: 'harbour' }, ben)
    expect(before).toMatchObject({ totalCount: 1, edges: [{ node: { document: { externalId: 'mine' } } }] })
    await world.does(ADD_MANY, { input: { collectionId: id, documents: Array.from({ length: 50 }, (_, i) => ({ content: `harbour harbour ${i}` })) } }, ada)
    expect(await search({ query: 'harbour' }, ben)).toEqual(before)
    await expect(found(world, ben, 'harbour', { collections: [mine.id, id] })).rejects.toThrow('NOT_FOUND')
  })

  test('a key needs the scope', async () => {
    const keyOf = async (scopes: string[]) =>
      (
        await world.does(
          'mutation ($input: ApiKeyCreateInput!) { apiKeyCreate(input: $input) { secret userErrors { code message } } }',
          { input: { name: 'k', scopes } },
          ada,
        )
      ).secret
    const [reads, none] = [await keyOf(['SEARCH_READ']), await keyOf(['TASKS_READ'])]
    expect((await world.ask(SEARCH, { input: { query: 'fjord' } }, reads)).data.search.totalCount).toBe(1)
    expect((await world.ask(SEARCH, { input: { query: 'fjord' } }, none)).errors![0]!.extensions.code).toBe('FORBIDDEN')
    expect((await world.ask('query ($id: ID!) { node(id: $id) { id } }', { id }, none)).data.node).toBeNull()
  })

  test('asks the database as often for many hits as for few', async () => {
    const count = async (first: number) => (await statementsOf(() => search({ query: 'harbour', first }))).statements.length
    expect(await count(50)).toBe(await count(1))
  })
})
