import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { dialects } from '../kit/databases.ts'
import { openWorld, type TestUser, type World } from '../kit/world.ts'
import { CANCEL, read, whenTask } from '../tasks/task.ts'
import { EmbeddingsServer } from './embeddings-server.ts'
import { TestSpace } from './space.ts'

const MODEL = 'openai/words-64'

describe.each(dialects())('vectors of a space on %s', (dialect) => {
  let world: World
  let ada: TestUser
  let model: EmbeddingsServer

  beforeAll(async () => {
    model = await EmbeddingsServer.start()
    world = await openWorld(dialect, { env: { OPENAI_BASE_URL: model.baseUrl, LOCAL_EMBEDDINGS: 'off' } })
    ada = await world.user('ada')
  })
  afterEach(() => {
    model.release()
    model.refusals.length = 0
    model.embedded.length = 0
  })
  afterAll(async () => {
    await world?.close()
    model?.close()
  })

  test('are made of everything that is there, and answer by meaning', async () => {
    const space = new TestSpace(world, ada)
    await space.put('apples and pears', 'cars and trains', 'pears in autumn', ' ')
    const set = await space.embed(MODEL)
    expect(set).toMatchObject({ status: 'BUILDING', items: 0, dimensions: null })
    const { live, building, pending, progress } = await space.settled()
    expect(live).toMatchObject({ id: set.id, model: MODEL, dimensions: 64, items: 3, error: null })
    expect([building, pending, progress]).toEqual([null, 0, 1])
    expect(await space.nearest('pears in autumn', 2)).toEqual(['pears in autumn', 'apples and pears'])
    expect(model.embedded.filter((text) => text === 'pears in autumn')).toHaveLength(2)
  })

  test('of nothing are there at once', async () => {
    const space = new TestSpace(world, ada)
    await space.embed(MODEL)
    expect((await space.settled()).live).toMatchObject({ items: 0 })
    expect(await space.nearest('anything')).toEqual([])
  })

  test('are made once, however often they are asked for', async () => {
    const space = new TestSpace(world, ada)
    await space.put('one', 'two')
    const sets = await Promise.all(Array.from({ length: 5 }, () => space.embed(MODEL)))
    expect(new Set(sets.map(({ id }) => id)).size).toBe(1)
    await space.settled()
    expect((await space.embed(MODEL)).id).toBe(sets[0]!.id)
    expect(model.embedded.sort()).toEqual(['one', 'two'])
    expect(await world.client.task.count({ where: { params: { equals: { setId: sets[0]!.id } } } })).toBe(1)
  })

  test('follow what is added, changed and removed', async () => {
    const space = new TestSpace(world, ada)
    const [apple] = await space.put('an apple')
    await space.embed(MODEL)
    await space.settled()
    const [pear] = await space.put('a pear')
    await space.settled()
    expect(await space.nearest('pear', 1)).toEqual(['a pear'])
    await space.set(new Map([[apple!, 'a lemon']]))
    await space.settled()
    expect(await space.nearest('lemon', 1)).toEqual(['a lemon'])
    expect(await space.nearest('apple')).toHaveLength(2)
    await space.remove(pear!)
    expect(await space.nearest('pear')).toEqual(['a lemon'])
    expect((await space.standing())!.live!.items).toBe(1)
  })

  test('are compared among given items alone', async () => {
    const space = new TestSpace(world, ada)
    const [one, , three] = await space.put('red wine', 'red wine too', 'white wine')
    await space.embed(MODEL)
    await space.settled()
    expect(await space.nearest('red wine', 5, [one!, three!])).toEqual(['red wine', 'white wine'])
    expect(await space.nearest('red wine', 5, [])).toEqual([])
  })

  test('of an item that changes or goes while it is embedded are not those of before', async () => {
    const space = new TestSpace(world, ada)
    const [changing, going, staying] = await space.put('old words', 'words that go', 'words that stay')
    model.hold()
    const before = model.calls
    await space.embed(MODEL)
    await model.called(before + 1)
    await space.set(new Map([[changing!, 'quite another thing']]))
    await space.remove(going!)
    model.release()
    expect((await space.settled()).live!.items).toBe(2)
    expect(await space.vectorIds()).toEqual([changing!, staying!].sort())
    expect(await space.nearest('quite another thing', 1)).toEqual(['quite another thing'])
    expect(model.embedded.filter((text) => text === 'words that stay')).toHaveLength(1)
  })

  test('are made anew with another model aside, and switched when all is there', async () => {
    const space = new TestSpace(world, ada)
    await space.put('green tea', 'black coffee')
    const first = await space.embed(MODEL)
    await space.settled()
    model.hold()
    const before = model.calls
    const second = await space.embed('openai/words-32')
    await model.called(before + 1)
    const meanwhile = (await space.standing())!
    expect(meanwhile.live!.id).toBe(first.id)
    expect(meanwhile.building!.id).toBe(second.id)
    // Nothing is dark: the old ones answer. (The question's vector is known.)
    model.release()
    await space.put('hot chocolate')
    const { live } = await space.settled()
    expect(live).toMatchObject({ id: second.id, dimensions: 32, items: 3 })
    expect(await space.nearest('hot chocolate', 1)).toEqual(['hot chocolate'])
    const old = await world.client.vectorSet.findUnique({ where: { id: first.id } })
    expect(old!.status).toBe('RETIRED')
    const { vectorsSweep } = await import('../../src/vectors/vectors-sweep.ts')
    await vectorsSweep(world.app.store, new AbortController().signal)
    expect(await world.client.vector.count({ where: { setId: first.id } })).toBe(0)
  })

  test('answer while others are made', async () => {
    const space = new TestSpace(world, ada)
    await space.put('salt', 'pepper')
    await space.embed(MODEL)
    await space.settled()
    expect(await space.nearest('salt', 1)).toEqual(['salt'])
    model.hold()
    const before = model.calls
    await space.embed('openai/words-16')
    await model.called(before + 1)
    expect(await space.nearest('salt', 1)).toEqual(['salt'])
    model.release()
    await space.settled()
  })

  test('wait for a provider that asks for a moment', async () => {
    const space = new TestSpace(world, ada)
    await space.put('patience')
    model.refusals.push({ status: 429, retryAfter: 0 })
    await space.embed(MODEL)
    expect((await space.settled()).live).toMatchObject({ items: 1, error: null })
  })

  test('that cannot be made say why, and are taken up when asked for again', async () => {
    const space = new TestSpace(world, ada)
    await space.put('stubborn')
    model.refusals.push({ status: 401, message: 'Who are you?' })
    const set = await space.embed(MODEL)
    await whenTask(world, ada, `Task:${set.taskId}`, ({ status }) => status === 'FAILED')
    expect((await space.standing())!.building).toMatchObject({ taskId: null, error: expect.stringContaining('Who are you?') })
    expect((await space.embed(MODEL)).id).toBe(set.id)
    expect((await space.settled()).live).toMatchObject({ id: set.id, items: 1, error: null })
  })

  test('of a cancelled task stay as they are until they are asked for again', async () => {
    const space = new TestSpace(world, ada)
    await space.put('halfway')
    model.hold()
    const before = model.calls
    const set = await space.embed(MODEL)
    await model.called(before + 1)
    await world.does(CANCEL, { input: { id: `Task:${set.taskId}` } }, ada)
    await whenTask(world, ada, `Task:${set.taskId}`, ({ status }) => status === 'CANCELLED')
    model.release()
    expect((await space.standing())!.building).toMatchObject({ taskId: null, items: 0 })
    await space.embed(MODEL)
    expect((await space.settled()).live!.items).toBe(1)
  })

  test('of another length than before are refused, and the old ones answer', async () => {
    const space = new TestSpace(world, ada)
    await space.put('steady')
    await space.embed(MODEL)
    const { live } = await space.settled()
    await world.client.vectorSet.update({ where: { id: live!.id }, data: { dimensions: 63 } })
    await space.put('growing')
    const { taskId } = (await space.standing())!.live!
    if (taskId) await whenTask(world, ada, `Task:${taskId}`, ({ status }) => status === 'FAILED')
    const standing = (await space.standing())!
    expect(standing.live!.error).toBe('openai/words-64 answered a vector of 64 dimensions; the vectors that are there have 63.')
    expect(standing).toMatchObject({ pending: 1, live: { items: 1 } })
  })

  test('show how far they are, and every call of the model is a row of usage', async () => {
    const space = new TestSpace(world, ada)
    await space.put(...Array.from({ length: 130 }, (_, i) => `text ${i}`))
    const set = await space.embed(MODEL)
    await space.settled()
    const task = await read(world, ada, `Task:${set.taskId}`)
    expect(task).toMatchObject({ status: 'COMPLETED', progress: 1, result: { embedded: 130 } })
    const calls = await world.client.providerUsage.findMany({ where: { taskId: set.taskId! } })
    expect(calls.map(({ status, model: name, inputTokens, outputTokens }) => ({ status, name, inputTokens, outputTokens }))).toEqual(
      [64, 64, 2].map((inputTokens) => ({ status: 'COMPLETED', name: 'words-64', inputTokens, outputTokens: 0 })),
    )
  })
})
