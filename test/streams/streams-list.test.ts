import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../src/core/ids.ts'
import { dialects } from '../kit/databases.ts'
import { append, bare, COMPLETE, create, newStreamId, open, openTaskWorld, READ, type TaskWorld } from './stream.ts'

const LIST = `query ($filter: StreamFilter, $orderBy: [StreamOrder!], $first: Int, $last: Int, $after: String, $before: String) {
  streams(filter: $filter, orderBy: $orderBy, first: $first, last: $last, after: $after, before: $before) {
    nodes { id model } totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`

describe.each(dialects())('streams on %s', (dialect) => {
  let on: TaskWorld
  let taskId: string
  const ids: Record<string, string> = {}
  beforeAll(async () => {
    on = await openTaskWorld(dialect)
    taskId = (await create(on.world, on.ada, { runImmediately: false })).id
    for (const [model, input] of Object.entries({ a: { taskId, provider: 'p' }, b: { provider: 'q' }, c: {}, d: { taskId } })) {
      const stream = await open(on.world, on.ada, { model, ...input })
      ids[model] = stream.id
      if (model === 'b') await append(on.world, on.ada, stream, -1, 'words')
      if (model === 'c') await on.world.does(COMPLETE, { input: stream }, on.ada)
    }
    await open(on.world, on.bob, { model: 'bob' })
    await on.world.client.$executeRaw`UPDATE "Stream" SET "createdAtMs" = 1000 WHERE "id" IN (${bare(ids.a!)}, ${bare(ids.b!)}, ${bare(ids.c!)})`
  })
  afterAll(() => on.world.close())

  const list = async (variables: object, user = on.ada) => {
    const { data, errors } = await on.world.ask(LIST, { ...variables }, user)
    if (errors) throw new Error(`${errors[0]!.extensions.code}: ${errors[0]!.message}`)
    return data.streams
  }
  const models = (page: { nodes: { model: string }[] }) => page.nodes.map(({ model }) => model).join('')

  it('are one’s own, newest first; ADMINs see everybody’s', async () => {
    expect(models(await list({}))).toBe('dcba')
    expect(models(await list({}, on.bob))).toBe('bob')
    expect((await list({}, on.admin)).totalCount).toBe(5)
  })

  it('are filtered', async () => {
    for (const [filter, expected] of [
      [{ status: { eq: 'PENDING' } }, 'da'],
      [{ status: { in: ['STREAMING', 'COMPLETED'] } }, 'cb'],
      [{ taskId: { eq: taskId } }, 'da'],
      [{ taskId: { eq: newStreamId() } }, ''],
      [{ id: { in: [ids.a, ids.c] } }, 'ca'],
      [{ model: { gt: 'b' } }, 'dc'],
      [{ provider: { isNull: true } }, 'dc'],
      [{ createdAt: { lte: '1970-01-01T00:00:01Z' } }, 'cba'],
      [{ createdAt: { isNull: true } }, ''],
      [{ completedAt: { isNull: false } }, 'c'],
      [{ or: [{ model: { eq: 'a' } }, { not: { provider: { eq: 'p' } } }] }, 'ba'],
    ] as const)
      expect(models(await list({ filter }))).toBe(expected)
  })

  it('are paged over ties without a repeat or a hole, both ways', async () => {
    for (const [direction, expected] of [
      ['ASC', 'abcd'],
      ['DESC', 'dcba'],
    ] as const) {
      // biome-ignore format: one look
      const orderBy = [{ field: 'CREATED_AT', direction }]
      const first = await list({ orderBy, first: 2 })
      const rest = await list({ orderBy, first: 2, after: first.pageInfo.endCursor })
      expect(models(first) + models(rest)).toBe(expected)
      const last = await list({ orderBy, last: 2 })
      const begin = await list({ orderBy, last: 2, before: last.pageInfo.startCursor })
      expect(models(begin) + models(last)).toBe(expected)
      expect([first, rest, begin, last].map(({ pageInfo }) => [pageInfo.hasPreviousPage, pageInfo.hasNextPage])).toEqual([
        [false, true],
        [true, false],
        [false, true],
        [true, false],
      ])
    }
    for (const page of [{ first: 0 }, { first: 101 }, { first: 1, last: 1 }, { after: 'x' }]) await expect(list(page)).rejects.toThrow('BAD_USER_INPUT')
  })

  it('are found one by one by stream and node, where they are one’s own', async () => {
    const { data } = await on.world.ask('query ($id: ID!) { stream(id: $id) { text } node(id: $id) { __typename id } }', { id: ids.b }, on.ada)
    expect(data).toEqual({ stream: { text: 'words' }, node: { __typename: 'Stream', id: ids.b } })
    for (const [id, user] of [[ids.b, on.bob], [newStreamId(), on.ada], [`Task:${newId()}`, on.ada]] as const) // biome-ignore format: one look
      expect((await on.world.ask(READ, { id }, user)).data).toEqual({ stream: null })
    expect((await on.world.ask(READ, { id: 'x' }, on.ada)).errors![0]!.extensions.code).toBe('BAD_USER_INPUT')
  })

  it('give a part of their chunks', async () => {
    const stream = await open(on.world, on.ada)
    await append(on.world, on.ada, stream, -1, ...Array.from({ length: 150 }, (_, i) => `${i}`))
    const seqs = async (args: string) => {
      const { data, errors } = await on.world.ask(`query ($id: ID!) { stream(id: $id) { chunks${args} { seq } } }`, { id: stream.id }, on.ada)
      return errors ? errors[0]!.extensions.code : data.stream.chunks.map(({ seq }: { seq: number }) => seq)
    }
    expect(await seqs('')).toHaveLength(100)
    expect(await seqs('(afterSeq: 147)')).toEqual([148, 149])
    expect(await seqs('(afterSeq: 9, first: 2)')).toEqual([10, 11])
    expect(await seqs('(afterSeq: 149)')).toEqual([])
    for (const bad of ['(first: 0)', '(first: 1001)', '(afterSeq: -2)']) expect(await seqs(bad)).toBe('BAD_USER_INPUT')
  })
})
