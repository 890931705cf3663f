import Libsql from 'libsql'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { server } from '../../src/core/actor.ts'
import { newId } from '../../src/core/ids.ts'
import { filePath } from '../../src/db/sqlite.ts'
import { transact } from '../../src/events/transact.ts'
import { tasksAge } from '../../src/tasks/tasks-age.ts'
import { tasksDelete } from '../../src/tasks/tasks-delete.ts'
import { dialects } from '../kit/databases.ts'
import { statementsOf } from '../kit/statements.ts'
import { HeldTasks } from '../kit/task-types.ts'
import { openWorld } from '../kit/world.ts'
import { ARCHIVE_MANY, CANCEL_MANY, CREATE_MANY, counting, DELETE_MANY, seed, UNARCHIVE_MANY, wholeOf } from './many.ts'
import { bare, completes, create, kindsOf, newTaskId, openTaskWorld, read, type TaskWorld, whenStatus } from './task.ts'

const DAY_MS = 86_400_000

describe.each(dialects())('tasks by age on %s', (dialect) => {
  let on: TaskWorld
  beforeAll(async () => {
    on = await openTaskWorld(dialect)
  })
  afterAll(() => on.world.close())
  beforeEach(async () => {
    await on.world.does(CANCEL_MANY, { input: { filter: {} } }, on.admin)
    await on.world.does(DELETE_MANY, { input: { filter: {} } }, on.admin)
  })

  const age = (ages: Parameters<typeof tasksAge>[1]) => tasksAge(on.world.app.store, ages)
  const waiting = async (input: object = {}) => (await create(on.world, on.ada, { runImmediately: false, ...input })).id as string
  /** Ended so many days ago, and not touched since. */
  const ended = async (days: number, input: object = {}) => {
    const id = await waiting(input)
    await on.world.does(CANCEL_MANY, { input: { ids: [id] } }, on.ada)
    await aged(id, days)
    return id
  }
  const aged = async (id: string, days: number) => {
    const ms = BigInt(Date.now() - days * DAY_MS)
    await on.world.client.task.update({ where: { id: bare(id) }, data: { completedAtMs: ms, updatedAtMs: ms } })
  }
  const left = async (...ids: string[]) => {
    const rows = await on.world.client.task.findMany({ where: { id: { in: ids.map(bare) } } })
    return ids.map((id) => rows.some((row) => row.id === bare(id)))
  }
  const archived = async (...ids: string[]) => {
    const rows = await on.world.client.task.findMany({ where: { id: { in: ids.map(bare) } } })
    return ids.map((id) => rows.find((row) => row.id === bare(id))!.archivedAtMs !== null)
  }

  it('are left alone unless asked', async () => {
    await ended(1000)
    const before = await wholeOf(on.world)
    expect(await age({})).toEqual({ archived: 0, deleted: 0 })
    expect(await wholeOf(on.world)).toEqual(before)
  })

  it('are put away once they ended long enough ago, by the server itself', async () => {
    const [old, young, open] = [await ended(8), await ended(6), await waiting()]
    expect(await age({ archiveAfterDays: 7 })).toEqual({ archived: 1, deleted: 0 })
    expect(await archived(old, young, open)).toEqual([true, false, false])
    expect((await kindsOf(on.world, old)).at(-1)).toBe('ARCHIVED')
    const event = await on.world.client.event.findFirstOrThrow({ where: { subjectId: bare(old), kind: 'TASK_ARCHIVED' } })
    expect([event.actorId, event.ownerId]).toEqual([null, bare(on.ada.id)])
    expect(await age({ archiveAfterDays: 7 })).toEqual({ archived: 0, deleted: 0 })
  })

  it('are not put away again at once where somebody took them out', async () => {
    const id = await ended(8)
    await age({ archiveAfterDays: 7 })
    await on.world.does(UNARCHIVE_MANY, { input: { ids: [id] } }, on.ada)
    expect(await age({ archiveAfterDays: 7 })).toEqual({ archived: 0, deleted: 0 })
    expect(await archived(id)).toEqual([false])
  })

  it('are removed once they ended long enough ago, also those that were put away since; what is told of them stays', async () => {
    const [old, away, young, open] = [await ended(31), await ended(31), await ended(29), await waiting()]
    await on.world.does(ARCHIVE_MANY, { input: { ids: [away] } }, on.ada)
    expect(await age({ deleteAfterDays: 30 })).toEqual({ archived: 0, deleted: 2 })
    expect(await left(old, away, young, open)).toEqual([false, false, true, true])
    expect(await kindsOf(on.world, old)).toEqual(['CREATED', 'CANCELLED', 'DELETED'])
    expect(await age({ deleteAfterDays: 30 })).toEqual({ archived: 0, deleted: 0 })
  })

  it('tell those who follow that they are removed', async () => {
    const id = await ended(31)
    const live = await on.world.follow('subscription ($id: ID!) { taskUpdated(id: $id) { kind task { id } } }', { id }, on.ada)
    expect((await live.take()).kind).toBe('SNAPSHOT')
    await age({ deleteAfterDays: 30 })
    expect(await live.take()).toEqual({ kind: 'DELETED', task: null })
    expect((await live.next()).done).toBe(true)
  })

  it('are kept while a task that goes on depends on them, is a part of them, or has them for a part', async () => {
    const [needed, dependent, whole, part] = [newTaskId(), newTaskId(), newTaskId(), newTaskId()]
    const made = [{ id: needed }, { id: dependent, dependsOn: [needed], onDependencyFailure: 'RUN' }, { id: whole }, { id: part, parentId: whole }]
    await on.world.does(CREATE_MANY, { input: { tasks: made.map((task) => ({ type: 'test.held', runImmediately: false, ...task })) } }, on.ada)
    const { id: parent } = await create(on.world, on.ada)
    await whenStatus(on.world, on.ada, parent, 'RUNNING')
    const child = await waiting({ parentId: parent })
    await completes(on, on.ada, parent)
    await on.world.does(CANCEL_MANY, { input: { ids: [needed, part] } }, on.ada)
    for (const id of [needed, part, parent]) await aged(id, 31)
    expect(await age({ deleteAfterDays: 30 })).toEqual({ archived: 0, deleted: 0 })
    expect(await left(needed, part, parent)).toEqual([true, true, true])
    await on.world.does(CANCEL_MANY, { input: { ids: [dependent, whole, child] } }, on.ada)
    expect(await age({ deleteAfterDays: 30 })).toEqual({ archived: 0, deleted: 3 })
    expect(await left(dependent, whole, child)).toEqual([true, true, true])
  })

  it('go with their streams, and those of others that they were to write are kept', async () => {
    const { id } = await create(on.world, on.ada)
    const run = await on.held.run(id)
    const stream = await run.task.openStream({})
    await stream.write('TEXT', 'words')
    await completes(on, on.ada, id)
    const reader = await waiting()
    await on.world.client.stream.create({
      data: {
        id: newId(),
        ownerId: bare(on.ada.id),
        taskId: bare(reader),
        producerTaskId: bare(id),
        attempt: 1,
        producer: 'TASK',
        status: 'COMPLETED',
        createdAtMs: 1n,
        completedAtMs: 2n,
      },
    })
    await aged(id, 31)
    await age({ deleteAfterDays: 30 })
    expect(await on.world.client.stream.count({ where: { id: stream.streamId } })).toBe(0)
    expect(await on.world.client.streamChunk.count({ where: { streamId: stream.streamId } })).toBe(0)
    expect(await kindsOf(on.world, `Stream:${stream.streamId}`)).toEqual(['OPENED', 'STARTED', 'COMPLETED', 'DELETED'])
    expect(await on.world.client.stream.findMany({ where: { taskId: bare(reader) }, select: { producerTaskId: true } })).toEqual([{ producerTaskId: null }])
  })

  describe('with a stream of 20,001 chunks', () => {
    const withLongStream = async () => {
      const id = await ended(31)
      const streamId = newId()
      const short = newId()
      const row = {
        ownerId: bare(on.ada.id),
        taskId: bare(id),
        attempt: 1,
        producer: 'TASK' as const,
        status: 'COMPLETED' as const,
        createdAtMs: 1n,
        completedAtMs: 2n,
      }
      await on.world.client.stream.createMany({ data: [{ ...row, id: streamId, lastSeq: 20_000 }, { ...row, id: short, lastSeq: 0 }] }) // biome-ignore format: one look
      const chunk = { kind: 'TEXT' as const, content: new Uint8Array([120]), createdAtMs: 1n }
      await on.world.client.streamChunk.create({ data: { ...chunk, streamId: short, seq: 0 } })
      await on.world.client.$executeRaw`INSERT INTO "StreamChunk" ("streamId", "seq", "kind", "content", "createdAtMs")
        WITH RECURSIVE "numbers"("n") AS (SELECT 0 UNION ALL SELECT "n" + 1 FROM "numbers" WHERE "n" < 20000)
        SELECT ${streamId}, "n", "kind", "content", "createdAtMs" FROM "numbers", "StreamChunk" WHERE "streamId" = ${short}`
      return { id, streamId, short }
    }
    const removedBy = async (call: () => Promise<unknown>) => {
      const { statements } = await statementsOf(call)
      return statements.filter((sql) => sql.includes('DELETE FROM "StreamChunk"')).length
    }

    it('are removed by age in steps of 5,000 chunks', () =>
      counting(async () => {
        const { id, streamId, short } = await withLongStream()
        expect(await removedBy(() => age({ deleteAfterDays: 30 }))).toBe(5)
        expect(await left(id)).toEqual([false])
        expect(await on.world.client.stream.count({ where: { id: { in: [streamId, short] } } })).toBe(0)
        expect(await on.world.client.streamChunk.count({ where: { streamId: { in: [streamId, short] } } })).toBe(0)
        expect((await kindsOf(on.world, `Stream:${streamId}`)).at(-1)).toBe('DELETED')
      }))

    it('are removed by hand in the same way', () =>
      counting(async () => {
        const { id, streamId } = await withLongStream()
        expect(await removedBy(() => on.world.does(DELETE_MANY, { input: { ids: [id] } }, on.ada))).toBe(5)
        expect(await on.world.client.streamChunk.count({ where: { streamId } })).toBe(0)
      }))

    it('that were cut off by a server that died are taken away by the next', async () => {
      const { id, streamId } = await withLongStream()
      // The task is gone, and nobody came to the chunks.
      await transact(on.world.app.store, server, (work) => tasksDelete(work, [bare(id)]))
      expect(await on.world.client.stream.findUnique({ where: { id: streamId } })).toMatchObject({ taskId: null, lastSeq: 20_000 })
      expect(await age({})).toEqual({ archived: 0, deleted: 0 })
      expect(await on.world.client.stream.count({ where: { id: streamId } })).toBe(0)
      expect(await on.world.client.streamChunk.count({ where: { streamId } })).toBe(0)
    })
  })

  it('by two servers at once are put away and removed once', async () => {
    const ids = await seed(on.world, on.ada, 600)
    await on.world.does(CANCEL_MANY, { input: { ids } }, on.ada)
    await on.world.client.$executeRaw`UPDATE "Task" SET "completedAtMs" = 1, "updatedAtMs" = 1`
    const both = await Promise.all([age({ archiveAfterDays: 7 }), age({ archiveAfterDays: 7 })])
    await age({ archiveAfterDays: 7 })
    expect(both.every(({ archived: count }) => count <= 600)).toBe(true)
    const count = (kind: string) => on.world.client.event.count({ where: { kind, subjectId: { in: ids.map(bare) } } })
    expect(await count('TASK_ARCHIVED')).toBe(600)
    await Promise.all([age({ deleteAfterDays: 30 }), age({ deleteAfterDays: 30 })])
    await age({ deleteAfterDays: 30 })
    expect(await count('TASK_DELETED')).toBe(600)
    expect(await on.world.client.task.count({ where: { id: { in: ids.map(bare) } } })).toBe(0)
  })

  it('stop with the step that is under way when they are told to', async () => {
    const ids = await seed(on.world, on.ada, 600)
    await on.world.does(CANCEL_MANY, { input: { ids } }, on.ada)
    await on.world.client.$executeRaw`UPDATE "Task" SET "completedAtMs" = 1, "updatedAtMs" = 1`
    const ending = new AbortController()
    const aging = age({ deleteAfterDays: 30, signal: ending.signal })
    ending.abort()
    expect((await aging).deleted).toBe(200)
  })

  it('lose the keys that mean nothing any more: whose time is over, and rates that nobody used for a day', async () => {
    const ownerId = bare(on.ada.id)
    const soon = BigInt(Date.now() + 60_000)
    await on.world.client.taskUnique.createMany({ data: [{ ownerId, key: 'over', taskId: 'x', expiresAtMs: 1n }, { ownerId, key: 'not yet', taskId: 'x', expiresAtMs: soon }] }) // biome-ignore format: one look
    await on.world.client.taskRate.createMany({
      data: [
        { name: 'unused', freeAtMs: 1n },
        { name: 'used', freeAtMs: soon - 120_000n },
      ],
    })
    await age({})
    expect(await on.world.client.taskUnique.findMany({ where: { ownerId }, select: { key: true } })).toEqual([{ key: 'not yet' }])
    expect(await on.world.client.taskRate.findMany({ select: { name: true } })).toEqual([{ name: 'used' }])
  })

  it('do not hold up the queue: tasks are made, claimed and completed while 20,000 are removed', async () => {
    await seed(on.world, on.ada, 20_000)
    for (let i = 0; i < 2; i++) await on.world.does(CANCEL_MANY, { input: { filter: {} } }, on.ada)
    await on.world.client.$executeRaw`UPDATE "Task" SET "completedAtMs" = 1, "updatedAtMs" = 1`
    const aging = age({ deleteAfterDays: 30 })
    const ids: string[] = []
    for (let i = 0; i < 5; i++) {
      const { id } = await create(on.world, on.ada)
      await completes(on, on.ada, id)
      ids.push(id)
    }
    expect(await aging).toEqual({ archived: 0, deleted: 20_000 })
    const position = async (where: object, order: 'asc' | 'desc') =>
      (await on.world.client.event.findFirstOrThrow({ where, orderBy: { position: order } })).position
    const [first, last] = [await position({ kind: 'TASK_DELETED', actorId: null }, 'asc'), await position({ kind: 'TASK_DELETED', actorId: null }, 'desc')]
    for (const id of ids) {
      const completed = await position({ kind: 'TASK_COMPLETED', subjectId: bare(id) }, 'desc')
      expect(completed < last).toBe(true)
    }
    expect((await position({ kind: 'TASK_COMPLETED', subjectId: bare(ids.at(-1)!) }, 'desc')) > first).toBe(true)
    expect(await read(on.world, on.ada, ids[0]!)).toMatchObject({ status: 'COMPLETED' })
  }, 180_000)
})

/** PostgreSQL knows by its statistics. */
describe('at thousands of tasks that wait SQLite', () => {
  it('finds those that are old by when they ended', async () => {
    const world = await openWorld('sqlite', { env: { TASK_CONCURRENCY: '0' }, extend: new HeldTasks().register })
    try {
      await seed(world, await world.user('ada'), 2000)
      await world.app.store.database.analyze()
      const found: string[] = []
      // Whoever commits at the moment takes others' statements along.
      while (found.length < 2) {
        const { statements } = await statementsOf(() => tasksAge(world.app.store, { archiveAfterDays: 1, deleteAfterDays: 1 }))
        found.splice(0, 2, ...statements.filter((sql) => sql.includes('"completedAtMs" <')))
      }
      const db = new Libsql(filePath(world.url))
      for (const sql of found) {
        const [first] = db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all() as { detail: string }[]
        expect(first!.detail).toMatch(/^SEARCH Task USING INDEX Task_(completed|unarchived)_idx \(completedAtMs>\? AND completedAtMs<\?\)$/)
      }
      db.close()
    } finally {
      await world.close()
    }
  })
})
