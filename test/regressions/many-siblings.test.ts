import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../src/core/ids.ts'
import { dialects } from '../kit/databases.ts'
import { openWorld, type TestUser, type World } from '../kit/world.ts'

/** A fragment brings the rows of several pages together: more than SQLite joins in one statement. */
const PAGES = 6

describe.each(dialects())('600 siblings in one answer, on %s', (dialect) => {
  let world: World
  let ada: TestUser
  beforeAll(async () => {
    world = await openWorld(dialect, { env: { TASK_CONCURRENCY: '0' } })
    ada = await world.user('ada')
    const ownerId = ada.id.slice('User:'.length)
    const tasks = Array.from({ length: 100 * PAGES }, (_, i) => ({
      id: newId(),
      ownerId,
      type: 'http.request',
      lane: 'http.request',
      status: 'CREATED' as const,
      params: {},
      agentsInvolved: [],
      runAtMs: 1n,
      createdAtMs: BigInt(i),
      updatedAtMs: 1n,
    }))
    await world.client.task.createMany({ data: tasks })
    await world.client.stream.createMany({
      data: tasks.map(({ id, createdAtMs }) => ({
        id,
        ownerId,
        taskId: id,
        producer: 'OUTSIDE' as const,
        status: 'COMPLETED' as const,
        createdAtMs,
        completedAtMs: 1n,
      })),
    })
  })
  afterAll(() => world.close())

  it.each([
    ['tasks', 'Task', 'streams(first: 1) { nodes { id } totalCount }'],
    ['tasks', 'Task', 'events(first: 1) { nodes { kind } totalCount }'],
    ['streams', 'Stream', 'chunks(first: 1) { seq }'],
  ])('the %s: each %s with its %s', async (list, type, field) => {
    const cursors: (string | null)[] = [null]
    for (let page = 1; page < PAGES; page++) {
      const { data } = await world.ask(
        `query ($after: String) { ${list}(first: 100, after: $after) { pageInfo { endCursor } } }`,
        { after: cursors.at(-1) },
        ada,
      )
      cursors.push(data[list].pageInfo.endCursor)
    }
    const pages = cursors.map((after, i) => `p${i}: ${list}(first: 100${after ? `, after: "${after}"` : ''}) { nodes { id ...With } }`)
    const { data, errors } = await world.ask(`{ ${pages.join(' ')} } fragment With on ${type} { ${field} }`, {}, ada)
    expect(errors).toBeUndefined()
    const rows = Object.values(data as Record<string, { nodes: { id: string; streams?: { nodes: { id: string }[]; totalCount: number } }[] }>).flatMap(
      ({ nodes }) => nodes,
    )
    expect(new Set(rows.map(({ id }) => id)).size).toBe(100 * PAGES)
    for (const { id, streams } of rows) if (streams) expect(streams).toEqual({ nodes: [{ id: id.replace('Task', 'Stream') }], totalCount: 1 })
  })
})
