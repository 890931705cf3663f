import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { server } from '../../src/core/actor.ts'
import { transact } from '../../src/events/transact.ts'
import { Prisma } from '../../src/generated/sqlite/client.ts'
import { type MeaningSearch, meaningSearch } from '../../src/search/meaning-search.ts'
import { textIndexPut } from '../../src/search/text-index.ts'
import { textQueryParts } from '../../src/search/text-query.ts'
import { textSpaceOpen } from '../../src/search/text-space.ts'
import { dialects } from '../kit/databases.ts'
import { openWorld, type TestUser, type World } from '../kit/world.ts'
import { bare } from '../tasks/task.ts'
import { EmbeddingsServer } from './embeddings-server.ts'
import { TestSpace } from './space.ts'

const MODEL = 'openai/words-64'

describe.each(dialects())('a search by meaning on %s', (dialect) => {
  let world: World
  let ada: TestUser
  let model: EmbeddingsServer

  beforeAll(async () => {
    model = await EmbeddingsServer.start()
    world = await openWorld(dialect, { env: { OPENAI_BASE_URL: model.baseUrl, LOCAL_EMBEDDINGS: 'off' } })
    ada = await world.user('ada')
  })
  afterAll(async () => {
    await world?.close()
    model?.close()
  })

  /** Texts with vectors, and their words in the index. The name before a colon is the group. */
  async function filled(using: string | null, ...given: string[]): Promise<TestSpace> {
    const space = new TestSpace(world, ada)
    const ids = await space.put(...given)
    await transact(world.app.store, server, async (work) =>
      textIndexPut(
        work,
        await textSpaceOpen(work, space.space, 'ENGLISH'),
        given.map((content, i) => ({ id: ids[i]!, groupId: content.split(':')[0]!, content })),
      ),
    )
    if (using) {
      await space.embed(using)
      await space.settled()
    }
    return space
  }

  async function found(spaces: readonly TestSpace[], query: string, more: Partial<MeaningSearch> = {}) {
    const search = {
      spaces: spaces.map(({ space }) => space),
      parts: textQueryParts(query),
      match: 'ANY' as const,
      limit: 10,
      mode: 'HYBRID' as const,
      ...more,
    }
    return (await meaningSearch(world.app, { ...search, ownerId: bare(ada.id) })).hits
  }
  const groups = async (...args: Parameters<typeof found>) => (await found(...args)).map(({ groupId }) => groupId)

  test('fuses the ranks of words and meaning', async () => {
    // The same words in another form are one word to the index, and another one to the model.
    const space = await filled(MODEL, 'words: swimming swimming swimming lakes', 'both: swim in a lake', 'neither: mountains')
    const [first, second] = await found([space], 'swim lake')
    expect([first!.groupId, second!.groupId]).toEqual(['both', 'words'])
    const ofRanks = (...ranks: number[]) => Math.round(ranks.reduce((sum, rank) => sum + 1 / (60 + rank), 0) * 1e6)
    expect([ofRanks(1, 1), ofRanks(2, 1)]).toContain(first!.score)
  })

  test('by vectors alone has the cosine as its score, and each group once', async () => {
    const space = await filled(MODEL, 'a: red green blue', 'a: red', 'b: red green blue', 'c: yellow')
    const hits = await found([space], 'a red green blue', { mode: 'VECTOR' })
    expect(hits.map(({ groupId }) => groupId)).toEqual(['a', 'b', 'c'])
    expect(hits[0]!.score).toBe(1_000_000)
    expect(space.items.get(hits[0]!.id)).toBe('a: red green blue')
  })

  test('leaves out what the query excludes, and what does not fulfil the condition', async () => {
    const space = await filled(MODEL, 'a: sun and rain', 'b: sun and snow', 'c: sun and wind')
    for (const mode of ['VECTOR', 'HYBRID'] as const) {
      expect((await groups([space], 'sun -snow', { mode })).sort()).toEqual(['a', 'c'])
      expect(await groups([space], 'sun', { mode, where: Prisma.sql`"item"."groupId" = ${'b'}` })).toEqual(['b'])
      expect(await groups([space], 'sun -snow', { mode, where: Prisma.sql`"item"."groupId" = ${'b'}` })).toEqual([])
    }
  })

  test('goes by pages that fit together', async () => {
    const space = await filled(MODEL, ...Array.from({ length: 25 }, (_, i) => `g${String(i).padStart(2, '0')}: tea number ${i}`))
    for (const mode of ['VECTOR', 'HYBRID'] as const) {
      const all = await found([space], 'tea number 7', { mode, limit: 100 })
      expect(all).toHaveLength(25)
      const paged: typeof all = []
      for (;;) {
        const last = paged.at(-1)
        const page = await found([space], 'tea number 7', { mode, limit: 10, after: last && { score: last.score, groupId: last.groupId } })
        if (!page.length) break
        paged.push(...page)
      }
      expect(paged).toEqual(all)
    }
  })

  test('finds by words alone where there are no vectors, and fuses ranks where there are those of several models', async () => {
    const [some, others, none] = [await filled(MODEL, 'a: quick fox'), await filled('openai/words-32', 'b: quick fox'), await filled(null, 'c: quick fox')]
    expect((await groups([some, others, none], 'quick fox')).sort()).toEqual(['a', 'b', 'c'])
    const hits = await found([some, others, none], 'quick fox', { mode: 'VECTOR' })
    expect(hits.map(({ groupId, score }) => [groupId, score])).toEqual([
      ['a', Math.round(1e6 / 61)],
      ['b', Math.round(1e6 / 61)],
    ])
    expect(await groups([none], 'quick fox', { mode: 'VECTOR' })).toEqual([])
  })

  test('asks the model once for the same question', async () => {
    const space = await filled(MODEL, 'a: once')
    const before = model.embedded.length
    for (let i = 0; i < 3; i++) await found([space], 'asked only once')
    expect(model.embedded.slice(before)).toEqual(['asked only once'])
    const calls = await world.client.providerUsage.findMany({ where: { taskId: null, ownerId: bare(ada.id) }, orderBy: { startedAtMs: 'desc' } })
    expect(calls[0]).toMatchObject({ status: 'COMPLETED', provider: 'openai', model: 'words-64', inputTokens: 1, outputTokens: 0 })
  })
})
