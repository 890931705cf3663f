import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../src/core/ids.ts'
import { dialects } from '../kit/databases.ts'
import { bare, CANCEL, completes, create, does, kindsOf, newTaskId, openTaskWorld, read, stateOf, type TaskWorld, whenStatus } from './task.ts'

const STREAMS = 'query ($id: ID!) { task(id: $id) { streams { nodes { status text lastSeq completedAt } } } }'

describe.each(dialects())('taskCancel on %s', (dialect) => {
  let on: TaskWorld
  beforeAll(async () => {
    on = await openTaskWorld(dialect)
  })
  afterAll(() => on.world.close())
  const cancel = (id: string, user = on.ada) => does(on.world, CANCEL, { id }, user)
  const refused = (id: string, user = on.ada) => on.world.refused(CANCEL, { input: { id } }, user)

  it.each([{ runImmediately: false }, { runAt: '2100-01-01T00:00:00Z' }])('ends a task that waits at once (%#)', async (input) => {
    const { id } = await create(on.world, on.ada, input)
    expect(await cancel(id)).toMatchObject({ status: 'CANCELLED', completedAt: expect.any(String), durationMs: null, attempt: 0, cancelRequestedAt: null })
    expect(await kindsOf(on.world, id)).toEqual(['CREATED', 'CANCELLED'])
  })

  it('stops a running task, keeps the text it wrote, and answers that it is CANCELLED', async () => {
    const { id } = await create(on.world, on.ada)
    const { task } = await on.held.run(id)
    const stream = await task.openStream({})
    await stream.write('TEXT', 'as far as ')
    await stream.write('TEXT', 'it got')
    expect(await cancel(id)).toMatchObject({ status: 'CANCELLED', cancelRequestedAt: expect.any(String), worker: null, durationMs: expect.any(Number) })
    expect(task.signal.aborted).toBe(true)
    const { data } = await on.world.ask(STREAMS, { id }, on.ada)
    expect(data.task.streams.nodes).toEqual([{ status: 'CANCELLED', text: 'as far as it got', lastSeq: 1, completedAt: expect.any(String) }])
    expect(await kindsOf(on.world, id)).toEqual(['CREATED', 'STARTED', 'STREAM_OPENED', 'CANCEL_REQUESTED', 'CANCELLED'])
  })

  it('does not wait longer than its grace for a function that ignores its signal, and nothing of it comes through later', async () => {
    const late: string[] = []
    let release!: () => void
    const released = new Promise<void>((resolve) => {
      release = resolve
    })
    on.scripts.write('deaf', async (task) => {
      const stream = await task.openStream({})
      await stream.write('TEXT', 'before')
      await released
      task.progress(0.9)
      await stream.write('TEXT', 'after').catch((error: Error) => late.push(error.name))
      return { result: 'too late' }
    })
    const { id } = await create(on.world, on.ada, { type: 'test.scripted', params: { script: 'deaf' } })
    await whenStatus(on.world, on.ada, id, 'RUNNING')
    expect(await cancel(id)).toMatchObject({ status: 'RUNNING', cancelRequestedAt: expect.any(String) })
    await whenStatus(on.world, on.ada, id, 'CANCELLED')
    const before = await stateOf(on.world, id)
    release()
    await expect.poll(() => late).toHaveLength(1)
    expect(await stateOf(on.world, id)).toEqual(before)
    expect((await on.world.ask(STREAMS, { id }, on.ada)).data.task.streams.nodes).toMatchObject([{ status: 'CANCELLED', text: 'before' }])
  })

  it('asked twice, or by many at once, is one request', async () => {
    const { id } = await create(on.world, on.ada)
    await whenStatus(on.world, on.ada, id, 'RUNNING')
    const answers = await Promise.all(Array.from({ length: 5 }, () => refused(id)))
    expect(answers.flat().map((error) => error.code)).toEqual(answers.flat().map(() => 'TASK_FINAL'))
    expect((await kindsOf(on.world, id)).filter((kind) => kind.startsWith('CANCEL'))).toEqual(['CANCEL_REQUESTED', 'CANCELLED'])
  })

  it('races with the end of the task: one of the two happens, and all say the same', async () => {
    for (let i = 0; i < 10; i++) {
      const { id } = await create(on.world, on.ada)
      const run = await on.held.run(id)
      const [errors] = await Promise.all([refused(id), run.complete({ result: i })])
      const task = await whenStatus(on.world, on.ada, id, 'CANCELLED', 'COMPLETED')
      if (task.status === 'COMPLETED') expect(task.result).toBe(i)
      else expect(errors).toEqual([])
      expect((await kindsOf(on.world, id)).filter((kind) => ['CANCELLED', 'COMPLETED'].includes(kind))).toEqual([task.status])
    }
  })

  it('is refused once the task has ended, and changes nothing', async () => {
    const done = await create(on.world, on.ada)
    await completes(on, on.ada, done.id)
    const gone = await create(on.world, on.ada, { runImmediately: false })
    await cancel(gone.id)
    for (const { id } of [done, gone]) {
      const before = await stateOf(on.world, id)
      expect(await refused(id)).toMatchObject([{ code: 'TASK_FINAL', path: ['input', 'id'] }])
      expect(await stateOf(on.world, id)).toEqual(before)
    }
  })

  it('with the same key answers the same', async () => {
    const { id } = await create(on.world, on.ada, { runImmediately: false })
    const input = { id, idempotencyKey: 'cancel' }
    const first = await does(on.world, CANCEL, input, on.ada)
    expect(await does(on.world, CANCEL, input, on.ada)).toEqual(first)
  })

  it('tells no difference between a task that is not there, not yours, or no task', async () => {
    const { id } = await create(on.world, on.ada)
    await whenStatus(on.world, on.ada, id, 'RUNNING')
    const before = await stateOf(on.world, id)
    const missing = await refused(newTaskId())
    expect(missing).toEqual([{ code: 'NOT_FOUND', path: ['input', 'id'], message: 'Task not found.' }])
    expect(await refused(id, on.bob)).toEqual(missing)
    expect(await refused(`Stream:${newId()}`)).toEqual(missing)
    expect(await stateOf(on.world, id)).toEqual(before)
    expect(await cancel(id, on.admin)).toMatchObject({ status: 'CANCELLED' })
    expect(await read(on.world, on.ada, id)).toMatchObject({ status: 'CANCELLED' })
  })

  it('reaches a task that a lost worker holds: it is CANCELLED, not queued again', async () => {
    const { id } = await create(on.world, on.ada, { runAt: '2100-01-01T00:00:00Z' })
    await on.world.client
      .$executeRaw`UPDATE "Task" SET "status" = 'RUNNING', "readyAtMs" = NULL, "worker" = 'elsewhere', "workerKind" = 'SERVER', "leaseToken" = 'lost', "leaseSeconds" = 10, "leaseExpiresAtMs" = 1, "attempt" = 1, "startedAtMs" = 1, "cancelRequestedAtMs" = 1 WHERE "id" = ${bare(id)}`
    await on.world.app.runner.sweep()
    expect(await whenStatus(on.world, on.ada, id, 'CANCELLED')).toMatchObject({ attempt: 1 })
  })
})
