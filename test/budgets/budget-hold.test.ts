import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { budgetDelete } from '../../src/budgets/budget-delete.ts'
import { BudgetExceeded, PriceUnknown } from '../../src/budgets/budget-errors.ts'
import { budgetHold } from '../../src/budgets/budget-update.ts'
import { server } from '../../src/core/actor.ts'
import { transact } from '../../src/events/transact.ts'
import { dialects } from '../kit/databases.ts'
import type { TestUser } from '../kit/world.ts'
import { bare, begin, type Caller, called, caller, ENDING, openTaskWorld, price, standing, type TaskWorld, tokens, usageRow } from '../usage/metered.ts'
import { create, DELETE, read, UPDATE } from './budget.ts'

describe.each(dialects())('a budget on %s', (dialect) => {
  let on: TaskWorld
  let cy: TestUser
  let by: Caller
  beforeAll(async () => {
    on = await openTaskWorld(dialect, { env: { TASK_CONCURRENCY: '100' } })
    await price(on.world)
  })
  afterAll(() => on.world.close())
  beforeEach(async () => {
    cy = await on.world.user('cy')
    by = await caller(on, cy)
  })

  it('holds the input and a first block of output from before the call, and gives back what was not used', async () => {
    const { id } = await create(on.world, cy)
    const call = await begin(on.world, by.call())
    // 10 of input, and 64 of output at 2 each.
    expect(await read(on.world, cy, id)).toMatchObject({ spentMicroUsd: 0, reservedMicroUsd: 138, remainingMicroUsd: 862 })
    await call.wrote('one')
    await call.end(ENDING)
    expect(await read(on.world, cy, id)).toMatchObject({ spentMicroUsd: 12, reservedMicroUsd: 0, remainingMicroUsd: 988 })
    expect(await on.world.client.budgetReservation.count()).toBe(0)
  })

  it('holds no more than the call may answer', async () => {
    const { id } = await create(on.world, cy)
    const call = await begin(on.world, by.call({ maxOutputTokens: 5 }))
    expect(await standing(on.world, id)).toEqual([{ spent: 0, reserved: 20 }])
    await call.end({ ...ENDING, tokens: tokens(10, 5) })
    expect(await standing(on.world, id)).toEqual([{ spent: 20, reserved: 0 }])
  })

  it('takes further blocks as the answer grows, each larger than the one before', async () => {
    const { id } = await create(on.world, cy, { amountMicroUsd: 100_000 })
    const call = await begin(on.world, by.call())
    const held = new Set<number>()
    for (let n = 0; n < 400; n++) {
      await call.wrote(' word')
      if (n % 10 === 0) held.add((await standing(on.world, id))[0]!.reserved)
    }
    expect([...held]).toEqual([138, 10 + 2 * (65 + 128), 10 + 2 * (194 + 256)])
    await call.end(ENDING)
    expect(await standing(on.world, id)).toEqual([{ spent: 810, reserved: 0 }])
  })

  it('stops a call in the middle of its answer, at most one piece beyond the edge', async () => {
    const { id } = await create(on.world, cy, { amountMicroUsd: 300 })
    const call = await begin(on.world, by.call())
    let written = 0
    const stopped = await (async () => {
      for (;;) {
        written++
        await call.wrote(' word')
      }
    })().catch((error: unknown) => error)
    expect(stopped).toBeInstanceOf(BudgetExceeded)
    expect(stopped).toMatchObject({ code: 'BUDGET_EXCEEDED', budgetId: bare(id), spentMicroUsd: 300, retryable: false })
    // 10 + 2 × 145 fit; the 146th was passed on and is paid.
    expect(written).toBe(146)
    await call.end({ ...ENDING, status: 'BUDGET_EXCEEDED' })
    expect(await usageRow(on.world, call.usageId)).toMatchObject({ status: 'BUDGET_EXCEEDED', costMicroUsd: 302n })
    expect(await read(on.world, cy, id)).toMatchObject({ spentMicroUsd: 302, reservedMicroUsd: 0, remainingMicroUsd: 0 })
  })

  it('that is used up refuses a call before it is made, and nothing of it stays', async () => {
    const { id } = await create(on.world, cy, { amountMicroUsd: 11 })
    const calls = await on.world.client.providerUsage.count()
    await expect(begin(on.world, by.call())).rejects.toMatchObject({ code: 'BUDGET_EXCEEDED', spentMicroUsd: 0 })
    expect(await on.world.client.providerUsage.count()).toBe(calls)
    expect(await read(on.world, cy, id)).toMatchObject({ spentMicroUsd: 0, reservedMicroUsd: 0 })
    await on.world.does(UPDATE, { input: { id, amountMicroUsd: 12 } }, cy)
    await called(on.world, by.call(), { tokens: tokens(10, 1) })
    expect(await read(on.world, cy, id)).toMatchObject({ spentMicroUsd: 12, remainingMicroUsd: 0 })
  })

  it('refuses a model that nobody knows the price of', async () => {
    await create(on.world, cy)
    await expect(begin(on.world, by.call({ model: 'no-such' }))).rejects.toBeInstanceOf(PriceUnknown)
    expect(await on.world.client.providerUsage.count({ where: { model: 'no-such' } })).toBe(0)
  })

  it('of each scope holds for its calls and no others, all of them at once', async () => {
    const conversation = await on.world.client.conversation.create({
      data: { id: by.run.task.id, ownerId: bare(cy.id), settings: {}, createdAtMs: 1n, updatedAtMs: 1n } as never,
    })
    const mine = await create(on.world, cy)
    const ofType = await create(on.world, cy, { scope: 'TASK_TYPE', taskType: 'test.held' })
    const ofOther = await create(on.world, cy, { scope: 'TASK_TYPE', taskType: 'test.other' })
    const talk = await create(on.world, cy, { scope: 'CONVERSATION', conversationId: `Conversation:${conversation.id}` })
    const everybodys = await create(on.world, on.admin, { scope: 'TASK_TYPE', taskType: 'test.held', amountMicroUsd: 1e9 })
    const all = await create(on.world, on.admin, { scope: 'EVERYTHING', amountMicroUsd: 1e9 })
    const [before] = [all.spentMicroUsd]
    expect(everybodys.spentMicroUsd).toBe(before)
    await called(on.world, by.call({ conversationId: conversation.id }), { tokens: tokens(10, 1) })
    await called(on.world, by.call(), { tokens: tokens(20, 2) })
    const spent = async (budget: { id: string }) => (await read(on.world, on.admin, budget.id)).spentMicroUsd
    expect(await Promise.all([mine, ofType, ofOther, talk].map(spent))).toEqual([36, 36, 0, 12])
    expect(await Promise.all([everybodys, all].map(spent))).toEqual([before + 36, before + 36])
    await on.world.does(DELETE, { input: { id: all.id } }, on.admin)
    await on.world.does(DELETE, { input: { id: everybodys.id } }, on.admin)
  })

  it('that is not enabled stops nothing, and adds up all the same', async () => {
    const { id } = await create(on.world, cy, { amountMicroUsd: 1, enabled: false })
    await called(on.world, by.call(), { tokens: tokens(10, 5) })
    expect(await read(on.world, cy, id)).toMatchObject({ enabled: false, spentMicroUsd: 20, remainingMicroUsd: 0 })
  })

  it('knows what was spent in its period before it was made, and what runs then', async () => {
    await called(on.world, by.call(), { tokens: tokens(10, 5) })
    const running = await begin(on.world, by.call())
    const { id, spentMicroUsd } = await create(on.world, cy, { period: 'DAY' })
    expect(spentMicroUsd).toBe(20)
    await running.end({ ...ENDING, tokens: tokens(1, 1) })
    expect(await read(on.world, cy, id)).toMatchObject({ spentMicroUsd: 23, reservedMicroUsd: 0 })
  })

  it('charges a call to the period that it began in', async () => {
    const { id } = await create(on.world, cy, { period: 'MONTH' })
    const call = await begin(on.world, by.call())
    // As if it had begun, with its reservation, at the end of the month before, when the budget was there already.
    const { startedAtMs } = await usageRow(on.world, call.usageId)
    const start = new Date(Number(startedAtMs))
    const month = BigInt(Date.UTC(start.getUTCFullYear(), start.getUTCMonth()))
    const before = BigInt(Date.UTC(start.getUTCFullYear(), start.getUTCMonth() - 1))
    await on.world.client.budget.update({ where: { id: bare(id) }, data: { createdAtMs: before } })
    await on.world.client.budgetSpent.updateMany({ where: { budgetId: bare(id) }, data: { periodStartMs: before } })
    await on.world.client.budgetReservation.updateMany({ where: { budgetId: bare(id) }, data: { periodStartMs: before } })
    await on.world.client.providerUsage.update({ where: { id: call.usageId }, data: { startedAtMs: month - 1n } })
    await call.end({ ...ENDING, tokens: tokens(10, 5) })
    expect(await standing(on.world, id)).toEqual([{ spent: 20, reserved: 0 }])
    expect(await read(on.world, cy, id)).toMatchObject({ spentMicroUsd: 0, periodStart: new Date(Number(month)).toISOString() })
  })

  it('that is deleted or lowered meanwhile lets a call go on, or stops it', async () => {
    const [gone, low] = [await create(on.world, cy, { amountMicroUsd: 300 }), await create(on.world, cy, { amountMicroUsd: 100_000 })]
    const call = await begin(on.world, by.call())
    await on.world.does(DELETE, { input: { id: gone.id } }, cy)
    for (let n = 0; n < 200; n++) await call.wrote(' word')
    await on.world.does(UPDATE, { input: { id: low.id, amountMicroUsd: 10 } }, cy)
    await expect(call.wrote(' word'.repeat(500))).rejects.toMatchObject({ code: 'BUDGET_EXCEEDED', budgetId: bare(low.id) })
    await call.end({ ...ENDING, status: 'BUDGET_EXCEEDED' })
    expect(await standing(on.world, low.id)).toEqual([{ spent: 10 + 2 * 700, reserved: 0 }])
    expect(await on.world.client.budgetReservation.count()).toBe(0)
  })

  it('that is deleted while a call ends waits for it, or is waited for: never both', async () => {
    const { id } = await create(on.world, cy)
    const call = await begin(on.world, by.call())
    const { store } = on.world.app
    const runs = { deletes: 0, ends: 0 }
    let ending!: Promise<unknown>
    await transact(store, server, async (work) => {
      runs.deletes++
      await budgetHold(work, bare(id))
      ending ??= transact(store, server, async (own) => {
        runs.ends++
        await call.end(ENDING, own)
      })
      // Time enough to come to where it must wait.
      await sleep(300)
      await budgetDelete(work, bare(id))
    })
    await ending
    expect(runs).toEqual({ deletes: 1, ends: 1 })
    expect(await usageRow(on.world, call.usageId)).toMatchObject({ status: 'COMPLETED', costMicroUsd: 10n })
    expect(await on.world.client.budgetReservation.count()).toBe(0)
  })
})
