import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../src/core/ids.ts'
import { dialects } from '../kit/databases.ts'
import { CANCEL, completes, create, does, kindsOf, newTaskId, openTaskWorld, RETRY, stateOf, type TaskWorld, whenStatus } from './task.ts'

describe.each(dialects())('taskRetry on %s', (dialect) => {
  let on: TaskWorld
  beforeAll(async () => {
    on = await openTaskWorld(dialect)
  })
  afterAll(() => on.world.close())
  const retry = (id: string, user = on.ada) => does(on.world, RETRY, { id }, user)
  const refused = (id: string, user = on.ada) => on.world.refused(RETRY, { input: { id } }, user)

  it('runs a task again that FAILED: attempts go on counting, and there is one more', async () => {
    const { id } = await create(on.world, on.ada, { maxAttempts: 1 })
    ;(await on.held.run(id)).fail(new Error('no luck'))
    expect(await whenStatus(on.world, on.ada, id, 'FAILED')).toMatchObject({ attempt: 1, maxAttempts: 1, worker: null })
    expect(await retry(id)).toMatchObject({ maxAttempts: 2, error: null, completedAt: null, durationMs: null, progress: null })
    expect(await completes(on, on.ada, id, { result: { fine: true } })).toMatchObject({ attempt: 2, maxAttempts: 2, result: { fine: true }, error: null })
    expect(await kindsOf(on.world, id)).toEqual(['CREATED', 'STARTED', 'FAILED', 'QUEUED', 'STARTED', 'COMPLETED'])
  })

  it('runs a task again that was CANCELLED, before it began or while it ran', async () => {
    const early = await create(on.world, on.ada, { runAt: '2100-01-01T00:00:00Z' })
    await does(on.world, CANCEL, { id: early.id }, on.ada)
    expect(await retry(early.id)).toMatchObject({ maxAttempts: 3 })
    expect(await completes(on, on.ada, early.id)).toMatchObject({ attempt: 1 })

    const late = await create(on.world, on.ada)
    await whenStatus(on.world, on.ada, late.id, 'RUNNING')
    await does(on.world, CANCEL, { id: late.id }, on.ada)
    expect(await retry(late.id)).toMatchObject({ cancelRequestedAt: null, maxAttempts: 3 })
    expect(await completes(on, on.ada, late.id)).toMatchObject({ attempt: 2 })
  })

  it('is refused while the task waits, runs or is COMPLETED, and changes nothing', async () => {
    const waiting = await create(on.world, on.ada, { runAt: '2100-01-01T00:00:00Z' })
    const created = await create(on.world, on.ada, { runImmediately: false })
    const running = await create(on.world, on.ada)
    await whenStatus(on.world, on.ada, running.id, 'RUNNING')
    const done = await create(on.world, on.ada)
    await completes(on, on.ada, done.id)
    for (const { id } of [waiting, created, running, done]) {
      const before = await stateOf(on.world, id)
      expect(await refused(id)).toMatchObject([{ code: 'TASK_NOT_RETRYABLE', path: ['input', 'id'] }])
      expect(await stateOf(on.world, id)).toEqual(before)
    }
  })

  it('of many at once is done once', async () => {
    const { id } = await create(on.world, on.ada, { runAt: '2100-01-01T00:00:00Z' })
    await does(on.world, CANCEL, { id }, on.ada)
    const answers = await Promise.all(Array.from({ length: 5 }, () => refused(id)))
    expect(answers.filter((errors) => errors.length === 0)).toHaveLength(1)
    // It runs now; what follows looks at a log in which nothing else happens.
    await whenStatus(on.world, on.ada, id, 'RUNNING')
    expect((await kindsOf(on.world, id)).filter((kind) => kind === 'QUEUED')).toHaveLength(1)
  })

  it('tells no difference between a task that is not there, not yours, or no task', async () => {
    const { id } = await create(on.world, on.ada, { runAt: '2100-01-01T00:00:00Z' })
    await does(on.world, CANCEL, { id }, on.ada)
    const before = await stateOf(on.world, id)
    const missing = await refused(newTaskId())
    expect(missing).toEqual([{ code: 'NOT_FOUND', path: ['input', 'id'], message: 'Task not found.' }])
    expect(await refused(id, on.bob)).toEqual(missing)
    expect(await refused(`Stream:${newId()}`)).toEqual(missing)
    expect(await stateOf(on.world, id)).toEqual(before)
  })
})
