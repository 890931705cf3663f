import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../src/core/ids.ts'
import { dialects } from '../kit/databases.ts'
import { bare, CANCEL, completes, create, DELETE, does, kindsOf, newTaskId, openTaskWorld, read, stateOf, type TaskWorld, whenStatus } from './task.ts'

describe.each(dialects())('taskDelete on %s', (dialect) => {
  let on: TaskWorld
  beforeAll(async () => {
    on = await openTaskWorld(dialect)
  })
  afterAll(() => on.world.close())
  const remove = async (id: string, user = on.ada) => (await on.world.does(DELETE, { input: { id } }, user)).deletedId
  const refused = (id: string, user = on.ada) => on.world.refused(DELETE, { input: { id } }, user)

  it('removes a task with its streams; the log still tells of it', async () => {
    const { id } = await create(on.world, on.ada)
    const stream = await (await on.held.run(id)).task.openStream({})
    await stream.write('TEXT', 'words')
    await completes(on, on.ada, id)
    expect(await remove(id)).toBe(id)
    expect(await read(on.world, on.ada, id)).toBeNull()
    expect(await on.world.client.stream.findUnique({ where: { id: stream.streamId } })).toBeNull()
    expect(await on.world.client.streamChunk.count({ where: { streamId: stream.streamId } })).toBe(0)
    expect(await kindsOf(on.world, id)).toEqual(['CREATED', 'STARTED', 'STREAM_OPENED', 'COMPLETED', 'DELETED'])
    expect(await kindsOf(on.world, `Stream:${stream.streamId}`)).toEqual(['OPENED', 'STARTED', 'COMPLETED', 'DELETED'])
  })

  it('refuses to remove one that runs, and changes nothing', async () => {
    const { id } = await create(on.world, on.ada)
    await whenStatus(on.world, on.ada, id, 'RUNNING')
    const before = await stateOf(on.world, id)
    expect(await refused(id)).toMatchObject([{ code: 'TASK_RUNNING', path: ['input', 'id'] }])
    expect(await stateOf(on.world, id)).toEqual(before)
    await does(on.world, CANCEL, { id }, on.ada)
    expect(await remove(id)).toBe(id)
  })

  it('is done once, also when many ask at once', async () => {
    const { id } = await create(on.world, on.ada, { runImmediately: false })
    const answers = await Promise.all(Array.from({ length: 5 }, () => refused(id)))
    expect(answers.filter((errors) => errors.length === 0)).toHaveLength(1)
    expect(answers.flat().map((error) => error.code)).toEqual(Array(4).fill('NOT_FOUND'))
    expect(await kindsOf(on.world, id)).toEqual(['CREATED', 'DELETED'])
  })

  it('races with the claim: the task is gone, or it runs and is kept', async () => {
    for (let i = 0; i < 10; i++) {
      const { id } = await create(on.world, on.ada)
      const errors = await refused(id)
      const task = await read(on.world, on.ada, id)
      if (errors.length === 0) expect(task).toBeNull()
      else {
        expect(errors).toMatchObject([{ code: 'TASK_RUNNING' }])
        await completes(on, on.ada, id)
      }
    }
  })

  // On SQLite nobody writes between two statements of a transaction.
  it.skipIf(dialect === 'sqlite')('removes one that, while this waited for it, was removed and made anew under its id', async () => {
    const { id } = await create(on.world, on.ada, { runImmediately: false })
    const removed = await on.world.client.$transaction(async (tx) => {
      const [{ row }] = (await tx.$queryRaw`SELECT to_jsonb("Task") AS "row" FROM "Task" WHERE "id" = ${bare(id)}`) as [{ row: object }]
      await tx.$executeRaw`DELETE FROM "Task" WHERE "id" = ${bare(id)}`
      await tx.$executeRaw`INSERT INTO "Task" SELECT * FROM jsonb_populate_record(NULL::"Task", ${JSON.stringify(row)}::jsonb)`
      const asked = refused(id)
      const waits = () => on.world.client.$queryRaw<unknown[]>`SELECT 1 FROM pg_stat_activity
        WHERE "datname" = current_database() AND "wait_event_type" = 'Lock' AND "query" LIKE '%FOR%UPDATE%'`
      while (!(await waits()).length);
      return { asked }
    })
    expect(await removed.asked).toEqual([])
    expect(await read(on.world, on.ada, id)).toBeNull()
    expect(await kindsOf(on.world, id)).toEqual(['CREATED', 'DELETED'])
  })

  it('with the same key answers the same', async () => {
    const { id } = await create(on.world, on.ada, { runImmediately: false })
    const input = { id, idempotencyKey: 'delete' }
    expect((await on.world.does(DELETE, { input }, on.ada)).deletedId).toBe(id)
    expect((await on.world.does(DELETE, { input }, on.ada)).deletedId).toBe(id)
  })

  it('tells those who follow the task, and the following ends', async () => {
    const { id } = await create(on.world, on.ada, { runImmediately: false })
    const live = await on.world.follow('subscription ($id: ID!) { taskUpdated(id: $id) { kind task { id } } }', { id }, on.ada)
    expect((await live.take()).kind).toBe('SNAPSHOT')
    await remove(id)
    expect(await live.take()).toEqual({ kind: 'DELETED', task: null })
    expect(await live.next()).toEqual({ done: true, value: undefined })
  })

  it('ends the streams that it was to write for another task', async () => {
    // Where nobody works, it waits.
    const { world, ada } = await openTaskWorld(dialect, { env: { TASK_CONCURRENCY: '0' } })
    try {
      const { id } = await create(world, ada, { runImmediately: false })
      const started = await world.does(
        'mutation ($input: StreamStartInput!) { streamStart(input: $input) { stream { id } task { id } userErrors { code message } } }',
        { input: { prompt: 'hello', taskId: id } },
        ada,
      )
      const live = await world.follow('subscription ($id: ID!) { streamChunks(streamId: $id) { status } }', { id: started.stream.id }, ada)
      expect(await live.take()).toEqual({ status: 'PENDING' })
      await world.does(DELETE, { input: { id: started.task.id } }, ada)
      expect(await live.take()).toEqual({ status: 'CANCELLED' })
      expect(await live.next()).toMatchObject({ done: true })
      expect(await read(world, ada, id)).not.toBeNull()
    } finally {
      await world.close()
    }
  })

  it('tells no difference between a task that is not there, not yours, or no task', async () => {
    const { id } = await create(on.world, on.ada, { runImmediately: false })
    const before = await stateOf(on.world, id)
    const missing = await refused(newTaskId())
    expect(missing).toEqual([{ code: 'NOT_FOUND', path: ['input', 'id'], message: 'Task not found.' }])
    expect(await refused(id, on.bob)).toEqual(missing)
    expect(await refused(`Stream:${newId()}`)).toEqual(missing)
    expect(await stateOf(on.world, id)).toEqual(before)
    expect(await remove(id, on.admin)).toBe(id)
  })
})
