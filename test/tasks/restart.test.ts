/** A SQLite file has one server: what the last one held, the next one takes up at once, however long the leases. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { taskCancel } from '../../src/tasks/task-cancel.ts'
import { openWorld, type World } from '../kit/world.ts'
import { Engine } from './engine.ts'

describe('a server that starts on the SQLite file of one that died', () => {
  let engine: Engine
  let world: World | undefined
  beforeAll(async () => {
    engine = await Engine.open('sqlite')
  })
  afterAll(async () => {
    await world?.close()
    await engine.scratch.drop()
  })

  it('takes up every task that the dead one’s workers held, and leaves alone those that workers elsewhere hold', async () => {
    for (let i = 0; i < 450; i++) await engine.create({ maxAttempts: i % 2 ? 1 : 3 })
    const outside = await engine.create()
    const dead = await engine.claim({ limit: 450, leaseSeconds: 100_000 })
    expect(dead).toHaveLength(450)
    const elsewhere = await engine.claimOne({ kind: 'OUTSIDE', leaseSeconds: 100_000 })
    expect(elsewhere.id).toBe(outside)
    for (const { id } of dead.slice(0, 20)) await engine.as(engine.ada, (work) => taskCancel(work, id))
    const counts = async () => {
      const rows = await world!.client.task.groupBy({ by: ['status'], _count: true, orderBy: { status: 'asc' } })
      return Object.fromEntries(rows.map(({ status, _count }) => [status, _count]))
    }
    await engine.store.close()
    world = await openWorld('sqlite', { url: engine.scratch.url, env: { TASK_CONCURRENCY: '0' } })
    // Some of those that were asked to stop had one attempt, and some more.
    await expect.poll(counts, { timeout: 10_000 }).toEqual({ CANCELLED: 20, FAILED: 215, QUEUED: 215, RUNNING: 1 })
    expect((await world.client.task.findUniqueOrThrow({ where: { id: outside } })).status).toBe('RUNNING')
    const lost = await world.client.taskAttempt.findMany({ select: { outcome: true, worker: true } })
    expect(lost).toHaveLength(215)
    expect(new Set(lost.map(({ outcome, worker }) => `${outcome} ${worker}`))).toEqual(new Set(['LOST worker']))
  })
})
