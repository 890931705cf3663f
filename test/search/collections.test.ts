/** Collections: made, changed, removed, listed and followed. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newId } from '../../src/core/ids.ts'
import { dialects } from '../kit/databases.ts'
import { openWorld, type TestUser, type World } from '../kit/world.ts'
import { ADD_MANY, add, COLLECTION, CREATE, create, DELETE, found, stateOf, UPDATE } from './search.ts'

describe.each(dialects())('search collections on %s', (dialect) => {
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

  test('a collection is made with what it is asked for, and read by its id and its name', async () => {
    const input = {
      id: `SearchCollection:${newId()}`,
      name: 'Recipes',
      description: 'What we cook',
      language: 'GERMAN',
      settings: { chunkWords: 100, overlapWords: 10 },
    }
    const { collection, eventCursor } = await world.does(CREATE, { input }, ada)
    expect(collection).toMatchObject({ ...input, owner: { id: ada.id } })
    expect(eventCursor).toBeTruthy()
    const read = `query ($id: ID, $name: String) { searchCollection(id: $id, name: $name) { ${COLLECTION} } }`
    expect((await world.ask(read, { id: collection.id }, ada)).data.searchCollection).toEqual(collection)
    expect((await world.ask(read, { name: 'Recipes' }, ada)).data.searchCollection).toEqual(collection)
    expect((await world.ask('query ($id: ID!) { node(id: $id) { id } }', { id: collection.id }, ada)).data.node).toEqual({ id: collection.id })
    // Again it is the same one.
    expect((await world.does(CREATE, { input }, ada)).collection).toEqual(collection)
    expect(await world.refused(CREATE, { input: { ...input, name: 'Other' } }, ada)).toMatchObject([{ code: 'IDEMPOTENCY_MISMATCH', path: ['input', 'id'] }])
  })

  test('a name is taken once, and what is wrong is refused without a trace', async () => {
    await create(world, ada, { name: 'Taken' })
    await create(world, ben, { name: 'Taken' })
    const other = await create(world, ada)
    const before = await stateOf(world)
    expect(await world.refused(CREATE, { input: { name: 'Taken' } }, ada)).toMatchObject([{ code: 'COLLECTION_NAME_TAKEN', path: ['input', 'name'] }])
    expect(await world.refused(UPDATE, { input: { id: other.id, name: 'Taken' } }, ada)).toMatchObject([{ code: 'COLLECTION_NAME_TAKEN' }])
    expect(await world.refused(CREATE, { input: { name: ' ' } }, ada)).toMatchObject([{ code: 'BAD_USER_INPUT', path: ['input', 'name'] }])
    expect(await world.refused(CREATE, { input: { name: 'x', settings: { chunkWords: 5 } } }, ada)).toMatchObject([
      { path: ['input', 'settings', 'chunkWords'] },
    ])
    expect(await world.refused(CREATE, { input: { name: 'x', settings: { overlapWords: 100 } } }, ada)).toMatchObject([
      { path: ['input', 'settings', 'overlapWords'] },
    ])
    expect(await world.refused(UPDATE, { input: { id: other.id, settings: { chunkWords: 30 } } }, ada)).toMatchObject([{ path: ['input', 'overlapWords'] }])
    expect(await stateOf(world)).toEqual(before)
  })

  test('a collection is changed; its language only while it is empty', async () => {
    const { id } = await create(world, ada, { language: 'ENGLISH' })
    const { collection } = await world.does(
      UPDATE,
      { input: { id, name: 'Changed', description: 'now so', language: 'FRENCH', settings: { chunkWords: 300 } } },
      ada,
    )
    expect(collection).toMatchObject({ name: 'Changed', description: 'now so', language: 'FRENCH', settings: { chunkWords: 300, overlapWords: 20 } })
    expect((await world.does(UPDATE, { input: { id, description: null } }, ada)).collection).toMatchObject({ name: 'Changed', description: null })
    await add(world, ada, id, 'les chevaux')
    expect(await found(world, ada, 'cheval', { collections: [id] })).toEqual([null])
    expect(await world.refused(UPDATE, { input: { id, language: 'GERMAN' } }, ada)).toMatchObject([
      { code: 'COLLECTION_NOT_EMPTY', path: ['input', 'language'] },
    ])
  })

  test('a collection that is removed is gone for its owner at once, and its name is free', async () => {
    const { id } = await create(world, ada, { name: 'Short-lived' })
    const document = await add(world, ada, id, 'a lighthouse')
    expect((await world.does(DELETE, { input: { id } }, ada)).deletedId).toBe(id)
    expect(await world.refused(DELETE, { input: { id } }, ada)).toMatchObject([{ code: 'NOT_FOUND', path: ['input', 'id'] }])
    const { data } = await world.ask(
      'query ($id: ID!, $doc: ID!) { searchCollection(id: $id) { id } searchDocument(id: $doc) { id } }',
      { id, doc: document.id },
      ada,
    )
    expect(data).toEqual({ searchCollection: null, searchDocument: null })
    await create(world, ada, { name: 'Short-lived' })
    const left = { collectionId: id.slice(id.indexOf(':') + 1) }
    expect([await world.client.searchDocument.count({ where: left }), await world.client.searchChunk.count({ where: left })]).toEqual([0, 0])
    expect(await world.client.textSpace.count({ where: { key: `collection:${left.collectionId}` } })).toBe(0)
  })

  test('what was much in a removed collection is cleared away by a task', async () => {
    const { id } = await create(world, ada)
    for (const batch of [0, 1]) {
      const documents = Array.from({ length: 600 }, (_, i) => ({ externalId: `${batch}:${i}`, content: 'a lighthouse among many' }))
      await world.does(ADD_MANY, { input: { collectionId: id, documents } }, ada)
    }
    await world.does(DELETE, { input: { id } }, ada)
    const done = await world.follow('subscription { tasksUpdated(filter: {type: {eq: "search.clear"}}) { toStatus } }', {}, ada)
    const read = '{ tasks(filter: {type: {eq: "search.clear"}}, first: 1) { nodes { status } } }'
    if ((await world.ask(read, {}, ada)).data.tasks.nodes[0].status !== 'COMPLETED') await done.until(({ toStatus }) => toStatus === 'COMPLETED')
    await done.stop()
    const left = { collectionId: id.slice(id.indexOf(':') + 1) }
    expect([
      await world.client.searchDocument.count({ where: left }),
      await world.client.textSpace.count({ where: { key: `collection:${left.collectionId}` } }),
    ]).toEqual([0, 0])
    expect(await world.client.searchCollection.count({ where: { id: left.collectionId } })).toBe(0)
  })

  test('twins who make a collection of one name at once make one', async () => {
    const answers = await Promise.all(Array.from({ length: 5 }, () => world.ask(CREATE, { input: { name: 'Twins' } }, ada)))
    const made = answers.filter(({ data }) => data.searchCollectionCreate.collection)
    expect(made).toHaveLength(1)
    for (const { data } of answers)
      if (!data.searchCollectionCreate.collection) expect(data.searchCollectionCreate.userErrors).toMatchObject([{ code: 'COLLECTION_NAME_TAKEN' }])
    const added = await Promise.all(
      Array.from({ length: 5 }, (_, i) =>
        world.does(ADD_MANY, { input: { collection: 'Made on the way', createCollection: true, documents: [{ externalId: String(i), content: 'x' }] } }, ada),
      ),
    )
    expect(new Set(added.map(({ collection }) => collection.id)).size).toBe(1)
  })

  test('lists are filtered, ordered and paged', async () => {
    const user = await world.user()
    for (const name of ['b', 'a', 'c']) await create(world, user, { name })
    const list =
      'query ($filter: SearchCollectionFilter, $orderBy: [SearchCollectionOrder!], $first: Int, $after: String) { searchCollections(filter: $filter, orderBy: $orderBy, first: $first, after: $after) { totalCount pageInfo { endCursor hasNextPage } nodes { name } } }'
    const names = async (variables: object) =>
      (await world.ask(list, variables as never, user)).data.searchCollections.nodes.map(({ name }: { name: string }) => name)
    expect(await names({})).toEqual(['c', 'a', 'b'])
    const orderBy = [{ field: 'NAME', direction: 'ASC' }]
    const { data } = await world.ask(list, { orderBy, first: 2 }, user)
    expect(data.searchCollections).toMatchObject({ totalCount: 3, nodes: [{ name: 'a' }, { name: 'b' }], pageInfo: { hasNextPage: true } })
    expect(await names({ orderBy, after: data.searchCollections.pageInfo.endCursor })).toEqual(['c'])
    expect(await names({ filter: { name: { in: ['a', 'x'] } } })).toEqual(['a'])
  })

  test('who follows a collection is told of its documents and its end', async () => {
    const { id } = await create(world, ada, { name: 'Followed' })
    const follower = await world.follow('subscription ($id: ID!) { searchCollectionUpdated(id: $id) { kind collection { name } data } }', { id }, ada)
    expect(await follower.take()).toMatchObject({ kind: 'SNAPSHOT', collection: { name: 'Followed' } })
    const document = await add(world, ada, id, 'first')
    expect(await follower.take()).toMatchObject({
      kind: 'DOCUMENTS_CHANGED',
      data: { added: 1, updated: 0, deleted: 0, addedIds: [document.id.slice(document.id.indexOf(':') + 1)] },
    })
    await world.does(UPDATE, { input: { id, description: 'told' } }, ada)
    expect(await follower.take()).toMatchObject({ kind: 'UPDATED', data: { description: 'told', before: { description: null } } })
    await world.does(DELETE, { input: { id } }, ada)
    expect(await follower.take()).toMatchObject({ kind: 'DELETED', collection: null })
    const { errors } = await world
      .ask('subscription ($id: ID!) { searchCollectionUpdated(id: $id) { kind } }', { id }, ada)
      .catch((error) => ({ errors: [error] }))
    expect(errors).toBeTruthy()
  })

  test('another user finds nothing of it', async () => {
    const { id } = await create(world, ada, { name: 'Private' })
    const document = await add(world, ada, id, 'a hidden lighthouse', { externalId: 'hidden' })
    const before = await stateOf(world)
    const query =
      'query ($id: ID!, $doc: ID!, $chunk: ID!) { searchCollection(id: $id) { id } searchDocument(id: $doc) { id } a: node(id: $id) { id } b: node(id: $doc) { id } c: node(id: $chunk) { id } searchDocuments(filter: {collectionId: {eq: $id}}) { totalCount nodes { id } } searchCollections(filter: {id: {eq: $id}}) { totalCount } }'
    expect((await world.ask(query, { id, doc: document.id, chunk: document.chunks.nodes[0].id }, ben)).data).toEqual({
      searchCollection: null,
      searchDocument: null,
      a: null,
      b: null,
      c: null,
      searchDocuments: { totalCount: 0, nodes: [] },
      searchCollections: { totalCount: 0 },
    })
    for (const [mutation, input] of [
      [UPDATE, { id, name: 'Mine' }],
      [DELETE, { id }],
    ] as const)
      expect(await world.refused(mutation, { input }, ben)).toMatchObject([{ code: 'NOT_FOUND', path: ['input', 'id'] }])
    const absent = `SearchCollection:${newId()}`
    for (const collection of [id, absent]) {
      await expect(found(world, ben, 'lighthouse', { collections: [collection] })).rejects.toThrow('NOT_FOUND: SearchCollection not found.')
      expect(await world.refused(ADD_MANY, { input: { collectionId: collection, documents: [{ content: 'x' }] } }, ben)).toMatchObject([
        { code: 'NOT_FOUND', path: ['input', 'collectionId'] },
      ])
    }
    expect(await found(world, ben, 'lighthouse')).toEqual([])
    expect(await stateOf(world)).toEqual(before)
  })
})
