import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../src/core/ids.ts'
import { dialects } from '../kit/databases.ts'
import { bare, completes, create, openTaskWorld, type TaskWorld } from './task.ts'

const LIST = `query ($filter: TaskFilter, $orderBy: [TaskOrder!], $first: Int, $last: Int, $after: String, $before: String) {
  tasks(filter: $filter, orderBy: $orderBy, first: $first, last: $last, after: $after, before: $before) {
    nodes { id description priority type } edges { cursor node { id } } totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`
const STATS = `query ($filter: TaskFilter) { taskStats(filter: $filter) { total byStatus { status count } byType { type count } completionRate meanDurationMs } }`

describe.each(dialects())('tasks on %s', (dialect) => {
  let on: TaskWorld
  /** By their description, in the order they were made. */
  const ids: Record<string, string> = {}
  beforeAll(async () => {
    on = await openTaskWorld(dialect)
    const later = { runAt: '2100-01-01T00:00:00Z' }
    for (const [description, input] of Object.entries({
      a: { ...later, priority: 1, domain: 'x', driftScore: 0.5, sessionKey: 's' },
      b: { ...later, priority: 2, domain: 'y', driftScore: 0 },
      c: { ...later, priority: 2, domain: 'X', sessionKey: 's' },
      d: { runImmediately: false, priority: 3 },
      e: { runImmediately: false, priority: 3, type: 'test.scripted', params: { script: '' }, runAt: '2050-01-01T00:00:00Z' },
    }))
      ids[description] = (await create(on.world, on.ada, { description, ...input })).id
    ids.f = (await create(on.world, on.ada, { description: 'f' })).id
    await completes(on, on.ada, ids.f!)
    await create(on.world, on.bob, { ...later, description: 'bob', domain: 'x' })
    // Three made in the same millisecond: only their ids part them.
    await on.world.client
      .$executeRaw`UPDATE "Task" SET "createdAtMs" = 1000, "updatedAtMs" = 1000 WHERE "id" IN (${bare(ids.a!)}, ${bare(ids.b!)}, ${bare(ids.c!)})`
    await on.world.client.$executeRaw`UPDATE "Task" SET "createdAtMs" = 2000, "updatedAtMs" = 3000 WHERE "id" = ${bare(ids.d!)}`
    await on.world.client.$executeRaw`UPDATE "Task" SET "createdAtMs" = 3000, "updatedAtMs" = 2000 WHERE "id" = ${bare(ids.e!)}`
  })
  afterAll(() => on.world.close())

  const list = async (variables: object, user = on.ada) => {
    const { data, errors } = await on.world.ask(LIST, { ...variables }, user)
    if (errors) throw new Error(`${errors[0]!.extensions.code}: ${errors[0]!.message}`)
    return data.tasks
  }
  const found = async (filter: object) => {
    const { nodes, totalCount } = await list({ filter })
    expect(totalCount).toBe(nodes.length)
    return nodes.map((node: { description: string }) => node.description).sort().join('') // biome-ignore format: one look
  }
  const ordered = async (variables: object) => (await list(variables)).nodes.map((node: { description: string }) => node.description).join('')

  it('are one’s own, newest first; ADMINs see everybody’s', async () => {
    expect(await ordered({})).toBe('fedcba')
    expect((await list({}, on.bob)).nodes).toMatchObject([{ description: 'bob' }])
    expect((await list({}, on.admin)).totalCount).toBe(7)
    expect((await on.world.ask(LIST)).errors![0]!.extensions.code).toBe('UNAUTHENTICATED')
  })

  it.each([
    [{ status: { eq: 'CREATED' } }, 'de'],
    [{ status: { ne: 'QUEUED' } }, 'def'],
    [{ status: { in: ['CREATED', 'COMPLETED'] } }, 'def'],
    [{ status: { in: [] } }, ''],
    [{ status: { notIn: ['CREATED', 'COMPLETED'] } }, 'abc'],
    [{ status: { notIn: [] } }, 'abcdef'],
    [{ priority: { gt: 2 } }, 'de'],
    [{ priority: { gte: 2 } }, 'bcde'],
    [{ priority: { lt: 2 } }, 'af'],
    [{ priority: { lte: 2, gt: 0 } }, 'abc'],
    [{ type: { eq: 'test.scripted' } }, 'e'],
    [{ type: { lt: 'test.s' } }, 'abcdf'],
    [{ domain: { eq: 'x' } }, 'a'],
    [{ domain: { ne: 'x' } }, 'bc'],
    [{ domain: { notIn: ['x'] } }, 'bc'],
    [{ domain: { gt: 'X' } }, 'ab'],
    [{ domain: { isNull: true } }, 'def'],
    [{ domain: { isNull: false } }, 'abc'],
    [{ driftScore: { gte: 0 } }, 'ab'],
    [{ driftScore: { eq: 0.5 } }, 'a'],
    [{ driftScore: { isNull: true, gt: 0 } }, ''],
    [{ sessionKey: { eq: 's' } }, 'ac'],
    [{ attempt: { eq: 1 } }, 'f'],
    [{ progress: { eq: 1 } }, 'f'],
    [{ worker: { isNull: true } }, 'abcdef'],
    [{ createdAt: { eq: '1970-01-01T00:00:01Z' } }, 'abc'],
    [{ createdAt: { gt: '1970-01-01T00:00:01Z', lte: '1970-01-01T00:00:03Z' } }, 'de'],
    [{ updatedAt: { lt: '1970-01-01T00:00:03Z' } }, 'abce'],
    [{ runAt: { gte: '2100-01-01T00:00:00Z' } }, 'abc'],
    [{ queuedAt: { isNull: true } }, 'de'],
    [{ startedAt: { isNull: false } }, 'f'],
    [{ completedAt: { gte: '2020-01-01T00:00:00Z' } }, 'f'],
    [{ and: [{ domain: { isNull: false } }, { priority: { eq: 2 } }] }, 'bc'],
    [{ or: [{ domain: { eq: 'x' } }, { priority: { eq: 3 } }] }, 'ade'],
    [{ not: { domain: { eq: 'x' } } }, 'bc'],
    [{ not: { domain: { isNull: true } }, priority: { eq: 2 } }, 'bc'],
    [{ and: [] }, 'abcdef'],
    [{ or: [] }, ''],
    [{ not: {} }, ''],
    [{ domain: null, or: null }, 'abcdef'],
    [{ domain: {} }, 'abcdef'],
  ])('are filtered by %j', async (filter, expected) => {
    expect(await found(filter)).toBe(expected)
  })

  it('are filtered by ids, of which those of other types are nobody’s', async () => {
    expect(await found({ id: { eq: ids.a } })).toBe('a')
    expect(await found({ id: { in: [ids.a, ids.b, `Stream:${newId()}`] } })).toBe('ab')
    expect(await found({ id: { notIn: [ids.a] } })).toBe('bcdef')
    expect(await found({ ownerId: { eq: on.ada.id } })).toBe('abcdef')
    expect(await found({ ownerId: { eq: on.bob.id } })).toBe('')
    expect((await list({ filter: { ownerId: { eq: on.bob.id } } }, on.admin)).nodes).toMatchObject([{ description: 'bob' }])
    await expect(list({ filter: { id: { eq: 'x' } } })).rejects.toThrow('BAD_USER_INPUT')
  })

  it('are not filtered without bound', async () => {
    let filter: object = { priority: { eq: 1 } }
    for (let i = 0; i < 6; i++) filter = { not: filter }
    await expect(list({ filter })).rejects.toThrow('BAD_USER_INPUT: A filter is at most 6 levels deep.')
    await expect(list({ filter: { priority: { in: Array.from({ length: 1001 }, (_, i) => i) } } })).rejects.toThrow(
      'BAD_USER_INPUT: A filter holds at most 1000 values.',
    )
  })

  it.each([
    ['CREATED_AT', 'abcdef'],
    ['UPDATED_AT', 'abcedf'],
    ['RUN_AT', null],
    ['PRIORITY', 'fabcde'],
    ['TYPE', 'abcdfe'],
  ])('are ordered by %s, both ways', async (field, expected) => {
    const up = await ordered({ orderBy: [{ field, direction: 'ASC' }] })
    const down = await ordered({ orderBy: [{ field, direction: 'DESC' }] })
    if (expected) expect(up).toBe(expected)
    expect([...down].reverse().join('')).toBe(up)
    expect(await ordered({ orderBy: [{ field }] })).toBe(up)
  })

  it('are ordered by several terms', async () => {
    expect(
      await ordered({
        orderBy: [
          { field: 'PRIORITY', direction: 'DESC' },
          { field: 'CREATED_AT', direction: 'DESC' },
        ],
      }),
    ).toBe('edcbaf')
  })

  it.each([
    [undefined, 'fedcba'],
    [[{ field: 'PRIORITY', direction: 'ASC' }], 'fabcde'],
    [[{ field: 'CREATED_AT', direction: 'ASC' }], 'abcdef'],
    [[{ field: 'TYPE', direction: 'DESC' }], 'efdcba'],
  ])('are paged over ties without a repeat or a hole, forwards and backwards (%#)', async (orderBy, expected) => {
    for (const size of [1, 2, 4]) {
      let forwards = ''
      for (let after: string | null = null, more = true; more; ) {
        const { nodes, pageInfo, totalCount } = await list({ orderBy, first: size, after })
        expect(totalCount).toBe(6)
        expect(pageInfo.hasPreviousPage).toBe(after !== null)
        forwards += nodes.map((node: { description: string }) => node.description).join('')
        ;[after, more] = [pageInfo.endCursor, pageInfo.hasNextPage]
      }
      expect(forwards).toBe(expected)
      let backwards = ''
      for (let before: string | null = null, more = true; more; ) {
        const { nodes, pageInfo } = await list({ orderBy, last: size, before })
        expect(pageInfo.hasNextPage).toBe(before !== null)
        backwards = nodes.map((node: { description: string }) => node.description).join('') + backwards
        ;[before, more] = [pageInfo.startCursor, pageInfo.hasPreviousPage]
      }
      expect(backwards).toBe(expected)
    }
  })

  it('between two cursors are those between', async () => {
    const { edges } = await list({})
    const { nodes } = await list({ after: edges[0].cursor, before: edges[4].cursor })
    expect(nodes.map((node: { description: string }) => node.description).join('')).toBe('edc')
  })

  it.each([{ first: 0 }, { first: -1 }, { first: 101 }, { last: 0 }, { last: 101 }, { first: 1, last: 1 }])('refuse the page %j', async (page) => {
    await expect(list(page)).rejects.toThrow('BAD_USER_INPUT')
  })

  it('refuse a cursor that is none, or is of another order', async () => {
    const { pageInfo } = await list({ first: 1 })
    for (const after of [
      'x',
      '',
      Buffer.from('[]').toString('base64url'),
      Buffer.from('["-createdAtMs,-id","x","y"]').toString('base64url'),
      'x'.repeat(3000),
    ]) {
      if (after) await expect(list({ after })).rejects.toThrow('BAD_USER_INPUT')
    }
    await expect(list({ after: pageInfo.endCursor, orderBy: [{ field: 'PRIORITY' }] })).rejects.toThrow('BAD_USER_INPUT')
    await expect(list({ before: pageInfo.endCursor, orderBy: [{ field: 'CREATED_AT' }] })).rejects.toThrow('BAD_USER_INPUT')
  })

  it('are summed up by taskStats, with the same filter and for the same eyes', async () => {
    const stats = async (user = on.ada, filter?: object) => (await on.world.ask(STATS, { filter }, user)).data.taskStats
    const all = await stats()
    expect(all).toMatchObject({
      total: 6,
      byType: [
        { type: 'test.held', count: 5 },
        { type: 'test.scripted', count: 1 },
      ],
      completionRate: 1,
      meanDurationMs: expect.any(Number),
    })
    expect(Object.fromEntries(all.byStatus.map(({ status, count }: { status: string; count: number }) => [status, count]))).toEqual({
      CREATED: 2,
      QUEUED: 3,
      RUNNING: 0,
      COMPLETED: 1,
      FAILED: 0,
      CANCELLED: 0,
    })
    expect(await stats(on.ada, { priority: { gte: 3 } })).toMatchObject({ total: 2, completionRate: null, meanDurationMs: null })
    expect(await stats(on.bob)).toMatchObject({ total: 1 })
    expect(await stats(on.admin)).toMatchObject({ total: 7 })
  })

  it('have types, each with the JSON Schema of its params', async () => {
    const { data } = await on.world.ask('{ taskTypes { name description paramsSchema } }', {}, on.ada)
    expect(data.taskTypes.map((type: { name: string }) => type.name)).toEqual([
      'code.run',
      'conversation.answer',
      'http.request',
      'search.clear',
      'search.import',
      'test.held',
      'test.scripted',
      'text.generate',
      'value.keep',
      'vectors.build',
      'webhook.deliver',
    ])
    const generate = data.taskTypes.find((type: { name: string }) => type.name === 'text.generate')
    expect(generate.paramsSchema).toMatchObject({ type: 'object', properties: { prompt: { type: 'string', maxLength: 100_000 } }, additionalProperties: false })
    const held = data.taskTypes.find((type: { name: string }) => type.name === 'test.held')
    expect(held).toMatchObject({ description: 'Runs until a test ends it.', paramsSchema: { properties: { note: { maxLength: 1000 } } } })
  })

  it('are found one by one by task, node and nodes, where they are one’s own', async () => {
    const query =
      'query ($id: ID!, $ids: [ID!]!) { task(id: $id) { description } node(id: $id) { __typename id ... on Job { status } } nodes(ids: $ids) { id } }'
    const { data } = await on.world.ask(query, { id: ids.a, ids: [ids.b, `Task:${newId()}`, ids.a, ids.b, on.ada.id] }, on.ada)
    expect(data).toEqual({
      task: { description: 'a' },
      node: { __typename: 'Task', id: ids.a, status: 'QUEUED' },
      nodes: [{ id: ids.b }, null, { id: ids.a }, { id: ids.b }, { id: on.ada.id }],
    })
    const bob = await on.world.ask(query, { id: ids.a, ids: [ids.a] }, on.bob)
    expect(bob.data).toEqual({ task: null, node: null, nodes: [null] })
    const missing = await on.world.ask(query, { id: `Task:${newId()}`, ids: [] }, on.ada)
    expect(missing.data).toEqual({ task: null, node: null, nodes: [] })
    const other = await on.world.ask('query ($id: ID!) { task(id: $id) { id } }', { id: on.ada.id }, on.ada)
    expect(other.data).toEqual({ task: null })
    expect((await on.world.ask('{ task(id: "x") { id } }', {}, on.ada)).errors![0]!.extensions.code).toBe('BAD_USER_INPUT')
  })
})
