import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dialects } from '../kit/databases.ts'
import { openWorld, type TestUser, type World } from '../kit/world.ts'
import { EmbeddingsServer } from '../vectors/embeddings-server.ts'
import { CREATE_MANY, create, DELETE, UPDATE } from './fact.ts'

const EMBED = `mutation ($input: FactsEmbedInput!) { factsEmbed(input: $input) { embedding { model status pending vectors } userErrors { code message path } } }`
const EMBEDDING = '{ factsEmbedding { model status pending vectors progress error task { id } } }'
const SEARCH = `query ($query: String!, $mode: SearchMode, $match: SearchMatch, $filter: FactFilter) { factSearch(query: $query, mode: $mode, match: $match, filter: $filter) { score fact { text } snippet { text } } }`
const FOR = `query ($input: ContextForInput!) { contextFor(input: $input) { pieces { kind text } } }`
const MODEL = 'openai/words-64'

/** The model makes a vector of the words of a text, as they stand there: "swim" and "swimming" are two. */
describe.each(dialects())('facts by meaning on %s', (dialect) => {
  let world: World
  let model: EmbeddingsServer
  let ada: TestUser
  let bob: TestUser
  beforeAll(async () => {
    model = await EmbeddingsServer.start()
    world = await openWorld(dialect, { env: { OPENAI_BASE_URL: model.baseUrl, OPENAI_API_KEY: 'sk-test', LOCAL_EMBEDDINGS: 'off' } })
    await world.user('admin')
    ada = await world.user('ada')
    bob = await world.user('bob')
  })
  afterAll(async () => {
    await world?.close()
    model?.close()
  })

  // biome-ignore lint/suspicious/noExplicitAny: a test says itself what it expects of an answer
  type Data = any
  const standing = async (user: TestUser): Promise<Data> => (await world.ask(EMBEDDING, {}, user)).data.factsEmbedding
  /** How the vectors stand once there is nothing to be done. */
  async function settled(user: TestUser): Promise<Data> {
    const live = await world.follow('subscription { tasksUpdated(filter: { type: { eq: "vectors.build" } }) { kind } }', {}, user)
    for (;;) {
      const now = await standing(user)
      if (now?.status === 'LIVE' && now.pending === 0 && now.task === null) {
        await live.stop()
        return now
      }
      await live.take()
    }
  }
  const search = async (query: string, more: object = {}, user = ada): Promise<Data[]> => {
    const { data, errors } = await world.ask(SEARCH, { query, ...more }, user)
    if (errors) throw new Error(`${errors[0]!.extensions.code}: ${errors[0]!.message}`)
    return data.factSearch
  }
  const found = async (...args: Parameters<typeof search>): Promise<string[]> => (await search(...args)).map(({ fact }) => fact.text)

  it('are found once a model has made vectors of them, and follow every change', async () => {
    await world.does(CREATE_MANY, { input: { facts: [{ text: 'cats sleep', tags: ['pets'] }, { text: 'dogs bark' }, { text: 'cats and dogs' }] } }, ada)
    expect(await standing(ada)).toBeNull()
    await expect(search('cats', { mode: 'VECTOR' })).rejects.toThrow('BAD_USER_INPUT')
    await world.does(EMBED, { input: { model: MODEL } }, ada)
    expect(await settled(ada)).toMatchObject({ model: MODEL, vectors: 3, progress: 1, error: null })
    const [first, ...rest] = await search('cats sleep', { mode: 'VECTOR' })
    expect([first.fact.text, first.score, rest.length]).toEqual(['cats sleep', 1, 2])
    expect(await found('cats sleep', { mode: 'VECTOR', filter: { tags: { none: ['pets'] } } })).not.toContain('cats sleep')
    const bird = await create(world, ada, { text: 'birds sing' })
    await settled(ada)
    expect((await found('birds sing', { mode: 'VECTOR' }))[0]).toBe('birds sing')
    await world.does(UPDATE, { input: { id: bird.id, text: 'fish swim' } }, ada)
    await settled(ada)
    expect((await found('fish swim', { mode: 'VECTOR' }))[0]).toBe('fish swim')
    await world.does(DELETE, { input: { id: bird.id } }, ada)
    expect(await found('fish swim', { mode: 'VECTOR' })).not.toContain('fish swim')
    expect((await standing(ada)).vectors).toBe(3)
  })

  it('are found by words and meaning together, the best of both first; without vectors by words', async () => {
    expect((await found('cats', { mode: 'HYBRID', match: 'ANY' })).slice(0, 2).sort()).toEqual(['cats and dogs', 'cats sleep'])
    await create(world, bob, { text: 'bob’s cats' })
    expect(await found('cats', { mode: 'HYBRID' }, bob)).toEqual(['bob’s cats'])
  })

  it('are nobody else’s', async () => {
    await world.does(EMBED, { input: { model: MODEL } }, bob)
    await settled(bob)
    expect(await found('cats sleep', { mode: 'VECTOR' }, bob)).toEqual(['bob’s cats'])
    expect(await found('bob’s cats', { mode: 'VECTOR' })).not.toContain('bob’s cats')
    const dan = await world.user('dan')
    expect(await standing(dan)).toBeNull()
  })

  it('go along as context; by words alone where the model does not answer', async () => {
    const gathered = async (query: string) =>
      (await world.ask(FOR, { input: { query, include: ['FACT'] } }, ada)).data.contextFor.pieces.map(({ text }: Data) => text)
    expect((await gathered('do dogs bark'))[0]).toBe('dogs bark')
    for (let i = 0; i < 6; i++) model.refusals.push({ status: 401, message: 'no' })
    expect(await gathered('who barks now, and who sleeps?')).toEqual(expect.arrayContaining(['dogs bark', 'cats sleep']))
    model.refusals.length = 0
  })

  it('take a model that there is', async () => {
    const refused = await world.refused(EMBED, { input: { model: 'nowhere/nothing' } }, ada)
    expect(refused).toEqual([expect.objectContaining({ path: ['input', 'model'] })])
    expect((await standing(ada)).model).toBe(MODEL)
  })
})
