/** A task that is made by a server with room for it is started in the same commit. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dialects } from '../kit/databases.ts'
import { bare, create, DELETE, openTaskWorld, type TaskWorld, whenStatus } from './task.ts'

describe.each(dialects())('a task that is made where there is room for it, on %s', (dialect) => {
  let on: TaskWorld
  beforeAll(async () => {
    on = await openTaskWorld(dialect, { env: { TASK_CONCURRENCY: '6' } })
    on.scripts.write('quick', async () => ({ result: 'done' }))
  })
  afterAll(() => on.world.close())

  const quick = (input: object = {}) => create(on.world, on.ada, { type: 'test.scripted', params: { script: 'quick' }, ...input })
  const eventsOf = async (id: string) =>
    (await on.world.client.event.findMany({ where: { subjectId: bare(id) }, orderBy: { position: 'asc' } })).map(({ kind, position, actorId, data }) => ({
      kind,
      position: Number(position),
      actorId,
      data: data as Record<string, unknown>,
    }))
  /** Nobody waits, and the workers know it. */
  const idle = async () => {
    await expect.poll(() => on.world.client.task.count({ where: { status: { in: ['QUEUED', 'RUNNING'] } } })).toBe(0)
    await on.world.app.runner.claim()
  }

  it('is started at once, though it may take a year', async () => {
    await idle()
    const { id } = await quick({ totalTimeoutSeconds: 31_622_400 })
    await whenStatus(on.world, on.ada, id, 'COMPLETED')
  })

  it('is created and started at once, by one commit, and told as if it had been claimed', async () => {
    await idle()
    const { id } = await quick({ timeoutSeconds: 60, totalTimeoutSeconds: 30 })
    const done = await whenStatus(on.world, on.ada, id, 'COMPLETED')
    expect(done).toMatchObject({ attempt: 1, result: 'done' })
    const [created, started, completed] = await eventsOf(id)
    expect([created!.kind, started!.kind, completed!.kind]).toEqual(['TASK_CREATED', 'TASK_STARTED', 'TASK_COMPLETED'])
    expect(started!.position).toBe(created!.position + 1)
    expect([created!.actorId, started!.actorId]).toEqual([bare(on.ada.id), null])
    expect(created!.data).toMatchObject({ status: 'QUEUED', attempt: 0 })
    expect(created!.data).not.toHaveProperty('worker')
    const { worker } = on.world.app.runner
    expect(started!.data).toMatchObject({
      status: 'RUNNING',
      attempt: 1,
      worker,
      before: { status: 'QUEUED', attempt: 0, worker: null, startedAtMs: null, attemptEndsAtMs: null },
    })
    expect(Number(started!.data.attemptEndsAtMs) - Number(started!.data.startedAtMs)).toBe(30_000)
  })

  it('is so for as many as there is room for; the others wait for their turn, and all are run once', async () => {
    await idle()
    const tasks = await Promise.all(Array.from({ length: 20 }, () => quick()))
    const together = []
    for (const { id } of tasks) {
      await whenStatus(on.world, on.ada, id, 'COMPLETED')
      const events = await eventsOf(id)
      expect(events.map(({ kind }) => kind)).toEqual(['TASK_CREATED', 'TASK_STARTED', 'TASK_COMPLETED'])
      if (events[1]!.position === events[0]!.position + 1) together.push(id)
    }
    expect(together.length).toBeGreaterThanOrEqual(1)
    expect(together.length).toBeLessThan(20)
  })

  it.each<[string, object]>([
    ['is due later', { runAt: '2100-01-01T00:00:00Z' }],
    ['shall not run yet', { runImmediately: false }],
  ])('is not started where it %s', async (_, input) => {
    await idle()
    const { id, status } = await quick(input)
    expect(status).toBe('runImmediately' in input ? 'CREATED' : 'QUEUED')
    expect((await eventsOf(id)).map(({ kind }) => kind)).toEqual(['TASK_CREATED'])
    await on.world.does(DELETE, { input: { id } }, on.ada)
  })

  it('is not started before those that wait already', async () => {
    await idle()
    // Six that take all the room, one that waits, and one that comes when there is room again.
    const busy = await Promise.all(Array.from({ length: 6 }, () => create(on.world, on.ada)))
    for (const { id } of busy) await on.held.run(id)
    const waits = await quick({ priority: -10 })
    expect(waits.status).toBe('QUEUED')
    ;(await on.held.run(busy[0].id)).complete({})
    await whenStatus(on.world, on.ada, waits.id, 'COMPLETED')
    const late = await quick()
    await whenStatus(on.world, on.ada, late.id, 'COMPLETED')
    expect((await eventsOf(waits.id))[1]!.position).toBeLessThan((await eventsOf(late.id))[1]!.position)
    for (const { id } of busy.slice(1)) (await on.held.run(id)).complete({})
    await idle()
  })

  it('is not lost where it cannot be written, and its room is there for the next', async () => {
    await idle()
    const { id: taken } = await quick()
    await whenStatus(on.world, on.ada, taken, 'COMPLETED')
    const ada = { kind: 'session' as const, sessionId: 'test', expiresAtMs: Number.MAX_SAFE_INTEGER, userId: bare(on.ada.id), role: 'USER' as const }
    for (let i = 0; i < 10; i++) {
      // They are written by one statement, and one of them cannot be.
      const bad = on.world.app.creator.create(ada, { id: bare(taken), type: 'test.scripted', params: { script: 'quick' } })
      const [refused, made] = await Promise.allSettled([bad, quick()])
      expect(refused).toMatchObject({ status: 'rejected', reason: { code: 'ID_TAKEN' } })
      expect(made.status).toBe('fulfilled')
    }
    await idle()
    // All six places are free.
    const held = await Promise.all(Array.from({ length: 6 }, () => create(on.world, on.ada)))
    for (const { id } of held) (await on.held.run(id)).complete({})
    await idle()
  })
})
