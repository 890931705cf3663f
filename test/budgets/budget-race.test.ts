import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BudgetExceeded } from '../../src/budgets/budget-errors.ts'
import { dialects } from '../kit/databases.ts'
import { openWorld, type World } from '../kit/world.ts'
import { begin, type Caller, caller, ENDING, openTaskWorld, price, standing, type TaskWorld } from '../usage/metered.ts'
import { create, read } from './budget.ts'

const PIECE = ' some more words'

/** Each server has its own connections to PostgreSQL; a SQLite file belongs to one. */
describe.each(dialects())('calls at once on one budget on %s', (dialect) => {
  let on: TaskWorld
  let worlds: World[]
  let by: Caller
  beforeAll(async () => {
    on = await openTaskWorld(dialect)
    await price(on.world)
    const more = dialect === 'postgresql' ? [1, 2] : []
    worlds = [on.world, ...(await Promise.all(more.map(() => openWorld(dialect, { url: on.world.url, env: { TASK_CONCURRENCY: '0' } }))))]
    by = await caller(on, on.ada)
  })
  afterAll(async () => {
    by.run.complete({})
    for (const world of [...worlds].reverse()) await world.close()
  })

  /** Writes until it is done or stopped. Answers how many pieces were passed on, and how it ended. */
  async function talk(world: World, step: number, pieces: number) {
    const call = await begin(world, by.call({ step })).catch((error: unknown) => error)
    if (call instanceof Error) return { refused: call instanceof BudgetExceeded, passed: 0 }
    const metered = call as Awaited<ReturnType<typeof begin>>
    let passed = 0
    try {
      for (; passed < pieces; passed++) await metered.wrote(PIECE)
      await metered.end({ ...ENDING })
    } catch (error) {
      if (!(error instanceof BudgetExceeded)) throw error
      passed++
      await metered.end({ ...ENDING, status: 'BUDGET_EXCEEDED' })
    }
    return { refused: false, passed }
  }

  it('spend at most one piece each beyond it, and hold nothing at the end', { timeout: 120_000 }, async () => {
    const amount = 20_000
    const budgets = [
      await create(on.world, on.ada, { amountMicroUsd: amount }),
      await create(on.world, on.admin, { scope: 'EVERYTHING', amountMicroUsd: 10 * amount }),
    ]
    const calls = 200
    const talks = await Promise.all(Array.from({ length: calls }, (_, n) => talk(worlds[n % worlds.length]!, n + 1, 20 + ((n * 37) % 200))))
    const rows = await on.world.client.providerUsage.findMany()
    expect(rows).toHaveLength(talks.filter(({ refused }) => !refused).length)
    expect(rows.every(({ status }) => status === 'COMPLETED' || status === 'BUDGET_EXCEEDED')).toBe(true)
    const cost = rows.reduce((sum, { costMicroUsd }) => sum + Number(costMicroUsd), 0)
    const stopped = rows.filter(({ status }) => status === 'BUDGET_EXCEEDED').length
    // The budget was reached, and each call that it stopped had passed on three tokens at most that were not held for it.
    expect(stopped).toBeGreaterThan(0)
    expect(cost).toBeGreaterThan(amount * 0.9)
    expect(cost).toBeLessThanOrEqual(amount + stopped * 3 * 2)
    for (const { id } of budgets) expect(await standing(on.world, id)).toEqual([{ spent: cost, reserved: 0 }])
    expect(await on.world.client.budgetReservation.count()).toBe(0)
    expect(await on.world.client.costAlert.findMany({ where: { budgetId: budgets[0].id.slice(7) }, orderBy: { threshold: 'asc' } })).toMatchObject([
      { threshold: 50 },
      { threshold: 80 },
      ...(cost >= amount ? [{ threshold: 100 }] : []),
    ])
  })

  it('of which only one fits: one is made, the others are refused', async () => {
    const { id } = await create(on.world, on.ada, { amountMicroUsd: 1e9 })
    const { spentMicroUsd: so } = await read(on.world, on.ada, id)
    await on.world.client.budget.deleteMany()
    const tight = await create(on.world, on.ada, { amountMicroUsd: so + 12 })
    const begun = await Promise.allSettled(Array.from({ length: 12 }, (_, n) => begin(worlds[n % worlds.length]!, by.call())))
    const made = begun.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
    expect(made).toHaveLength(1)
    expect(begun.every((each) => each.status === 'fulfilled' || each.reason.code === 'BUDGET_EXCEEDED')).toBe(true)
    expect(await standing(on.world, tight.id)).toEqual([{ spent: so, reserved: 12 }])
    await Promise.all(worlds.map(() => made[0]!.end({ ...ENDING, status: 'CANCELLED' })))
    expect(await standing(on.world, tight.id)).toEqual([{ spent: so + 10, reserved: 0 }])
  })

  it('that end while a budget is made are in it once each', async () => {
    await on.world.client.budget.deleteMany()
    const running = await Promise.all(Array.from({ length: 30 }, (_, n) => begin(worlds[n % worlds.length]!, by.call())))
    const [{ id }] = await Promise.all([
      create(on.world, on.ada, { amountMicroUsd: 1e9 }),
      ...running.map((call) => call.end({ ...ENDING, status: 'CANCELLED' })),
    ])
    const { _sum } = await on.world.client.providerUsage.aggregate({ _sum: { costMicroUsd: true } })
    expect(await standing(on.world, id)).toEqual([{ spent: Number(_sum.costMicroUsd), reserved: 0 }])
  })
})
