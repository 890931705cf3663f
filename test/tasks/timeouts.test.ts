/** Time limits of an attempt and of all of them, and workers that do not stop. Time does not pass here: rows are aged. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Work } from '../../src/events/work.ts'
import { type Lease, STOP_GRACE_MS } from '../../src/tasks/task.ts'
import { taskCancel } from '../../src/tasks/task-cancel.ts'
import { taskComplete } from '../../src/tasks/task-complete.ts'
import { taskFail } from '../../src/tasks/task-fail.ts'
import { taskHeartbeat } from '../../src/tasks/task-heartbeat.ts'
import { taskRetry } from '../../src/tasks/task-retry.ts'
import { taskRun } from '../../src/tasks/task-run.ts'
import { taskUpdate } from '../../src/tasks/task-update.ts'
import { tasksStop } from '../../src/tasks/tasks-stop.ts'
import { dialects } from '../kit/databases.ts'
import { Engine } from './engine.ts'
import { create, openTaskWorld, type TaskWorld, whenStatus, whenTask } from './task.ts'

describe.each(dialects())('time limits on %s', (dialect) => {
  let engine: Engine
  beforeAll(async () => {
    engine = await Engine.open(dialect)
  })
  afterAll(() => engine.close())
  beforeEach(async () => {
    await engine.store.database.client.$executeRaw`DELETE FROM "Task"`
  })
  const asServer = <T>(operation: (work: Work) => Promise<T>) => engine.asServer(operation)
  const stop = async () => (await asServer(tasksStop)).map(({ id }) => id)
  const refusal = async (act: (work: Work, lease: Lease) => Promise<unknown>, lease: Lease) =>
    (await engine.refused(engine.ada, (work) => act(work, lease))).code
  /** As if so long had passed since these moments. */
  const pass = async (id: string, ms: number, ...columns: ('attemptEndsAtMs' | 'deadlineAtMs' | 'cancelRequestedAtMs' | 'queuedAtMs')[]) => {
    const row = (await engine.row(id)) as unknown as Record<string, number>
    await engine.age(id, Object.fromEntries(columns.map((column) => [column, row[column]! - ms])))
  }

  describe('of an attempt', () => {
    it('begin with each attempt, and end it where they are first', async () => {
      const id = await engine.create({ timeoutSeconds: 100, totalTimeoutSeconds: 1000 })
      const { deadlineAtMs, queuedAtMs } = await engine.row(id)
      expect(deadlineAtMs! - queuedAtMs!).toBe(1_000_000)
      const lease = await engine.claimOne()
      expect(lease.task.attemptEndsAtMs! - lease.task.startedAtMs!).toBe(100_000)
      await asServer((work) => taskFail(work, lease, { error: 'Not yet.', retry: true }))
      expect(await engine.row(id)).toMatchObject({ attemptEndsAtMs: null, deadlineAtMs })
      await pass(id, 950_000, 'deadlineAtMs')
      await engine.age(id, { runAtMs: 1, readyAtMs: 1 })
      const again = await engine.claimOne()
      expect(again.task.attemptEndsAtMs).toBe(again.task.deadlineAtMs)
    })

    it('are told a worker by its heartbeat, which may still give in; after a grace the task is taken away and tried again', async () => {
      const id = await engine.create({ timeoutSeconds: 100 })
      const lease = await engine.claimOne({ kind: 'OUTSIDE' })
      expect((await asServer((work) => taskHeartbeat(work, lease))).stop).toBeNull()
      await pass(id, 100_001, 'attemptEndsAtMs')
      expect((await asServer((work) => taskHeartbeat(work, lease))).stop).toBe('TIMED_OUT')
      expect(await stop()).toEqual([])
      await pass(id, STOP_GRACE_MS, 'attemptEndsAtMs')
      expect(await stop()).toEqual([id])
      expect(await engine.row(id)).toMatchObject({ status: 'QUEUED', attempt: 1, error: 'The attempt took longer than the task allows.', worker: null })
      expect(await engine.kinds(id)).toEqual(['CREATED', 'STARTED', 'TIMED_OUT'])
      expect(await refusal((work, held) => taskComplete(work, held, { result: 'late' }), lease)).toBe('TASK_NOT_LEASED')
      expect(await refusal((work, held) => taskHeartbeat(work, held, { progress: 1 }), lease)).toBe('TASK_NOT_LEASED')
      const again = await engine.claimOne()
      expect(again.task.attempt).toBe(2)
      const attempts = await engine.store.database.client.taskAttempt.findMany({ where: { taskId: id }, select: { attempt: true, outcome: true } })
      expect(attempts).toEqual([{ attempt: 1, outcome: 'TIMED_OUT' }])
    })

    it('at the last attempt end the task, and those that depend on it', async () => {
      const id = await engine.create({ timeoutSeconds: 100, maxAttempts: 1 })
      const dependent = await engine.create({ dependsOn: [id] })
      await engine.claimOne()
      await pass(id, 100_000 + STOP_GRACE_MS, 'attemptEndsAtMs')
      expect(await stop()).toEqual([id])
      expect(await engine.row(id)).toMatchObject({ status: 'FAILED', error: 'The attempt took longer than the task allows.' })
      expect(await engine.status(dependent)).toBe('CANCELLED')
    })

    it('leave a worker with a long lease as much time to notice as its lease', async () => {
      const id = await engine.create({ timeoutSeconds: 100 })
      await engine.claimOne({ kind: 'OUTSIDE', leaseSeconds: 60 })
      await pass(id, 100_000 + 59_000, 'attemptEndsAtMs')
      expect(await stop()).toEqual([])
      await pass(id, 1000, 'attemptEndsAtMs')
      expect(await stop()).toEqual([id])
    })
  })

  describe('in all', () => {
    it('end a task that still waits, for its time, for others or for a worker', async () => {
      const written = await engine.create({ runImmediately: false })
      const waits = [
        await engine.create({ totalTimeoutSeconds: 50 }),
        await engine.create({ totalTimeoutSeconds: 50, dependsOn: [written] }),
        await engine.create({ totalTimeoutSeconds: 50, runAt: new Date('2100-01-01') }),
      ]
      // What is due later has its time from then on.
      const [, , later] = await Promise.all(waits.map((id) => engine.row(id)))
      expect(later!.deadlineAtMs).toBe(new Date('2100-01-01').getTime() + 50_000)
      await pass(waits[0]!, 50_001, 'deadlineAtMs')
      await pass(waits[1]!, 50_001, 'deadlineAtMs')
      expect((await stop()).sort()).toEqual([waits[0], waits[1]].sort())
      for (const id of [waits[0]!, waits[1]!])
        expect(await engine.row(id)).toMatchObject({
          status: 'FAILED',
          error: 'The task took longer in all than it is allowed to.',
          attempt: 0,
          durationMs: null,
        })
      expect(await engine.status(waits[2]!)).toBe('QUEUED')
      await engine.as(engine.ada, (work) => taskCancel(work, written))
      expect(await engine.status(waits[1]!)).toBe('FAILED')
    })

    it('end a task whose next attempt would come too late', async () => {
      const id = await engine.create({ totalTimeoutSeconds: 60, retryPolicy: { initialSeconds: 61, jitter: 0 } })
      const lease = await engine.claimOne()
      expect(await asServer((work) => taskFail(work, lease, { error: 'Busy.', retry: true }))).toBe('FAILED')
      expect(await engine.row(id)).toMatchObject({ status: 'FAILED', error: 'Busy.', attempt: 1, maxAttempts: 3 })
    })

    it('end a task that runs, though it has attempts left', async () => {
      const id = await engine.create({ totalTimeoutSeconds: 100 })
      await engine.claimOne()
      await pass(id, 100_000 + STOP_GRACE_MS, 'attemptEndsAtMs', 'deadlineAtMs')
      expect(await stop()).toEqual([id])
      expect(await engine.status(id)).toBe('FAILED')
    })

    it('begin when a task is put into the queue, and anew when it is retried', async () => {
      const id = await engine.create({ totalTimeoutSeconds: 100, runImmediately: false })
      expect((await engine.row(id)).deadlineAtMs).toBeNull()
      await engine.as(engine.ada, (work) => taskRun(work, id))
      const { deadlineAtMs, queuedAtMs } = await engine.row(id)
      expect(deadlineAtMs! - queuedAtMs!).toBe(100_000)
      await engine.as(engine.ada, (work) => taskCancel(work, id))
      await pass(id, 500_000, 'deadlineAtMs', 'queuedAtMs')
      await engine.as(engine.ada, (work) => taskRetry(work, id))
      const again = await engine.row(id)
      expect(again.deadlineAtMs! - again.queuedAtMs!).toBe(100_000)
      expect(await stop()).toEqual([])
    })

    it('are counted from the queue also where they are changed, and may be lifted', async () => {
      const id = await engine.create({})
      const update = (totalTimeoutSeconds: number | null) => engine.as(engine.ada, (work) => taskUpdate(work, engine.types, id, { totalTimeoutSeconds }))
      await update(70)
      const { deadlineAtMs, queuedAtMs } = await engine.row(id)
      expect(deadlineAtMs! - queuedAtMs!).toBe(70_000)
      await update(null)
      expect((await engine.row(id)).deadlineAtMs).toBeNull()
    })
  })

  describe('of a worker that was asked to stop', () => {
    it('are a grace, however well it renews its lease; then the task is CANCELLED, and nothing of the worker comes through', async () => {
      const id = await engine.create()
      const child = await engine.create({ parentId: id, runImmediately: false })
      const lease = await engine.claimOne({ kind: 'OUTSIDE' })
      expect(await engine.as(engine.ada, (work) => taskCancel(work, id))).toBe('REQUESTED')
      expect((await asServer((work) => taskHeartbeat(work, lease))).stop).toBe('CANCELLED')
      await pass(id, STOP_GRACE_MS - 5000, 'cancelRequestedAtMs')
      expect(await stop()).toEqual([])
      await pass(id, 5001, 'cancelRequestedAtMs')
      expect(await stop()).toEqual([id])
      const row = await engine.row(id)
      expect(row).toMatchObject({ status: 'CANCELLED', worker: null })
      expect((await engine.events(id)).at(-1)!.data.reason).toBe('The worker went on though it was asked to stop.')
      expect(await engine.status(child)).toBe('CANCELLED')
      expect(await refusal((work, held) => taskComplete(work, held, { result: 'late' }), lease)).toBe('TASK_NOT_LEASED')
      expect(await engine.row(id)).toEqual(row)
    })

    it('are seen to once, by however many servers look', async () => {
      for (let i = 0; i < 20; i++) await engine.create()
      for (const { id } of await engine.claim({ limit: 20 })) {
        await engine.as(engine.ada, (work) => taskCancel(work, id))
        await pass(id, STOP_GRACE_MS, 'cancelRequestedAtMs')
      }
      const stopped = (await Promise.all([stop(), stop(), stop(), stop()])).flat()
      expect(stopped).toHaveLength(20)
      expect(new Set(stopped).size).toBe(20)
    })
  })
})

describe.each(dialects())('a server’s own workers and time limits, on %s', (dialect) => {
  let on: TaskWorld
  beforeAll(async () => {
    on = await openTaskWorld(dialect)
  })
  afterAll(() => on.world.close())

  it('end an attempt in time, and begin the next one', async () => {
    const { id } = await create(on.world, on.ada, { timeoutSeconds: 1, maxAttempts: 2, retryPolicy: { initialSeconds: 0 } })
    const first = await on.held.run(id)
    ;(await on.held.run(id, 2)).complete({ result: 'second' })
    expect(first.task.signal.aborted).toBe(true)
    expect(await whenStatus(on.world, on.ada, id, 'COMPLETED')).toMatchObject({ attempt: 2, result: 'second' })
    expect(await on.world.client.taskAttempt.findMany({ where: { taskId: id.slice(5) }, select: { outcome: true, error: true } })).toEqual([
      { outcome: 'TIMED_OUT', error: 'The attempt took longer than the task allows. (1 s)' },
    ])
  })

  it('leave alone a function that does not end, and nothing of it comes through', async () => {
    let answer!: () => void
    on.scripts.write('deaf', (task) => new Promise((resolve) => (answer = () => resolve({ result: `late ${task.attempt}` }))))
    const { id } = await create(on.world, on.ada, { type: 'test.scripted', params: { script: 'deaf' }, timeoutSeconds: 1, maxAttempts: 1 })
    const failed = await whenStatus(on.world, on.ada, id, 'FAILED')
    answer()
    await on.world.app.runner.sweep()
    expect(await whenTask(on.world, on.ada, id, () => true)).toEqual(failed)
  })
})
