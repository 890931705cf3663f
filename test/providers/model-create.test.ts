import type { LLMock } from '@copilotkit/aimock'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newId } from '../../src/core/ids.ts'
import { dialects } from '../kit/databases.ts'
import { type TestUser, World } from '../kit/world.ts'
import { create, eventsOf, json, MODEL_CREATE, MODEL_DELETE, openMock, read, sync, tries } from './model-provider.ts'

describe.each(dialects())('a model that its provider does not list, on %s,', (dialect) => {
  let world: World
  let admin: TestUser
  let user: TestUser
  let raw: Awaited<ReturnType<typeof openMock>> & { mock: LLMock }
  beforeAll(async () => {
    raw = await openMock()
    world = await World.open(dialect, { env: { TASK_CONCURRENCY: '0' } })
    ;[admin, user] = [await world.user('admin'), await world.user()]
  })
  afterAll(async () => {
    await world.close()
    await raw.mock.stop()
  })
  const refused = (mutation: string, input: object, as = admin) => world.refused(mutation, { input }, as)
  const stateOf = async () => [await world.client.model.findMany({ orderBy: { id: 'asc' } }), await world.client.event.count()]

  test('is written down with what the operator knows of it, and asked', async () => {
    raw.mock.onMessage(/./, { content: 'OK.' })
    const provider = await create(world, admin, { baseUrl: `${raw.url}/v1` })
    const input = {
      providerId: provider.id,
      name: 'by/hand',
      contextLength: 4096,
      capabilities: ['TOOLS', 'CHAT'],
      inputPriceMicroUsd: 5,
      outputPriceMicroUsd: 7,
    }
    const { model } = await world.does(MODEL_CREATE, { input }, admin)
    expect(model).toMatchObject({
      name: 'by/hand',
      fullName: `${provider.name}/by/hand`,
      contextLength: 4096,
      capabilities: ['CHAT', 'TOOLS'],
      inputPriceMicroUsd: 5,
      outputPriceMicroUsd: 7,
      cachedInputPriceMicroUsd: null,
      enabled: true,
      isListed: true,
      provider: { id: provider.id },
    })
    expect((await eventsOf(world)).at(-1)).toMatchObject({ kind: 'MODEL_CREATED', data: { name: 'by/hand', inputPrice: 5 } })
    expect(await tries(world, admin, provider.id, { generate: true, model: 'by/hand' })).toMatchObject({ works: true, answer: 'OK.' })
    expect(await world.app.providers.describe(`${provider.name}/by/hand`)).toMatchObject({ contextLength: 4096 })
    expect((await world.does(MODEL_DELETE, { input: { id: model.id } }, admin)).deletedId).toBe(model.id)
    expect((await read(world, admin, provider.id)).models.nodes).toEqual([])
    expect((await eventsOf(world)).at(-1)).toMatchObject({ kind: 'MODEL_DELETED', data: { name: 'by/hand' } })
    expect(await refused(MODEL_DELETE, { id: model.id })).toMatchObject([{ code: 'NOT_FOUND', path: ['input', 'id'] }])
  })

  test('is made once, however often it is asked for', async () => {
    const { id: providerId } = await create(world, admin)
    const input = { providerId, name: 'once', id: `Model:${newId()}`, idempotencyKey: 'one model' }
    const made = await Promise.all([1, 2, 3].map(() => world.does(MODEL_CREATE, { input }, admin)))
    expect(new Set(made.map(({ model }) => model.id))).toEqual(new Set([input.id]))
    const racing = await Promise.all([1, 2].map(() => world.ask(MODEL_CREATE, { input: { providerId, name: 'raced' } }, admin)))
    expect(racing.map(({ data }) => data.modelCreate.userErrors.map(({ code }: { code: string }) => code)).sort()).toEqual([[], ['MODEL_NAME_TAKEN']])
    expect(await refused(MODEL_CREATE, { providerId, name: 'other', id: input.id })).toMatchObject([{ code: 'ID_TAKEN' }])
    expect((await read(world, admin, providerId)).models.nodes).toHaveLength(2)
  })

  test('is refused where something is wrong with it, and nothing is changed', async () => {
    const { id: providerId } = await create(world, admin)
    const { model } = await world.does(MODEL_CREATE, { input: { providerId, name: 'there' } }, admin)
    const local = await world.client.modelProvider.findFirst({ where: { kind: 'LOCAL' } })
    const before = await stateOf()
    const codes = async (input: object) =>
      (await refused(MODEL_CREATE, { providerId, name: 'x', ...input })).map(({ code, path }) => [code, path?.slice(1).join('.')])
    expect(await codes({ name: '' })).toEqual([['BAD_USER_INPUT', 'name']])
    expect(await codes({ name: 'there' })).toEqual([['MODEL_NAME_TAKEN', 'name']])
    expect(await codes({ name: 'y'.repeat(201) })).toEqual([['BAD_USER_INPUT', 'name']])
    expect(await codes({ inputPriceMicroUsd: 5 })).toEqual([['BAD_USER_INPUT', 'outputPriceMicroUsd']])
    expect(await codes({ contextLength: 0, maxOutputTokens: -1 })).toEqual([
      ['BAD_USER_INPUT', 'contextLength'],
      ['BAD_USER_INPUT', 'maxOutputTokens'],
    ])
    expect(await codes({ providerId: `ModelProvider:${newId()}` })).toEqual([['NOT_FOUND', 'providerId']])
    if (local) expect(await codes({ providerId: `ModelProvider:${local.id}` })).toEqual([['BAD_USER_INPUT', 'providerId']])
    for (const [mutation, input] of [[MODEL_CREATE, { providerId, name: 'x' }], [MODEL_DELETE, { id: model.id }]] as const) // biome-ignore format: one look
      expect((await world.ask(mutation, { input }, user)).errors![0]!.extensions.code).toBe('FORBIDDEN')
    expect(await refused(MODEL_DELETE, { id: providerId })).toMatchObject([{ code: 'NOT_FOUND' }])
    expect(await stateOf()).toEqual(before)
  })

  test('stays when the list comes and does not have it, and can be removed; what is listed cannot', async () => {
    const { id: providerId } = await create(world, admin, { baseUrl: `${raw.url}/raw/v1` })
    const { model } = await world.does(MODEL_CREATE, { input: { providerId, name: 'mine', inputPriceMicroUsd: 1, outputPriceMicroUsd: 2 } }, admin)
    raw.answer(json({ data: [{ id: 'theirs' }] }))
    await sync(world, admin, providerId)
    const models = async () =>
      (await read(world, admin, providerId)).models.nodes.map(({ name, isListed }: { name: string; isListed: boolean }) => [name, isListed])
    expect(await models()).toEqual([['mine', false], ['theirs', true]]) // biome-ignore format: one look
    const { model: late } = await world.does(MODEL_CREATE, { input: { providerId, name: 'late' } }, admin)
    expect(late.isListed).toBe(false)
    const theirs = (await read(world, admin, providerId)).models.nodes.find(({ name }: { name: string }) => name === 'theirs')
    const before = await stateOf()
    expect(await refused(MODEL_DELETE, { id: theirs.id })).toMatchObject([{ code: 'MODEL_LISTED', path: ['input', 'id'] }])
    expect(await stateOf()).toEqual(before)
    for (const { id } of [model, late]) await world.does(MODEL_DELETE, { input: { id } }, admin)
    expect(await models()).toEqual([['theirs', true]])
    raw.answer(json({ data: [] }))
    await sync(world, admin, providerId)
    await world.does(MODEL_DELETE, { input: { id: theirs.id } }, admin)
    expect(await models()).toEqual([])
  })
})
