/** Full-text over spaces: what is found, in which order, and that no space tells of another. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { server } from '../../src/core/actor.ts'
import { openDatabase } from '../../src/db/database.ts'
import { openStore, type Store } from '../../src/events/store.ts'
import { reading, transact } from '../../src/events/transact.ts'
import { Prisma } from '../../src/generated/sqlite/client.ts'
import type { TextLanguage } from '../../src/search/language.ts'
import type { TextMatch } from '../../src/search/text-asked.ts'
import { type TextItem, textIndexPut, textIndexRemove } from '../../src/search/text-index.ts'
import { textQueryParts } from '../../src/search/text-query.ts'
import { textSearch } from '../../src/search/text-search.ts'
import { textSnippet } from '../../src/search/text-snippet.ts'
import { textSpaceClear, textSpaceOpen } from '../../src/search/text-space.ts'
import { dialects, type ScratchDatabase, scratchDatabase } from '../kit/databases.ts'

describe.each(dialects())('the full-text index on %s', (dialect) => {
  let scratch: ScratchDatabase
  let store: Store
  beforeAll(async () => {
    scratch = await scratchDatabase(dialect)
    store = await openStore(await openDatabase({ url: scratch.url }), { warn: () => {} })
  })
  afterAll(async () => {
    await store.close()
    await scratch.drop()
  })

  const put = (key: string, items: (TextItem | [string, string])[], language: TextLanguage = 'ENGLISH') =>
    transact(store, server, async (work) => {
      const space = await textSpaceOpen(work, key, language)
      await textIndexPut(
        work,
        space,
        items.map((item) => (Array.isArray(item) ? { id: item[0], content: item[1] } : item)),
      )
    })
  const search = (
    spaces: string | string[],
    query: string,
    more: { match?: TextMatch; limit?: number; where?: Prisma.Sql; after?: { score: number; groupId: string } } = {},
  ) => textSearch(reading(store, server), { spaces: [spaces].flat(), parts: textQueryParts(query), match: 'ALL', limit: 100, ...more })
  const found = async (...asked: Parameters<typeof search>) => (await search(...asked)).hits.map(({ id }) => id)
  const sorted = async (...asked: Parameters<typeof search>) => (await found(...asked)).sort()

  test('finds words in whatever form, case and accent', async () => {
    await put('forms', [
      ['1', 'Runners were RUNNING through the café.'],
      ['2', 'A naïve approach'],
      ['3', 'She connected two systems.'],
    ])
    expect(await found('forms', 'run')).toEqual(['1'])
    expect(await found('forms', 'CAFE')).toEqual(['1'])
    expect(await found('forms', 'naïve')).toEqual(['2'])
    expect(await found('forms', 'connecting system')).toEqual(['3'])
    expect(await found('forms', 'running systems')).toEqual([])
    expect(await sorted('forms', 'running systems', { match: 'ANY' })).toEqual(['1', '3'])
  })

  test('finds phrases, beginnings, and what is without something', async () => {
    await put('language', [
      ['1', 'the quick brown fox'],
      ['2', 'the brown quick fox'],
      ['3', 'quicksilver and a fox'],
      { id: '4', title: 'Quick', content: 'brown bread' },
    ])
    expect(await sorted('language', '"quick brown"')).toEqual(['1'])
    expect(await sorted('language', 'quick*')).toEqual(['1', '2', '3', '4'])
    expect(await sorted('language', 'fox -brown')).toEqual(['3'])
    expect(await sorted('language', 'fox -"quick brown"')).toEqual(['2', '3'])
    expect(await sorted('language', 'fox -quick*')).toEqual([])
    expect(await sorted('language', 'bread "brown quick"', { match: 'ANY' })).toEqual(['2', '4'])
    expect(await sorted('language', 'quick-brown')).toEqual(['1'])
  })

  test('takes the engines’ own operators for words and signs like others', async () => {
    await put('operators', [
      ['1', 'this AND that OR near NOT column title content'],
      ['2', 'plain'],
    ])
    for (const query of ['title:plain', '{title}: plain', 'plain ^', 'plain & | ! <-> ()', "plain'", "plain \\' :*", 'plain +', 'plain ; --'])
      expect([query, await found('operators', query)]).toEqual([query, query === 'title:plain' || query === '{title}: plain' ? [] : ['2']])
    expect(await found('operators', 'near NOT column')).toEqual(['1'])
    expect(await found('operators', 'near OR plain')).toEqual([])
    expect(await found('operators', 'NEAR(near column)')).toEqual([])
  })

  test('finds other scripts and emoji', async () => {
    await put(
      'scripts',
      [
        ['ja', '東京都に住んでいます'],
        ['ru', 'Книги о Москве'],
        ['ar', 'هذا كتاب جديد'],
        ['th', 'ภาษาไทยไม่เว้นวรรค'],
        ['emoji', 'we won 🎉 today 👩‍👩‍👧 🇩🇪'],
        ['long', `x ${'ab'.repeat(500)} y`],
      ],
      'SIMPLE',
    )
    expect(await found('scripts', '東京')).toEqual(['ja'])
    expect(await found('scripts', '京東')).toEqual([])
    expect(await found('scripts', 'москве')).toEqual(['ru'])
    expect(await found('scripts', 'كتاب')).toEqual(['ar'])
    expect(await found('scripts', 'ไทย')).toEqual(['th'])
    expect(await found('scripts', '🎉')).toEqual(['emoji'])
    expect(await found('scripts', '🇩🇪 won')).toEqual(['emoji'])
    expect(await found('scripts', 'ab'.repeat(400))).toEqual(['long'])
  })

  test('knows the language of its space', async () => {
    await put('german', [['1', 'Die Häuser der Straße']], 'GERMAN')
    await put('simple', [['1', 'Die Häuser der Straße']], 'SIMPLE')
    expect(await found('german', 'haus strasse')).toEqual(['1'])
    expect(await found('simple', 'haus')).toEqual([])
    expect(await found('simple', 'hauser')).toEqual(['1'])
  })

  test('passes over words that say nothing, unless there are no others', async () => {
    await put('silent', [
      ['1', 'to be or not to be'],
      ['2', 'a hat'],
    ])
    expect(await found('silent', 'the hat')).toEqual(['2'])
    expect(await found('silent', 'to be')).toEqual(['1'])
    expect(await found('silent', '"not to be"')).toEqual(['1'])
  })

  test('puts first what has the rarer word, has it more often, or in its title', async () => {
    await put('order', [
      ...Array.from({ length: 20 }, (_, i): [string, string] => [`common ${i}`, 'apple and something else']),
      ['rare', 'quince and something else'],
      ['often', 'pear pear pear something'],
      ['once', 'pear and some other words'],
      { id: 'title', title: 'Plum', content: 'and other fruit of trees' },
      ['text', 'plum and other fruit of trees'],
    ])
    expect((await found('order', 'apple quince', { match: 'ANY' }))[0]).toBe('rare')
    expect(await found('order', 'pear')).toEqual(['often', 'once'])
    expect(await found('order', 'plum')).toEqual(['title', 'text'])
  })

  test('gives every hit once, over pages, whatever their scores', async () => {
    await put(
      'pages',
      Array.from({ length: 45 }, (_, i): TextItem => ({ id: `p${String(i).padStart(2, '0')}`, content: i % 3 ? 'stone' : 'stone stone river' })),
    )
    const all = await search('pages', 'stone')
    const seen: string[] = []
    let after: { score: number; groupId: string } | undefined
    for (;;) {
      const { hits } = await search('pages', 'stone', { limit: 7, ...(after && { after }) })
      if (!hits.length) break
      seen.push(...hits.map(({ id }) => id))
      after = hits.at(-1)
    }
    expect(seen).toEqual(all.hits.map(({ id }) => id))
    expect(new Set(seen).size).toBe(45)
  })

  test('gives every hit once and in order, also where one text of very many parts is all of the best', async () => {
    const parts = Array.from({ length: 700 }, (_, i): TextItem => ({ id: `part ${i}`, groupId: 'long', content: 'pebble pebble' }))
    const others = Array.from({ length: 25 }, (_, i): TextItem => ({ id: `other ${i}`, content: `pebble ${'and sand '.repeat(i + 1)}` }))
    await put('parts', [...parts, ...others])
    const all = (await search('parts', 'pebble', { where: Prisma.sql`1 = 1` })).hits.map(({ groupId }) => groupId)
    expect([...all].sort()).toEqual(['long', ...others.map(({ id }) => id)].sort())
    const groups = async (more: Parameters<typeof search>[2]) => (await search('parts', 'pebble', more)).hits
    const first = await groups({ limit: 10 })
    const second = await groups({ limit: 10, after: first.at(-1) })
    const third = await groups({ limit: 10, after: second.at(-1) })
    expect([...first, ...second, ...third].map(({ groupId }) => groupId)).toEqual(all)
    expect(await groups({ limit: 10, after: third.at(-1) })).toEqual([])
  })

  test('gives a group once, by its best item', async () => {
    await put('groups', [
      { id: 'a1', groupId: 'a', content: 'one lantern among many other words here' },
      { id: 'a2', groupId: 'a', content: 'lantern lantern' },
      { id: 'b1', groupId: 'b', content: 'lantern again' },
    ])
    expect((await search('groups', 'lantern')).hits.map(({ id, groupId }) => [id, groupId])).toEqual([
      ['a2', 'a'],
      ['b1', 'b'],
    ])
  })

  test('takes a further condition', async () => {
    expect(await found('groups', 'lantern', { where: Prisma.sql`"item"."groupId" = ${'b'}` })).toEqual(['b1'])
  })

  test('replaces and removes what was put, and forgets a space with its last item', async () => {
    await put('changes', [
      ['1', 'first'],
      ['2', 'second'],
    ])
    await put('changes', [['1', 'third']])
    expect(await found('changes', 'first')).toEqual([])
    expect(await found('changes', 'third')).toEqual(['1'])
    await transact(store, server, (work) => textIndexRemove(work, 'changes', ['1', 'nobody']))
    expect(await found('changes', 'third')).toEqual([])
    expect(await found('changes', 'second')).toEqual(['2'])
    expect((await transact(store, server, (work) => textSpaceClear(work, 'changes', 100))).result).toBe(1)
    expect(await store.database.client.textSpace.count({ where: { key: 'changes' } })).toBe(0)
    expect(await found('changes', 'second')).toEqual([])
  })

  test('holds nothing of a transaction that was rolled back', async () => {
    await put('rolled', [['1', 'before']])
    await expect(
      transact(store, server, async (work) => {
        await textIndexPut(work, await textSpaceOpen(work, 'rolled', 'ENGLISH'), [
          { id: '1', content: 'after' },
          { id: '2', content: 'after' },
        ])
        throw new Error('no')
      }),
    ).rejects.toThrow('no')
    expect(await found('rolled', 'after')).toEqual([])
    expect(await found('rolled', 'before')).toEqual(['1'])
  })

  test('scores by the space alone: what others put changes nothing', async () => {
    await put('mine', [
      ['1', 'harbour lights and boats'],
      ['2', 'boats boats'],
      ['3', 'nothing of that'],
    ])
    const queries = ['boats', 'harbour boats', 'boat*', '"harbour lights"']
    const before = await Promise.all(queries.map(async (query) => (await search('mine', query, { match: 'ANY' })).hits))
    await put(
      'theirs',
      Array.from({ length: 300 }, (_, i): [string, string] => [String(i), `harbour lights boats ${'boats '.repeat(i % 5)}`]),
    )
    expect(await Promise.all(queries.map(async (query) => (await search('mine', query, { match: 'ANY' })).hits))).toEqual(before)
    expect(
      (await search(['mine', 'theirs'], 'boats')).hits.filter(({ id, score }) => before[0]!.some((hit) => hit.id === id && hit.score === score)).length,
    ).toBeGreaterThanOrEqual(2)
  })

  test('searches several spaces at once, each in its language', async () => {
    expect(new Set(await found(['german', 'language', 'no such space'], 'haus', { match: 'ANY' }))).toEqual(new Set(['1']))
    expect((await search(['mine', 'language'], 'fox boats', { match: 'ANY' })).hits.length).toBe(5)
  })

  test('says precisely what it cannot search', async () => {
    const refusal = (query: string) =>
      Promise.resolve()
        .then(() => search('mine', query))
        .then(
          () => 'found',
          (error: Error) => error.message,
        )
    expect(await refusal('')).toBe('The query is empty.')
    expect(await refusal('  \n ')).toBe('The query is empty.')
    expect(await refusal('!?')).toBe('There is no word in the query.')
    expect(await refusal('-boats')).toBe('The query only says what is not to be found; it needs a word that is.')
    expect(await refusal('harbour "lights')).toBe('The quotation mark at place 9 has no other.')
    expect(await refusal('b*')).toBe('Before a * are at least 2 letters.')
    expect(await refusal('boats '.repeat(21).trim())).toBe('A query has at most 20 words and phrases; this one has 21.')
    expect(await refusal('x'.repeat(100 * 1024))).toBe('A query has at most 1000 characters; this one has 102400.')
    expect(await refusal(`"${'a b '.repeat(30)}"`)).toBe('A query has at most 40 words, with those of its phrases.')
  })

  test('shows where the words stand', async () => {
    const content = `${'Nothing to see here. '.repeat(40)}Then the harbour lights went out, and boats were lost 🎉. ${'More of nothing. '.repeat(40)}`
    await put('snippets', [['1', content]])
    const { hits, asked } = await search('snippets', '"harbour lights" boat*')
    const { text, highlights } = textSnippet(content, asked.get(hits[0]!.spaceNo)!)
    expect(highlights.map(({ start, end }) => text.slice(start, end))).toEqual(['harbour', 'lights', 'boats'])
    expect(text).toMatch(/^… .* …$/)
    expect(text.length).toBeLessThan(260)
  })
})
