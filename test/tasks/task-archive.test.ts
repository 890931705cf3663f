import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../src/core/ids.ts'
import { dialects } from '../kit/databases.ts'
import { ARCHIVE, UNARCHIVE, wholeOf } from './many.ts'
import { bare, CANCEL, completes, create, does, kindsOf, newTaskId, openTaskWorld, RETRY, type TaskWorld, whenStatus } from './task.ts'

describe.each(dialects())('taskArchive on %s', (dialect) => {
  let on: TaskWorld
  beforeAll(async () => {
    on = await openTaskWorld(dialect)
  })
  afterAll(() => on.world.close())

  const archive = (id: string, user = on.ada) => does(on.world, ARCHIVE, { id }, user)
  const unarchive = (id: string, user = on.ada) => does(on.world, UNARCHIVE, { id }, user)
  const refusedWhole = async (mutation: string, id: string, user = on.ada) => {
    const before = await wholeOf(on.world)
    const errors = await on.world.refused(mutation, { input: { id } }, user)
    expect(await wholeOf(on.world)).toEqual(before)
    return errors
  }
  const cancelled = async () => {
    const { id } = await create(on.world, on.ada, { runImmediately: false })
    await does(on.world, CANCEL, { id }, on.ada)
    return id as string
  }
  const listed = async (filter: object) => {
    const { data } = await on.world.ask('query ($filter: TaskFilter) { tasks(filter: $filter, first: 100) { nodes { id } } }', { filter }, on.ada)
    return data.tasks.nodes.map((task: { id: string }) => task.id) as string[]
  }

  it('puts a task away that has ended, whichever way, and takes it out again', async () => {
    const { id } = await create(on.world, on.ada)
    await completes(on, on.ada, id)
    for (const each of [id, await cancelled()]) {
      const { archivedAt, updatedAt } = await archive(each)
      expect(archivedAt).toBe(updatedAt)
      expect(await unarchive(each)).toMatchObject({ archivedAt: null })
      expect((await kindsOf(on.world, each)).slice(-2)).toEqual(['ARCHIVED', 'UNARCHIVED'])
    }
  })

  it('lets lists leave out what was put away, or show nothing else', async () => {
    const [away, here] = [await cancelled(), await cancelled()]
    await archive(away)
    const ids = { id: { in: [away, here] } }
    expect(await listed({ ...ids, archivedAt: { isNull: true } })).toEqual([here])
    expect(await listed({ ...ids, archivedAt: { isNull: false } })).toEqual([away])
  })

  it('tells those who follow', async () => {
    const id = await cancelled()
    const live = await on.world.follow('subscription ($id: ID!) { taskUpdated(id: $id) { kind task { archivedAt } } }', { id }, on.ada)
    expect(await live.take()).toEqual({ kind: 'SNAPSHOT', task: { archivedAt: null } })
    await archive(id)
    expect(await live.take()).toEqual({ kind: 'ARCHIVED', task: { archivedAt: expect.any(String) } })
    await live.stop()
  })

  it('twice is as once, also by many at once', async () => {
    const id = await cancelled()
    await Promise.all(Array.from({ length: 5 }, () => archive(id)))
    expect(await kindsOf(on.world, id)).toEqual(['CREATED', 'CANCELLED', 'ARCHIVED'])
    await unarchive(id)
    const before = await wholeOf(on.world)
    await unarchive(id)
    expect(await wholeOf(on.world)).toEqual(before)
  })

  it('with the same key is done once, whatever came in between', async () => {
    const id = await cancelled()
    const input = { id, idempotencyKey: 'archive' }
    await does(on.world, ARCHIVE, input, on.ada)
    await unarchive(id)
    expect(await does(on.world, ARCHIVE, input, on.ada)).toMatchObject({ archivedAt: null })
    expect(await on.world.refused(ARCHIVE, { input: { ...input, id: newTaskId() } }, on.ada)).toMatchObject([{ code: 'IDEMPOTENCY_MISMATCH' }])
  })

  it('is undone when the task is retried', async () => {
    const id = await cancelled()
    await archive(id)
    await does(on.world, RETRY, { id }, on.ada)
    const { archivedAtMs } = await on.world.client.task.findUniqueOrThrow({ where: { id: bare(id) } })
    expect(archivedAtMs).toBeNull()
    await completes(on, on.ada, id)
  })

  it('is refused while the task has not ended, and changes nothing', async () => {
    const waiting = await create(on.world, on.ada, { runImmediately: false })
    const later = await create(on.world, on.ada, { runAt: '2100-01-01T00:00:00Z' })
    const running = await create(on.world, on.ada)
    await whenStatus(on.world, on.ada, running.id, 'RUNNING')
    for (const mutation of [ARCHIVE, UNARCHIVE])
      for (const { id } of [waiting, later, running])
        expect(await refusedWhole(mutation, id)).toMatchObject([{ code: 'TASK_NOT_FINAL', path: ['input', 'id'] }])
    await completes(on, on.ada, running.id)
  })

  it('tells no difference between a task that is not there, not yours, or no task', async () => {
    const id = await cancelled()
    const missing = await refusedWhole(ARCHIVE, newTaskId())
    expect(missing).toEqual([{ code: 'NOT_FOUND', path: ['input', 'id'], message: 'Task not found.' }])
    expect(await refusedWhole(ARCHIVE, id, on.bob)).toEqual(missing)
    expect(await refusedWhole(UNARCHIVE, id, on.bob)).toEqual(missing)
    expect(await refusedWhole(ARCHIVE, `Stream:${newId()}`)).toEqual(missing)
    expect(await archive(id, on.admin)).toMatchObject({ archivedAt: expect.any(String) })
  })
})
