import { setImmediate as turn } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { server } from '../../src/core/actor.ts'
import { transact } from '../../src/events/transact.ts'
import { tasksRescue } from '../../src/tasks/tasks-rescue.ts'
import { usagesRescue } from '../../src/usage/usages-rescue.ts'
import { create as createBudget } from '../budgets/budget.ts'
import { dialects } from '../kit/databases.ts'
import { CANCEL } from '../streams/stream.ts'
import { begin, type Caller, caller, ENDING, openTaskWorld, price, standing, type TaskWorld, tokens, usageRow } from './metered.ts'

describe.each(dialects())('a call whose end nobody tells on %s', (dialect) => {
  let on: TaskWorld
  let by: Caller
  let budget: string
  beforeAll(async () => {
    on = await openTaskWorld(dialect, { env: { TASK_CONCURRENCY: '100' } })
    await price(on.world)
  })
  afterAll(() => on.world.close())
  beforeEach(async () => {
    const cy = await on.world.user('cy')
    budget = (await createBudget(on.world, cy)).id
    by = await caller(on, cy, { maxAttempts: 5 })
  })

  /** What every server does about a worker that was not heard of. */
  async function rescue(): Promise<void> {
    const { store } = on.world.app
    await transact(store, server, async (work) => {
      await work.db.task.update({ where: { id: by.run.task.id }, data: { leaseExpiresAtMs: 1n } })
      await tasksRescue(work)
    })
  }

  async function durable(text: string): Promise<void> {
    await by.write(text)
    while (!(await on.world.client.streamChunk.count({ where: { streamId: by.streamId } }))) await turn()
  }

  it('because its server was killed is INTERRUPTED with its stream, and pays for the text that is there', async () => {
    const call = await begin(on.world, by.call())
    await durable('one two three')
    await rescue()
    const row = await usageRow(on.world, call.usageId)
    expect(row).toMatchObject({ status: 'INTERRUPTED', inputTokens: 10, outputTokens: 3, isCounted: true, costMicroUsd: 16n })
    expect(row.durationMs).toBeGreaterThanOrEqual(0)
    expect(await standing(on.world, budget)).toEqual([{ spent: 16, reserved: 0 }])
    // It was not dead after all, and comes too late.
    await call.wrote(' four'.repeat(500))
    await call.end({ ...ENDING, tokens: tokens(1000, 1000) })
    expect(await usageRow(on.world, call.usageId)).toEqual(row)
    expect(await standing(on.world, budget)).toEqual([{ spent: 16, reserved: 0 }])
    expect(await on.world.client.event.count({ where: { subjectId: call.usageId } })).toBe(2)
  })

  it('before it wrote a word is swept, by however many servers at once', async () => {
    const call = await begin(on.world, by.call())
    await rescue()
    const { store } = on.world.app
    await Promise.all([1, 2, 3].map(() => transact(store, server, usagesRescue)))
    expect(await usageRow(on.world, call.usageId)).toMatchObject({ status: 'INTERRUPTED', outputTokens: 0, costMicroUsd: 10n, error: expect.any(String) })
    expect(await standing(on.world, budget)).toEqual([{ spent: 10, reserved: 0 }])
  })

  it('weeks ago, by an installation that was down meanwhile, is swept as well', async () => {
    const call = await begin(on.world, by.call())
    await on.world.client.providerUsage.update({ where: { id: call.usageId }, data: { startedAtMs: { decrement: 60n * 86_400_000n } } })
    await rescue()
    await transact(on.world.app.store, server, usagesRescue)
    expect(await usageRow(on.world, call.usageId)).toMatchObject({ status: 'INTERRUPTED', durationMs: 2_147_483_647 })
  })

  it('is left alone while its attempt runs', async () => {
    const call = await begin(on.world, by.call())
    await transact(on.world.app.store, server, usagesRescue)
    expect((await usageRow(on.world, call.usageId)).status).toBe('RUNNING')
    await call.end(ENDING)
  })

  it('though it was made for no task is left alone for as long as it may take, and swept then', async () => {
    const nowhere = { taskId: null, taskType: null, attempt: null, streamId: null }
    const call = await begin(on.world, by.call(nowhere))
    await transact(on.world.app.store, server, usagesRescue)
    expect((await usageRow(on.world, call.usageId)).status).toBe('RUNNING')
    const earlier = (await usageRow(on.world, call.usageId)).startedAtMs - 121_000n
    await on.world.client.providerUsage.update({ where: { id: call.usageId }, data: { startedAtMs: earlier } })
    await transact(on.world.app.store, server, usagesRescue)
    // Or by the server's own sweep.
    await expect.poll(async () => (await usageRow(on.world, call.usageId)).status).toBe('INTERRUPTED')
    expect(await standing(on.world, budget)).toEqual([{ spent: 10, reserved: 0 }])
  })

  it('because its stream was cancelled is CANCELLED with it', async () => {
    const call = await begin(on.world, by.call())
    await durable('one two')
    await on.world.does(CANCEL, { input: { id: `Stream:${by.streamId}` } }, on.admin)
    const isOpen = () => on.world.client.stream.count({ where: { id: by.streamId, completedAtMs: null } })
    while (await isOpen()) await turn()
    expect(await usageRow(on.world, call.usageId)).toMatchObject({ status: 'CANCELLED', outputTokens: 2, costMicroUsd: 14n })
  })

  it('pays for what follows the last result of a tool, where it is a further call', async () => {
    const { streamId } = by
    await durable('a first answer')
    const chunk = (seq: number, kind: 'TOOL_RESULT' | 'REASONING' | 'TEXT', text: string) => ({
      streamId,
      seq,
      kind,
      content: Buffer.from(text),
      createdAtMs: 1n,
    })
    await on.world.client.streamChunk.createMany({
      data: [chunk(1, 'TOOL_RESULT', 'a long result of a tool'), chunk(2, 'REASONING', 'so'), chunk(3, 'TEXT', ' it is')],
    })
    await on.world.client.stream.update({ where: { id: streamId }, data: { lastSeq: 3 } })
    const call = await begin(on.world, by.call({ step: 2 }))
    await rescue()
    expect(await usageRow(on.world, call.usageId)).toMatchObject({ status: 'INTERRUPTED', outputTokens: 3, costMicroUsd: 16n })
  })

  it('of very long text is estimated', async () => {
    const { streamId } = by
    await durable('x')
    await on.world.client.streamChunk.createMany({
      data: Array.from({ length: 3 }, (_, n) => ({ streamId, seq: n + 1, kind: 'TEXT' as const, content: Buffer.alloc(500_000, 'word '), createdAtMs: 1n })),
    })
    await on.world.client.stream.update({ where: { id: streamId }, data: { lastSeq: 3 } })
    const call = await begin(on.world, by.call())
    await rescue()
    expect((await usageRow(on.world, call.usageId)).outputTokens).toBe(Math.ceil(1_500_001 / 4))
  })
})
