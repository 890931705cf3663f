import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dialects } from '../kit/databases.ts'
import { openWorld, type TestUser, type World } from '../kit/world.ts'
import { create as createTask } from '../tasks/task.ts'
import { CREATE_MANY, create, DELETE, EVENTS, LIST, texts, UPDATE } from './fact.ts'

const FACTS = [
  { text: 'The CAFÉ opens at 9%', tags: ['place', 'time'], metadata: { n: 1, s: 'a', b: true, deep: { er: { x: 'y' } } } },
  { text: 'the café closes_late', tags: ['place'], metadata: { n: 2.5, s: 'B', b: false, 'odd"key\\': 1, 'a.b': 'dotted' } },
  { text: 'Straße 42, 東京', tags: ['Place', 'work'], metadata: { n: '1', s: null, list: [{ x: 1 }], deep: [] } },
  { text: 'no tags  at\nall', tags: [], metadata: null },
  { text: 'back\\slash %s', tags: ['time', 'it’s', '%'], metadata: { n: -3, s: 'ä', deep: { er: 5 } } },
]
const at = (condition: object, ...path: string[]) => ({ metadata: [{ path, ...condition }] })

/** Each with the places of those that it leaves. */
const FILTERS: [string, object, number[]][] = [
  ['a word, whatever the case', { q: 'Café' }, [0, 1]],
  ['accents', { q: 'CAFE' }, []],
  ['a per cent sign', { q: '%' }, [0, 4]],
  ['an underscore', { q: 's_l' }, [1]],
  ['a backslash', { q: '\\s' }, [4]],
  ['blanks of whatever kind', { q: ' tags at  all ' }, [3]],
  ['another script', { q: '東' }, [2]],
  ['nothing', { q: '' }, [0, 1, 2, 3, 4]],
  ['FTS operators', { q: '" OR *' }, []],
  ['any of the tags', { tags: { any: ['place', 'work'] } }, [0, 1, 2]],
  ['any of no tags', { tags: { any: [] } }, []],
  ['all of the tags', { tags: { all: ['place', 'time'] } }, [0]],
  ['all of no tags', { tags: { all: [], none: [] } }, [0, 1, 2, 3, 4]],
  ['none of the tags', { tags: { none: ['place', '%'] } }, [2, 3]],
  ['tags in and out', { tags: { any: ['place', 'time'], none: ['it’s'] } }, [0, 1]],
  ['a number', at({ number: { eq: 1 } }, 'n'), [0]],
  ['numbers above one', at({ number: { gt: 0.5 } }, 'n'), [0, 1]],
  ['a number among others', at({ number: { in: [-3, 2.5] } }, 'n'), [1, 4]],
  ['another number; an absent one is none', at({ number: { ne: 1 } }, 'n'), [1, 4]],
  ['a text', at({ string: { eq: '1' } }, 'n'), [2]],
  ['texts by their bytes', at({ string: { gte: 'B' } }, 's'), [0, 1, 4]],
  ['a text that is not there', at({ string: { isNull: true } }, 's'), [2, 3]],
  ['a truth', at({ boolean: { eq: true } }, 'b'), [0]],
  ['an untruth', at({ boolean: { ne: true } }, 'b'), [1]],
  ['what is there', at({ isPresent: true }, 's'), [0, 1, 4]],
  ['what is not there, null too', at({ isPresent: false }, 's'), [2, 3]],
  ['a deep value', at({ string: { eq: 'y' } }, 'deep', 'er', 'x'), [0]],
  ['an object', at({ isPresent: true }, 'deep', 'er'), [0, 4]],
  ['a way through what is no object', at({ isPresent: true }, 'deep', 'er', 'x'), [0]],
  ['a way through a list', at({ isPresent: true }, 'list', '0'), []],
  ['a key with quotation marks', at({ number: { eq: 1 } }, 'odd"key\\'), [1]],
  ['eight keys', at({ isPresent: false }, ...'abcdefgh'), [0, 1, 2, 3, 4]],
  ['hundreds of values', at({ string: { in: Array.from({ length: 900 }, (_, i) => `${i}`) } }, 'n'), [2]],
  ['more tags than any has', { tags: { all: Array.from({ length: 65 }, (_, i) => `${i}`) } }, []],
  ['a key with a dot', at({ string: { eq: 'dotted' } }, 'a.b'), [1]],
  ['a key that is SQL', at({ isPresent: true }, `') OR 1=1 --`), []],
  [
    'two values',
    {
      metadata: [
        { path: ['n'], number: { lt: 2 } },
        { path: ['s'], string: { eq: 'a' } },
      ],
    },
    [0],
  ],
  ['not', { not: at({ number: { gt: 0 } }, 'n') }, [4]],
  ['or', { or: [{ q: '42' }, { tags: { all: ['it’s'] } }] }, [2, 4]],
  ['and, or, not', { and: [{ not: { q: 'café' } }, { or: [{ tags: { any: ['work'] } }, { q: 'tags' }] }] }, [2, 3]],
]

describe.each(dialects())('a list of facts on %s', (dialect) => {
  let world: World
  let ada: TestUser
  let bob: TestUser
  beforeAll(async () => {
    world = await openWorld(dialect, { env: { TASK_CONCURRENCY: '0' } })
    await world.user('admin')
    ada = await world.user('ada')
    bob = await world.user('bob')
    await world.does(CREATE_MANY, { input: { facts: FACTS } }, ada)
    await create(world, bob, { text: 'Bob’s café', tags: ['place', 'time', 'work'], metadata: FACTS[0]!.metadata })
  })
  afterAll(() => world.close())

  it.each(FILTERS)('is filtered by %s', async (_what, filter, places) => {
    expect((await texts(world, ada, filter)).sort()).toEqual(places.map((place) => FACTS[place]!.text).sort())
  })

  it('is followed by the same filters: what matches is told, and nothing else', async () => {
    const cy = await world.user('cy')
    const after = (await world.ask('{ eventCursor }', {}, cy)).data.eventCursor
    await world.does(CREATE_MANY, { input: { facts: FACTS } }, cy)
    const end = await create(world, cy, { text: 'the end' })
    for (const [what, filter, places] of FILTERS) {
      const live = await world.follow(EVENTS, { filter: { or: [filter, { id: { eq: end.id } }] }, after }, cy)
      const told = await live.until(({ factId }) => factId === end.id)
      await live.stop()
      expect([what, told.slice(0, -1).map(({ fact }) => fact.text)]).toEqual([what, places.map((place) => FACTS[place]!.text)])
    }
  })

  it('tells what leaves it, and what is removed', async () => {
    const live = await world.follow(EVENTS, { filter: { tags: { any: ['live'] }, q: 'ping' } }, ada)
    const fact = await create(world, ada, { text: 'Ping', tags: ['live'] })
    await create(world, bob, { text: 'Ping', tags: ['live'] })
    await create(world, ada, { text: 'Pong', tags: ['live'] })
    await world.does(UPDATE, { input: { id: fact.id, tags: ['dead'] } }, ada)
    await world.does(UPDATE, { input: { id: fact.id, text: 'ping again' } }, ada)
    await world.does(UPDATE, { input: { id: fact.id, tags: ['live'] } }, ada)
    await world.does(DELETE, { input: { id: fact.id } }, ada)
    const told = await live.until(({ kind }) => kind === 'DELETED')
    expect(told.map(({ kind, factId, data }) => [kind, factId, data.tags])).toEqual([
      ['CREATED', fact.id, ['live']],
      ['UPDATED', fact.id, ['dead']],
      ['UPDATED', fact.id, ['live']],
      ['DELETED', fact.id, ['live']],
    ])
    await live.stop()
  })

  it('of one is its state first, and then every change of it', async () => {
    const fact = await create(world, ada, { text: 'one', tags: ['b', 'a'] })
    const ONE = `subscription ($id: ID!, $after: Cursor) { factUpdated(id: $id, after: $after) { cursor kind data fact { text } } }`
    const live = await world.follow(ONE, { id: fact.id }, ada)
    const snapshot = await live.take()
    expect(snapshot).toMatchObject({ kind: 'SNAPSHOT', data: { text: 'one', tags: ['a', 'b'], metadata: null } })
    await world.does(UPDATE, { input: { id: fact.id, text: 'two' } }, ada)
    expect(await live.take()).toMatchObject({ kind: 'UPDATED', fact: { text: 'two' }, data: { before: { text: 'one' } } })
    await world.does(DELETE, { input: { id: fact.id } }, ada)
    expect(await live.take()).toMatchObject({ kind: 'DELETED', fact: null })
    expect((await live.next()).done).toBe(true)
    const again = await world.follow(ONE, { id: fact.id, after: snapshot.cursor }, ada)
    expect((await again.until(({ kind }) => kind === 'DELETED')).map(({ kind }) => kind)).toEqual(['UPDATED', 'DELETED'])
    const refused = await (await world.follow(ONE, { id: fact.id, after: snapshot.cursor }, bob)).next()
    expect(refused.value!.errors![0]!.extensions.code).toBe('NOT_FOUND')
  })

  it('goes by pages, in the order that is asked for', async () => {
    const dan = await world.user('dan')
    const task = await createTask(world, dan, { type: 'http.request', params: { url: 'http://127.0.0.1/' } })
    for (const text of ['a', 'b', 'c', 'd']) await create(world, dan, { text, ...(text !== 'b' && { taskId: task.id, tags: ['odd'] }) })
    const [first] = (await world.ask('{ facts(orderBy: [{ field: CREATED_AT }]) { nodes { id } } }', {}, dan)).data.facts.nodes
    await world.does(UPDATE, { input: { id: first.id, text: 'A' } }, dan)
    expect(await texts(world, dan)).toEqual(['d', 'c', 'b', 'A'])
    expect(await texts(world, dan, {}, { orderBy: [{ field: 'UPDATED_AT', direction: 'DESC' }] })).toEqual(['A', 'd', 'c', 'b'])
    expect(await texts(world, dan, { taskId: { eq: task.id } })).toEqual(['d', 'c', 'A'])
    const page = async (after?: string) => (await world.ask(LIST, { first: 2, after, filter: { tags: { all: ['odd'] } } }, dan)).data.facts
    const one = await page()
    expect([one.totalCount, one.pageInfo.hasNextPage, one.nodes.map(({ text }: { text: string }) => text)]).toEqual([3, true, ['d', 'c']])
    const two = await page(one.pageInfo.endCursor)
    expect([two.pageInfo.hasNextPage, two.nodes.map(({ text }: { text: string }) => text)]).toEqual([false, ['A']])
  })

  it.each([
    ['a long q', { q: 'x'.repeat(1001) }],
    ['a path of nine keys', at({ isPresent: true }, ...'abcdefghi')],
    ['no path', at({ isPresent: true })],
    ['a long key', at({ isPresent: true }, 'k'.repeat(201))],
    ['too many tags', { tags: { any: Array.from({ length: 1001 }, String) } }],
    ['tags that take too long to be looked for one by one', { tags: { all: Array.from({ length: 67 }, String) } }],
    ['too many values', at({ string: { in: Array.from({ length: 1001 }, String) } }, 'n')],
    ['too many conditions', { metadata: Array.from({ length: 101 }, () => ({ path: ['a', 'b'], isPresent: true })) }],
    ['too many levels', Array.from({ length: 8 }).reduce<object>((filter) => ({ not: filter }), { q: 'x' })],
  ])('is refused a filter with %s, also live', async (_what, filter) => {
    const { errors } = await world.ask(LIST, { filter }, ada)
    expect(errors![0]!.extensions.code).toBe('BAD_USER_INPUT')
    const live = await (await world.follow(EVENTS, { filter }, ada)).next()
    expect(live.value!.errors![0]!.extensions.code).toBe('BAD_USER_INPUT')
  })
})
