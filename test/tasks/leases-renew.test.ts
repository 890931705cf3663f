import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { leasesRenew } from '../../src/tasks/leases-renew.ts'
import { taskCancel } from '../../src/tasks/task-cancel.ts'
import { tasksComplete } from '../../src/tasks/task-complete.ts'
import { throughClient } from '../events/interleavings.ts'
import { dialects } from '../kit/databases.ts'
import { Engine } from './engine.ts'

describe.each(dialects())('leases that are renewed on %s', (dialect) => {
  let engine: Engine
  beforeAll(async () => {
    engine = await Engine.open(dialect)
  })
  afterAll(() => engine.close())

  it('are those that are still held; who was asked to stop is told', async () => {
    for (let i = 0; i < 3; i++) await engine.create()
    const leases = await engine.claim({ limit: 3 })
    const [kept, lost, stopping] = leases as [(typeof leases)[0], (typeof leases)[0], (typeof leases)[0]]
    for (const { id } of leases) await engine.age(id, { leaseExpiresAtMs: 1 })
    await engine.as(engine.ada, (work) => taskCancel(work, stopping.id))
    const other = { ...lost, leaseToken: 'an earlier one' }
    const renewed = await engine.asServer((work) => leasesRenew(work, [other, kept, stopping]))
    expect([...renewed]).toEqual([
      [kept, { cancelRequested: false }],
      [stopping, { cancelRequested: true }],
    ])
    expect((await engine.row(lost.id)).leaseExpiresAtMs).toBe(1)
    for (const { id } of [kept, stopping]) expect((await engine.row(id)).leaseExpiresAtMs).toBeGreaterThan(1)
    expect(await engine.kinds(kept.id)).toEqual(['CREATED', 'STARTED'])
  })

  it('are in nobody’s way who completes the same tasks in another order', async () => {
    // Without trying again, as `transact` would.
    const through = throughClient(engine.store)
    for (let round = 0; round < 20; round++) {
      for (let i = 0; i < 50; i++) await engine.create()
      const leases = await engine.claim({ limit: 50 })
      const backwards = [...leases].reverse()
      await Promise.all([
        through(async (work) => void (await leasesRenew(work, leases))),
        through(
          async (work) =>
            void (await tasksComplete(
              work,
              backwards.map((lease) => ({ ...lease, outcome: {} })),
              { streams: false },
            )),
        ),
        through(async (work) => void (await leasesRenew(work, backwards))),
      ])
      for (const { id } of leases.slice(0, 5)) expect(await engine.status(id)).toBe('COMPLETED')
    }
  })
})
