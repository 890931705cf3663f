import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { newId } from '../../src/core/ids.ts'
import { dialects } from '../kit/databases.ts'
import { openWorld, type TestUser, type World } from '../kit/world.ts'
import { bare, whenTask } from '../tasks/task.ts'
import { EmbeddingsServer } from './embeddings-server.ts'

const MODEL = 'openai/words-256'
const ERRORS = 'userErrors { code path message }'
const CREATE = `mutation ($input: SearchCollectionCreateInput!) { searchCollectionCreate(input: $input) { collection { id embedding { model } } ${ERRORS} } }`
const ADD = `mutation ($input: SearchDocumentAddManyInput!) { searchDocumentAddMany(input: $input) { documents { id title } ${ERRORS} } }`
const UPDATE = `mutation ($input: SearchDocumentUpdateInput!) { searchDocumentUpdate(input: $input) { document { id } ${ERRORS} } }`
const DELETE = `mutation ($input: SearchDocumentDeleteInput!) { searchDocumentDelete(input: $input) { deletedId ${ERRORS} } }`
const DELETE_ALL = `mutation ($input: SearchCollectionDeleteInput!) { searchCollectionDelete(input: $input) { deletedId ${ERRORS} } }`
const EMBEDDING = 'embedding { model status dimensions nextModel vectors pending progress error task { id status type } }'
const EMBED = `mutation ($input: SearchCollectionEmbedInput!) { searchCollectionEmbed(input: $input) { collection { id ${EMBEDDING} } eventCursor ${ERRORS} } }`
const READ = `query ($id: ID!) { searchCollection(id: $id) { ${EMBEDDING} } }`
const SEARCH = `query ($input: SearchInput!) { search(input: $input) { totalCount nodes { score snippet { text } chunk { text } document { title } } } }`

describe.each(dialects())('the embedding of a collection on %s', (dialect) => {
  let world: World
  let ada: TestUser
  let bob: TestUser
  let model: EmbeddingsServer

  beforeAll(async () => {
    model = await EmbeddingsServer.start()
    world = await openWorld(dialect, { env: { OPENAI_BASE_URL: model.baseUrl, LOCAL_EMBEDDINGS: 'off' } })
    await world.user('admin')
    ada = await world.user('ada')
    bob = await world.user('bob')
  })
  afterEach(() => {
    model.release()
    model.refusals.length = 0
  })
  afterAll(async () => {
    await world?.close()
    model?.close()
  })

  /** Documents by their titles. */
  async function collection(user: TestUser, documents: Record<string, string>): Promise<{ id: string; documents: Map<string, string> }> {
    const { collection } = await world.does(CREATE, { input: { name: `c ${newId()}` } }, user)
    return { id: collection.id, documents: await add(user, collection.id, documents) }
  }

  async function add(user: TestUser, collectionId: string, documents: Record<string, string>): Promise<Map<string, string>> {
    const input = { collectionId, documents: Object.entries(documents).map(([title, content]) => ({ title, content })) }
    const made = await world.does(ADD, { input }, user)
    return new Map(made.documents.map(({ id, title }: { id: string; title: string }) => [title, id]))
  }

  const read = async (user: TestUser, id: string) => (await world.ask(READ, { id }, user)).data.searchCollection?.embedding

  async function whenWhole(user: TestUser, id: string) {
    for (;;) {
      const embedding = await read(user, id)
      if (!embedding.task) return embedding
      await whenTask(world, user, embedding.task.id, ({ status }) => ['COMPLETED', 'FAILED', 'CANCELLED'].includes(status))
    }
  }

  async function embedded(user: TestUser, documents: Record<string, string>) {
    const made = await collection(user, documents)
    await world.does(EMBED, { input: { id: made.id, model: MODEL } }, user)
    await whenWhole(user, made.id)
    return made
  }

  const search = (user: TestUser, input: object) => world.ask(SEARCH, { input }, user)
  const titles = async (user: TestUser, input: object): Promise<string[]> => {
    const answer = await search(user, input)
    if (answer.errors) throw new Error(answer.errors[0]!.message)
    return answer.data.search.nodes.map(({ document }: { document: { title: string } }) => document.title)
  }

  test('is not there until it is asked for, and then says how it stands', async () => {
    const { id } = await collection(ada, { tea: 'green tea leaves', coffee: 'black coffee beans' })
    expect(await read(ada, id)).toBeNull()
    model.hold()
    const before = model.calls
    const payload = await world.does(EMBED, { input: { id, model: MODEL } }, ada)
    expect(payload.collection.embedding).toMatchObject({
      model: MODEL,
      status: 'BUILDING',
      dimensions: null,
      nextModel: null,
      vectors: 0,
      progress: 0,
      task: { type: 'vectors.build' },
    })
    await model.called(before + 1)
    expect(await read(ada, id)).toMatchObject({ status: 'BUILDING', pending: 2, progress: 0 })
    model.release()
    expect(await whenWhole(ada, id)).toEqual({
      model: MODEL,
      status: 'LIVE',
      dimensions: 256,
      nextModel: null,
      vectors: 2,
      pending: 0,
      progress: 1,
      error: null,
      task: null,
    })
    expect(await titles(ada, { query: 'tea leaves', collections: [id], mode: 'VECTOR' })).toEqual(['tea', 'coffee'])
  })

  test('finds documents by words and meaning together, with the part that fits', async () => {
    const { id } = await embedded(ada, { one: 'a storm over the sea', two: 'sailing in a storm', three: 'a quiet desert' })
    const { data } = await search(ada, { query: 'sail through a storm', collections: [id], mode: 'HYBRID', first: 2 })
    expect(
      data.search.nodes.map(({ document, chunk, snippet }: { document: object; chunk: object; snippet: object }) => ({ ...document, ...chunk, snippet })),
    ).toEqual([
      { title: 'two', text: 'sailing in a storm', snippet: { text: 'sailing in a storm' } },
      { title: 'one', text: 'a storm over the sea', snippet: { text: 'a storm over the sea' } },
    ])
    expect(data.search.totalCount).toBe(3)
  })

  test('follows what is added, changed and removed', async () => {
    const { id, documents } = await embedded(ada, { a: 'oak trees', b: 'pine trees' })
    await add(ada, id, { c: 'birch trees' })
    await whenWhole(ada, id)
    const nearest = (query: string) => titles(ada, { query, collections: [id], mode: 'VECTOR', first: 1 })
    expect(await nearest('birch')).toEqual(['c'])
    await world.does(UPDATE, { input: { id: documents.get('a'), content: 'willow by the river' } }, ada)
    await whenWhole(ada, id)
    expect(await nearest('willow river')).toEqual(['a'])
    await world.does(DELETE, { input: { id: documents.get('b') } }, ada)
    expect((await titles(ada, { query: 'pine', collections: [id], mode: 'VECTOR' })).sort()).toEqual(['a', 'c'])
    expect(await read(ada, id)).toMatchObject({ vectors: 2, pending: 0 })
  })

  test('changes to another model without a moment in which nothing is found', async () => {
    const { id } = await embedded(ada, { north: 'polar bears', south: 'penguins' })
    const found = () => titles(ada, { query: 'polar bears', collections: [id], mode: 'VECTOR', first: 1 })
    expect(await found()).toEqual(['north'])
    model.hold()
    const before = model.calls
    await world.does(EMBED, { input: { id, model: 'openai/words-32' } }, ada)
    await model.called(before + 1)
    expect(await read(ada, id)).toMatchObject({ model: MODEL, status: 'LIVE', nextModel: 'openai/words-32', vectors: 0, pending: 2 })
    expect(await found()).toEqual(['north'])
    model.release()
    expect(await whenWhole(ada, id)).toMatchObject({ model: 'openai/words-32', status: 'LIVE', nextModel: null, dimensions: 32, vectors: 2 })
    expect(await found()).toEqual(['north'])
  })

  test('is told in the log as something that happened to the collection', async () => {
    const { id } = await embedded(ada, { x: 'one' })
    const events = await world.client.event.findMany({ where: { subjectId: bare(id), kind: { startsWith: 'VECTORS' } }, orderBy: { position: 'asc' } })
    expect(events.map(({ kind, subjectType }) => [kind, subjectType])).toEqual([
      ['VECTORS_BUILDING', 'SearchCollection'],
      ['VECTORS_LIVE', 'SearchCollection'],
    ])
  })

  test('is refused with a model that nobody has, or none that is there, and nothing was changed', async () => {
    const { id } = await collection(ada, { x: 'one' })
    expect(await world.refused(EMBED, { input: { id, model: 'nobody/knows' } }, ada)).toMatchObject([{ code: 'MODEL_NOT_FOUND', path: ['input', 'model'] }])
    expect(await world.refused(EMBED, { input: { id } }, ada)).toMatchObject([
      { code: 'MODEL_NOT_FOUND', path: ['input', 'model'], message: expect.stringContaining('the local models are switched off') },
    ])
    expect(await world.refused(EMBED, { input: { id, model: ' ' } }, ada)).toMatchObject([{ code: 'BAD_USER_INPUT', path: ['input', 'model'] }])
    expect(await read(ada, id)).toBeNull()
  })

  test('must be there before a search by meaning alone, and need not for one by both', async () => {
    const { id } = await collection(ada, { x: 'lonely words' })
    const answer = await search(ada, { query: 'lonely', collections: [id], mode: 'VECTOR' })
    expect(answer.errors![0]).toMatchObject({ message: expect.stringContaining('searchCollectionEmbed makes them'), extensions: { code: 'BAD_USER_INPUT' } })
    expect(await titles(ada, { query: 'lonely', collections: [id], mode: 'HYBRID' })).toEqual(['x'])
  })

  test('of another user is not there', async () => {
    const mine = await embedded(ada, { secret: 'the treasure lies under the oak' })
    const theirs = await embedded(bob, { plain: 'nothing of interest' })
    expect((await world.ask(READ, { id: mine.id }, bob)).data.searchCollection).toBeNull()
    const unknown = `SearchCollection:${newId()}`
    for (const model of [MODEL, 'nobody/knows']) {
      const [other, none] = [
        await world.refused(EMBED, { input: { id: mine.id, model } }, bob),
        await world.refused(EMBED, { input: { id: unknown, model } }, bob),
      ]
      expect(other).toEqual(none)
      expect(other).toMatchObject([{ code: 'NOT_FOUND', path: ['input', 'id'] }])
    }
    for (const mode of ['VECTOR', 'HYBRID']) {
      const [other, none] = [
        await search(bob, { query: 'treasure oak', collections: [mine.id], mode }),
        await search(bob, { query: 'treasure oak', collections: [unknown], mode }),
      ]
      expect(other.errors![0]!.extensions.code).toBe('NOT_FOUND')
      expect(other.errors![0]!.message).toBe(none.errors![0]!.message)
      expect(await titles(bob, { query: 'treasure oak', mode, collections: [theirs.id] })).toEqual(mode === 'VECTOR' ? ['plain'] : ['plain'])
    }
    // Nor does anybody else's change a score.
    const score = async () => (await search(bob, { query: 'nothing of interest', mode: 'HYBRID', collections: [theirs.id] })).data.search.nodes[0].score
    const before = await score()
    await add(ada, mine.id, { more: 'nothing of interest', again: 'nothing of interest' })
    await whenWhole(ada, mine.id)
    expect(await score()).toBe(before)
  })

  test('goes with its collection', async () => {
    const { id } = await embedded(ada, { x: 'gone soon' })
    await world.does(DELETE_ALL, { input: { id } }, ada)
    expect(await world.client.vectorSet.count({ where: { space: `collection:${bare(id)}`, NOT: { status: 'RETIRED' } } })).toBe(0)
    expect((await search(ada, { query: 'gone', collections: [id], mode: 'VECTOR' })).errors![0]!.extensions.code).toBe('NOT_FOUND')
  })
})
