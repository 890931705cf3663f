import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ticksExpire } from '../../src/schedules/ticks-expire.ts'
import { dialects } from '../kit/databases.ts'
import { bare, type TaskWorld } from '../tasks/task.ts'
import { create, DAY, openScheduleWorld, ticksOf } from './schedule.ts'

describe.each(dialects())('old ticks on %s', (dialect) => {
  let on: TaskWorld
  beforeAll(async () => {
    on = await openScheduleWorld(dialect)
  })
  afterAll(() => on.world.close())

  /** A schedule with so many ticks of each age, in days. */
  const withTicks = async (...ages: [days: number, count: number][]) => {
    const { id } = await create(on.world, on.ada)
    const data = ages.flatMap(([days, count]) =>
      Array.from({ length: count }, (_, i) => ({ scheduleId: bare(id), tickAtMs: BigInt(Date.now() - days * DAY - i * 1000), firedAtMs: 0n })),
    )
    await on.world.client.scheduleTick.createMany({ data })
    return id
  }
  const countOf = async (id: string) => (await ticksOf(on.world, id)).length

  it('are removed after 30 days, but never the last 1,000 of a schedule', async () => {
    const often = await withTicks([1, 1200], [40, 50])
    const seldom = await withTicks([1, 300], [40, 900])
    const young = await withTicks([29, 1500])
    const rare = await withTicks([400, 999])
    const none = await withTicks()
    expect(await ticksExpire(on.world.app.store)).toBe(50 + 200)
    expect(await Promise.all([often, seldom, young, rare, none].map(countOf))).toEqual([1200, 1000, 1500, 999, 0])
    const [oldest] = await ticksOf(on.world, seldom)
    const kept = (await ticksOf(on.world, seldom)).filter(({ tickAtMs }) => tickAtMs < Date.now() - 30 * DAY)
    expect(kept).toHaveLength(700)
    expect(oldest!.tickAtMs).toBe(Math.min(...kept.map(({ tickAtMs }) => tickAtMs)))
    expect(await ticksExpire(on.world.app.store)).toBe(0)
  })

  it('are removed in steps, also by two servers at once', async () => {
    const id = await withTicks([1, 1000], [40, 5600])
    const [one, two] = await Promise.all([ticksExpire(on.world.app.store), ticksExpire(on.world.app.store)])
    expect(one! + two!).toBe(5600)
    expect(await countOf(id)).toBe(1000)
  })
})
