/** Documents: added, by one and by many, changed, replaced and removed, and the chunks that they are found by. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newId } from '../../src/core/ids.ts'
import { dialects } from '../kit/databases.ts'
import { openWorld, type TestUser, type World } from '../kit/world.ts'
import { ADD, ADD_MANY, add, CHANGE, create, found, READ, REMOVE, stateOf, UPSERT } from './search.ts'

describe.each(dialects())('search documents on %s', (dialect) => {
  let world: World
  let ada: TestUser
  let ben: TestUser
  beforeAll(async () => {
    world = await openWorld(dialect)
    await world.user()
    ada = await world.user()
    ben = await world.user()
  })
  afterAll(() => world.close())

  const read = async (id: string, user = ada) => (await world.ask(READ, { id }, user)).data.searchDocument

  test('a document is added with all that is known about it, and found', async () => {
    const { id } = await create(world, ada)
    const input = {
      collectionId: id,
      id: `SearchDocument:${newId()}`,
      externalId: 'a-1',
      title: 'Harbour',
      content: 'Boats 🚤 in the bay',
      metadata: { year: 1999, author: { name: 'Ada' } },
      tags: ['sea', 'boats', 'sea'],
    }
    const { document } = await world.does(ADD, { input }, ada)
    const { collectionId: _into, ...rest } = input
    expect(document).toMatchObject({
      ...rest,
      tags: ['boats', 'sea'],
      length: 18,
      collection: { id },
      chunks: { totalCount: 1, nodes: [{ seq: 0, startAt: 0, endAt: 18, text: input.content }] },
    })
    expect(await read(document.id)).toEqual(document)
    expect((await world.does(ADD, { input }, ada)).document).toEqual(document)
    expect(await found(world, ada, 'boat harbour')).toEqual(['a-1'])
  })

  test('what is wrong is refused precisely, and leaves nothing', async () => {
    const { id: collectionId } = await create(world, ada)
    await add(world, ada, collectionId, 'there', { externalId: 'there' })
    const before = await stateOf(world)
    const refused = async (over: object) => (await world.refused(ADD, { input: { collectionId, content: 'x', ...over } }, ada))[0]
    expect(await refused({ content: '  ' })).toMatchObject({ code: 'BAD_USER_INPUT', path: ['input', 'content'] })
    expect(await refused({ content: 'x'.repeat(500_001) })).toMatchObject({ path: ['input', 'content'], message: 'Must have at most 500000 characters.' })
    expect(await refused({ metadata: { x: 'y'.repeat(17_000) } })).toMatchObject({ path: ['input', 'metadata'] })
    expect(await refused({ metadata: ['x'] })).toMatchObject({ path: ['input', 'metadata'], message: 'Must be a JSON object.' })
    expect(await refused({ tags: Array.from({ length: 51 }, (_, i) => `t${i}`) })).toMatchObject({ path: ['input', 'tags'] })
    expect(await refused({ externalId: 'there' })).toMatchObject({ code: 'DOCUMENT_EXISTS', path: ['input', 'externalId'] })
    expect(await refused({ collection: 'both' })).toMatchObject({ path: ['input', 'collectionId'] })
    expect((await world.refused(ADD, { input: { collection: 'not there', content: 'x' } }, ada))[0]).toMatchObject({
      code: 'NOT_FOUND',
      path: ['input', 'collection'],
    })
    expect(
      (await world.ask(ADD, { input: { collectionId, content: 'x', metadata: JSON.parse('['.repeat(40) + ']'.repeat(40)) } }, ada)).errors![0]!.extensions.code,
    ).toBe('BAD_USER_INPUT')
    expect(await stateOf(world)).toEqual(before)
  })

  test('a thousand are added at once', async () => {
    const documents = Array.from({ length: 1000 }, (_, i) => ({ externalId: `many-${i}`, content: `number ${i} of a thousand lanterns`, tags: [`t${i % 7}`] }))
    const { collection, outcomes } = await world.does(ADD_MANY, { input: { collection: 'Thousand', createCollection: true, documents } }, ada)
    expect(outcomes).toEqual(documents.map(() => 'ADDED'))
    const { data } = await world.ask(
      'query ($id: ID!) { searchCollection(id: $id) { documents(first: 1) { totalCount } } search(input: {query: "lantern", collections: [$id], first: 1}) { totalCount } }',
      { id: collection.id },
      ada,
    )
    expect(data).toEqual({ searchCollection: { documents: { totalCount: 1000 } }, search: { totalCount: 1000 } })
  })

  test('a batch says which failed and why, and adds all or none, or the others', async () => {
    const { id: collectionId } = await create(world, ada)
    await add(world, ada, collectionId, 'there', { externalId: 'there' })
    const documents = [
      { externalId: 'good', content: 'a good one' },
      { externalId: 'blank', content: ' ' },
      { externalId: 'good', content: 'again' },
      { externalId: 'there', content: 'new' },
      { id: 'SearchDocument:1', content: 'x' },
    ]
    const faults = [
      { code: 'BAD_USER_INPUT', path: ['input', 'documents', '1', 'content'] },
      { code: 'BAD_USER_INPUT', path: ['input', 'documents', '4', 'id'] },
      { code: 'DOCUMENT_REPEATED', path: ['input', 'documents', '2', 'externalId'] },
      { code: 'DOCUMENT_EXISTS', path: ['input', 'documents', '3', 'externalId'] },
    ]
    const before = await stateOf(world)
    expect(await world.refused(ADD_MANY, { input: { collectionId, documents } }, ada)).toMatchObject(faults.slice(0, 2))
    expect(await world.refused(ADD_MANY, { input: { collectionId, documents: documents.slice(2, 4) } }, ada)).toMatchObject([
      { ...faults[3], path: ['input', 'documents', '1', 'externalId'] },
    ])
    expect(await stateOf(world)).toEqual(before)
    const made = await world.does(ADD_MANY, { input: { collectionId, documents, errorPolicy: 'SKIP_FAILED' } }, ada)
    expect(made.outcomes).toEqual(['ADDED', null, null, null, null])
    expect(made.documents.map((each: { externalId: string } | null) => each?.externalId ?? null)).toEqual(['good', null, null, null, null])
    expect(made.skipped.map(({ index, userErrors }: { index: number; userErrors: object[] }) => [index, userErrors.length])).toEqual([
      [1, 1],
      [2, 1],
      [3, 1],
      [4, 1],
    ])
    const replaced = await world.does(
      ADD_MANY,
      {
        input: {
          collectionId,
          ifExists: 'REPLACE',
          documents: [
            { externalId: 'good', content: 'a good one' },
            { externalId: 'there', content: 'changed' },
            { externalId: 'new', content: 'x' },
          ],
        },
      },
      ada,
    )
    expect(replaced.outcomes).toEqual(['UNCHANGED', 'UPDATED', 'ADDED'])
    const kept = await world.does(ADD_MANY, { input: { collectionId, ifExists: 'KEEP', documents: [{ externalId: 'there', content: 'once more' }] } }, ada)
    expect(kept.outcomes).toEqual(['KEPT'])
    expect(await found(world, ada, 'changed', { collections: [collectionId] })).toEqual(['there'])
  })

  test('an upsert adds or replaces, keeps the id, and says which', async () => {
    const { id: collectionId } = await create(world, ada)
    const upsert = (over: object) => world.does(UPSERT, { input: { collectionId, externalId: 'u', content: 'first words', ...over } }, ada)
    const first = await upsert({ tags: ['a'], metadata: { n: 1 } })
    expect(first.outcome).toBe('ADDED')
    expect((await upsert({ tags: ['a'], metadata: { n: 1 } })).outcome).toBe('UNCHANGED')
    const second = await upsert({ content: 'second words' })
    expect(second).toMatchObject({ outcome: 'UPDATED', document: { id: first.document.id, tags: [], metadata: {}, content: 'second words' } })
    expect(await found(world, ada, 'first', { collections: [collectionId] })).toEqual([])
    expect(await found(world, ada, 'second', { collections: [collectionId] })).toEqual(['u'])
    expect(await world.refused(UPSERT, { input: { collectionId, content: 'x' } }, ada)).toMatchObject([{ path: ['input', 'externalId'] }])
  })

  test('of many who upsert the same at once all come through, and one document is left', async () => {
    const { id: collectionId } = await create(world, ada)
    const outcomes = await Promise.all(
      Array.from(
        { length: 8 },
        async (_, i) => (await world.does(UPSERT, { input: { collectionId, externalId: 'raced', content: `version number ${i}` } }, ada)).outcome,
      ),
    )
    expect(outcomes.filter((outcome) => outcome === 'ADDED')).toHaveLength(1)
    const { data } = await world.ask(
      'query ($id: ID!) { searchDocuments(filter: {collectionId: {eq: $id}}, first: 2) { nodes { content chunks(first: 2) { nodes { text } } } } search(input: {query: "version", collections: [$id]}) { totalCount } }',
      { id: collectionId },
      ada,
    )
    expect(data.searchDocuments.nodes).toHaveLength(1)
    expect(data.searchDocuments.nodes[0].chunks.nodes).toEqual([{ text: data.searchDocuments.nodes[0].content }])
    expect(data.search.totalCount).toBe(1)
  })

  test('a document is changed, and found by what it says now', async () => {
    const { id: collectionId } = await create(world, ada)
    const { id } = await add(world, ada, collectionId, 'old words', { externalId: 'c', title: 'Old', tags: ['a', 'b'], metadata: { n: 1 } })
    const change = (over: object) => world.does(CHANGE, { input: { id, ...over } }, ada)
    expect((await change({ title: 'New title' })).document).toMatchObject({
      title: 'New title',
      content: 'old words',
      tags: ['a', 'b'],
      metadata: { n: 1 },
      externalId: 'c',
    })
    expect(await found(world, ada, 'title words', { collections: [collectionId] })).toEqual(['c'])
    expect((await change({ content: 'fresh words', tags: [], metadata: null, externalId: null })).document).toMatchObject({
      content: 'fresh words',
      tags: [],
      metadata: {},
      externalId: null,
    })
    expect(await found(world, ada, 'old', { collections: [collectionId] })).toEqual([])
    expect(await found(world, ada, 'fresh', { collections: [collectionId] })).toEqual(['New title'])
    await add(world, ada, collectionId, 'other', { externalId: 'taken' })
    const before = await stateOf(world)
    expect(await world.refused(CHANGE, { input: { id, externalId: 'taken' } }, ada)).toMatchObject([{ code: 'DOCUMENT_EXISTS' }])
    expect(await world.refused(CHANGE, { input: { id, content: '' } }, ada)).toMatchObject([{ code: 'BAD_USER_INPUT' }])
    expect(await stateOf(world)).toEqual(before)
  })

  test('a long document is cut into chunks, and those that stay the same keep their ids', async () => {
    const { id: collectionId } = await create(world, ada, { settings: { chunkWords: 20, overlapWords: 0 } })
    const paragraph = (word: string) => `${Array.from({ length: 18 }, (_, i) => `${word}${i}`).join(' ')} 🎈.`
    const words = ['alpha', 'beta', 'gamma']
    const { id } = await add(world, ada, collectionId, words.map(paragraph).join('\n\n'), { externalId: 'long' })
    const before = (await read(id)).chunks.nodes
    expect(before.map(({ text }: { text: string }) => text.trim())).toEqual(words.map(paragraph))
    await world.does(CHANGE, { input: { id, content: ['alpha', 'delta', 'gamma'].map(paragraph).join('\n\n') } }, ada)
    const after = (await read(id)).chunks.nodes
    expect(after.map((chunk: { id: string }, i: number) => chunk.id === before[i].id)).toEqual([true, false, true])
    const content = (await read(id)).content
    expect(after.map(({ startAt, endAt }: { startAt: number; endAt: number }) => [...content].slice(startAt, endAt).join(''))).toEqual(
      after.map(({ text }: { text: string }) => text),
    )
    expect(await found(world, ada, 'beta3', { collections: [collectionId] })).toEqual([])
    expect(await found(world, ada, 'delta3', { collections: [collectionId] })).toEqual(['long'])
    expect(await world.client.textItem.count({ where: { groupId: id.slice(id.indexOf(':') + 1) } })).toBe(3)
  })

  test('a document that is removed is not found any more', async () => {
    const { id: collectionId } = await create(world, ada)
    const { id } = await add(world, ada, collectionId, 'to be removed', { externalId: 'r' })
    expect((await world.does(REMOVE, { input: { id } }, ada)).deletedId).toBe(id)
    expect(await read(id)).toBeNull()
    expect(await found(world, ada, 'removed', { collections: [collectionId] })).toEqual([])
    expect(await world.refused(REMOVE, { input: { id } }, ada)).toMatchObject([{ code: 'NOT_FOUND', path: ['input', 'id'] }])
    expect(await world.client.textItem.count({ where: { groupId: id.slice(id.indexOf(':') + 1) } })).toBe(0)
  })

  test('another user can neither change nor remove it', async () => {
    const { id: collectionId } = await create(world, ada)
    const { id } = await add(world, ada, collectionId, 'mine')
    const before = await stateOf(world)
    for (const of of [id, `SearchDocument:${newId()}`, collectionId]) {
      expect(await world.refused(CHANGE, { input: { id: of, title: 'x' } }, ben)).toMatchObject([{ code: 'NOT_FOUND', path: ['input', 'id'] }])
      expect(await world.refused(REMOVE, { input: { id: of } }, ben)).toMatchObject([{ code: 'NOT_FOUND', path: ['input', 'id'] }])
    }
    expect(await stateOf(world)).toEqual(before)
  })
})
