import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dialects } from '../kit/databases.ts'
import { statementsOf } from '../kit/statements.ts'
import { append, open } from '../streams/stream.ts'
import { create, openTaskWorld, type TaskWorld } from './task.ts'

/** Everything that hangs on a list, as an interested page would ask for it. */
const LISTS = {
  'tasks with their owners': 'tasks(first: 50) { totalCount nodes { id description owner { id displayName } } }',
  'tasks with their streams':
    'tasks(first: 50) { nodes { id streams(first: 2) { totalCount nodes { id text chunks(first: 2) { content } owner { id } task { id } } } } }',
  'tasks with their events': 'tasks(first: 50) { nodes { id events(first: 3) { totalCount nodes { kind actor { id } task { id status } } } } }',
  'tasks with their last events': 'tasks(first: 50) { nodes { id events(last: 1) { nodes { kind cursor } } } }',
  'streams with their tasks': 'streams(first: 50) { totalCount nodes { id text chunks(first: 3) { seq content } owner { id } task { id owner { id } } } }',
  'tasks in figures': 'taskStats { total byStatus { count } byType { count } meanDurationMs completionRate }',
}

describe.each(dialects())('lists on %s', (dialect) => {
  let on: TaskWorld
  beforeAll(async () => {
    on = await openTaskWorld(dialect, { env: { TASK_CONCURRENCY: '0', MAX_COST: '1000000' } })
  })
  afterAll(() => on.world.close())

  it('issue as many statements for many rows as for few', async () => {
    const fill = async (count: number) => {
      for (let i = 0; i < count; i++) {
        const task = await create(on.world, on.ada, { description: `task ${i}` })
        for (let n = 0; n < 3; n++) await append(on.world, on.ada, await open(on.world, on.ada, { taskId: task.id }), -1, `${i}`, '.', `${n}`)
      }
    }
    const counts = async () => {
      const found: Record<string, number> = {}
      for (const [name, list] of Object.entries(LISTS)) {
        const { answer, statements } = await statementsOf(() => on.world.ask(`{ ${list} }`, {}, on.ada))
        expect(answer.errors).toBeUndefined()
        found[name] = statements.length
      }
      return found
    }
    await fill(2)
    // Once before it counts, for what is read once and kept.
    await counts()
    const few = await counts()
    await fill(18)
    expect(await counts()).toEqual(few)
    for (const [name, count] of Object.entries(few)) expect(`${name}: ${count > 0 && count <= 15}`).toBe(`${name}: true`)
  })

  it('give each row what is its own', async () => {
    const { data } = await on.world.ask(
      '{ tasks { nodes { id description events(first: 1) { totalCount nodes { kind taskId } pageInfo { hasNextPage } } streams(first: 2) { totalCount nodes { text chunks(first: 2, afterSeq: 0) { seq content } task { id } } } } } }',
      {},
      on.ada,
    )
    expect(data.tasks.nodes).toHaveLength(20)
    for (const { id, description, events, streams } of data.tasks.nodes) {
      const number = description.slice(5)
      expect(events).toEqual({ totalCount: 1, nodes: [{ kind: 'CREATED', taskId: id }], pageInfo: { hasNextPage: false } })
      expect(streams).toEqual({
        totalCount: 3,
        nodes: [0, 1].map((n) => ({ text: `${number}.${n}`, chunks: [{ seq: 1, content: '.' }, { seq: 2, content: `${n}` }], task: { id } })), // biome-ignore format: one look
      })
    }
  })

  it('page through the events of each row', async () => {
    const { id } = await create(on.world, on.ada)
    for (const description of ['1', '2', '3', '4'])
      await on.world.ask('mutation ($input: TaskUpdateInput!) { taskUpdate(input: $input) { task { id } } }', { input: { id, description } }, on.ada)
    const page = async (args: string) => {
      const query = `query ($id: ID!) { task(id: $id) { events(${args}) { nodes { kind } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }`
      const { data, errors } = await on.world.ask(query, { id }, on.ada)
      return errors ? errors[0]!.extensions.code : data.task.events
    }
    const first = await page('first: 2')
    expect(first).toMatchObject({ nodes: [{ kind: 'CREATED' }, { kind: 'UPDATED' }], pageInfo: { hasNextPage: true, hasPreviousPage: false } })
    const rest = await page(`first: 3, after: "${first.pageInfo.endCursor}"`)
    expect(rest).toMatchObject({ nodes: Array(3).fill({ kind: 'UPDATED' }), pageInfo: { hasNextPage: false, hasPreviousPage: true } })
    expect(await page(`first: 1, after: "${first.pageInfo.startCursor}", before: "${rest.pageInfo.endCursor}"`)).toMatchObject({
      pageInfo: { hasNextPage: true },
    })
    expect(await page(`last: 2, before: "${rest.pageInfo.startCursor}"`)).toMatchObject({
      nodes: first.nodes,
      pageInfo: { hasNextPage: true, hasPreviousPage: false },
    })
    expect(await page('first: 0')).toBe('BAD_USER_INPUT')
    expect(await page('first: 101')).toBe('BAD_USER_INPUT')
    expect(await page('after: "x"')).toBe('BAD_USER_INPUT')
  })
})
