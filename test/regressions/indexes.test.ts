import Libsql from 'libsql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../src/core/ids.ts'
import { filePath } from '../../src/db/sqlite.ts'
import { eventsExpire } from '../../src/events/retention.ts'
import { statementsOf } from '../kit/statements.ts'
import { openWorld, type TestUser, type World } from '../kit/world.ts'

/** Which indexes SQLite chooses where an owner has much, and what is asked for is little. PostgreSQL knows by its statistics. */
describe('at an owner’s thousands of rows SQLite', () => {
  let world: World
  let ada: TestUser
  beforeAll(async () => {
    world = await openWorld('sqlite', { env: { TASK_CONCURRENCY: '0' } })
    ada = await world.user('ada')
    const ownerId = ada.id.slice('User:'.length)
    const ids = Array.from({ length: 2000 }, () => newId())
    const task = {
      ownerId,
      type: 'http.request',
      lane: 'http.request',
      status: 'CREATED' as const,
      params: {},
      agentsInvolved: [],
      runAtMs: 1n,
      createdAtMs: 1n,
      updatedAtMs: 1n,
    }
    await world.client.task.createMany({ data: ids.map((id) => ({ id, ...task })) })
    const stream = { ownerId, producer: 'OUTSIDE' as const, status: 'COMPLETED' as const, createdAtMs: 1n, completedAtMs: 1n }
    await world.client.stream.createMany({ data: ids.map((id) => ({ id, taskId: id, ...stream })) })
  })
  afterAll(() => world.close())

  /** How the statements about a table that a call leads to find their rows. */
  const plans = async (table: string, call: () => Promise<unknown>) => {
    const { statements } = await statementsOf(call)
    const db = new Libsql(filePath(world.url))
    try {
      return statements
        .filter((sql) => new RegExp(`^\\s*SELECT[^]*FROM\\s+\\S*["\`]${table}["\`]`).test(sql))
        .map((sql) =>
          db
            .prepare(`EXPLAIN QUERY PLAN ${sql}`)
            .all()
            .map((row) => (row as { detail: string }).detail)
            .join('; '),
        )
    } finally {
      db.close()
    }
  }
  const ask = (query: string) => () => world.ask(query, {}, ada)

  it('finds the events of a task by the task', async () => {
    for (const field of ['events(first: 1) { nodes { kind } }', 'events(first: 1) { totalCount }']) {
      const found = await plans('Event', ask(`{ tasks(first: 2) { nodes { ${field} } } }`))
      expect(found.length).toBeGreaterThan(0)
      for (const plan of found) {
        expect(plan).toContain('Event_subjectId_position_idx')
        expect(plan).not.toContain('Event_ownerId_position_idx')
      }
    }
  })

  it('finds the oldest events at the beginning of the log', async () => {
    let found: string[] = []
    // Whoever commits at the moment takes others' statements along.
    while (!found.length) found = await plans('Event', () => eventsExpire(world.app.store, 30))
    for (const plan of found) expect(plan).toMatch(/SEARCH .*\(position[<>]/)
  })

  it('finds the streams of a task by the task, once it has looked at what there is', async () => {
    const { id } = await world.client.task.findFirstOrThrow({ select: { id: true } })
    await world.app.store.database.analyze()
    const [plan] = await plans('Stream', ask(`{ streams(filter: { taskId: { eq: "Task:${id}" } }) { nodes { id } } }`))
    expect(plan).toContain('Stream_taskId_createdAtMs_id_idx')
  })
})

describe('on a database that was small when its server started SQLite', () => {
  it('goes on using its indexes, and believes in no figures of then', async () => {
    const world = await openWorld('sqlite', { env: { TASK_CONCURRENCY: '0' } })
    try {
      const ada = await world.user('ada')
      for (let i = 0; i < 5; i++)
        await world.does(
          'mutation ($input: TaskCreateInput!) { taskCreate(input: $input) { task { id } userErrors { code } } }',
          { input: { type: 'http.request', params: { url: 'http://127.0.0.1/' } } },
          ada,
        )
      await world.app.store.database.analyze()
      const db = new Libsql(filePath(world.url))
      try {
        const children = 'SELECT "id" FROM "Task" WHERE "parentId" IN (SELECT "value" FROM json_each(?)) AND "completedAtMs" IS NULL ORDER BY "id"'
        const plan = db.prepare(`EXPLAIN QUERY PLAN ${children}`).all('[]') as { detail: string }[]
        expect(plan.map(({ detail }) => detail)).toContainEqual(expect.stringMatching(/^SEARCH Task USING INDEX Task_parent_idx/))
      } finally {
        db.close()
      }
    } finally {
      await world.close()
    }
  })
})
