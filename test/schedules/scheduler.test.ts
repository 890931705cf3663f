import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Scheduler } from '../../src/schedules/scheduler.ts'
import { dialects } from '../kit/databases.ts'
import { openWorld, type World } from '../kit/world.ts'
import type { TaskWorld } from '../tasks/task.ts'
import { create, eventsOf, openScheduleWorld, PAUSE, RESUME, settle, tasksOf, ticksOf } from './schedule.ts'

/** For how long the schedule of every second is watched. */
const TICK_SECONDS = Number(process.env.TICK_SECONDS ?? 10)

const LIVE = `subscription ($id: ID!) { scheduleUpdated(id: $id) { kind tickAt task { id } } }`

describe.each(dialects())('three servers on %s', (dialect) => {
  let on: TaskWorld
  const worlds: World[] = []
  const schedulers: Scheduler[] = []
  beforeAll(async () => {
    on = await openScheduleWorld(dialect)
    worlds.push(on.world)
    // A SQLite file has one server; there it is three in one.
    for (let i = 1; i < 3; i++)
      worlds.push(dialect === 'sqlite' ? on.world : await openWorld(dialect, { url: on.world.url, env: { TASK_CONCURRENCY: '0' }, extend: on.held.register }))
    for (const { app } of worlds) schedulers.push(new Scheduler(app.store, app.taskTypes, app.log))
    for (const scheduler of schedulers) scheduler.start()
  })
  afterAll(async () => {
    for (const scheduler of schedulers) await scheduler.stop()
    for (const world of new Set(worlds.reverse())) await world.close()
  })

  it(`let a schedule of every second fire once a second, for ${TICK_SECONDS} seconds`, { timeout: (TICK_SECONDS + 60) * 1000 }, async () => {
    // However slow the machine, none may be left out.
    const { id, nextRunAt } = await create(on.world, on.ada, { cron: '* * * * * *', missed: 'CATCH_UP', maxCatchUp: 1000 })
    const first = Date.parse(nextRunAt)
    const live = await on.world.follow(LIVE, { id }, on.ada)
    await live.until(({ tickAt }) => tickAt !== null && Date.parse(tickAt) >= first + (TICK_SECONDS - 1) * 1000)
    await live.stop()
    await on.world.does(PAUSE, { input: { id } }, on.ada)
    await settle(on.world)
    const ticks = await ticksOf(on.world, id)
    expect(ticks.length).toBeGreaterThanOrEqual(TICK_SECONDS)
    expect(ticks.map(({ tickAtMs }) => tickAtMs)).toEqual(ticks.map((_tick, i) => first + i * 1000))
    const tasks = await tasksOf(on.world, id)
    expect(tasks.map((task) => task.id).sort()).toEqual(ticks.map(({ taskId }) => taskId).sort())
    expect(new Set(tasks.map((task) => task.id)).size).toBe(ticks.length)
    const fired = (await eventsOf(on.world, id)).filter(({ kind }) => kind === 'FIRED')
    expect(fired.map(({ data }) => data.tickAtMs)).toEqual(ticks.map(({ tickAtMs }) => tickAtMs))
  })

  it('see a schedule that is made or resumed at once, and one that stops stops', async () => {
    const { id } = await create(on.world, on.ada, { cron: '* * * * * *', paused: true })
    const live = await on.world.follow(LIVE, { id }, on.ada)
    await on.world.does(RESUME, { input: { id } }, on.ada)
    const seen = await live.until(({ kind }) => kind === 'FIRED')
    expect(seen.map(({ kind }) => kind)).toEqual(['SNAPSHOT', 'RESUMED', 'FIRED'])
    await on.world.does(PAUSE, { input: { id } }, on.ada)
    await live.until(({ kind }) => kind === 'PAUSED')
    const fired = await ticksOf(on.world, id)
    const other = await create(on.world, on.ada, { cron: '* * * * * *', missed: 'CATCH_UP' })
    const otherLive = await on.world.follow(LIVE, { id: other.id }, on.ada)
    await otherLive.until(({ kind }) => kind === 'FIRED')
    await otherLive.until(({ kind }) => kind === 'FIRED')
    expect(await ticksOf(on.world, id)).toEqual(fired)
    await live.stop()
    await otherLive.stop()
    await on.world.does(PAUSE, { input: { id: other.id } }, on.ada)
  })

  it('go on when all but one have stopped', async () => {
    for (const scheduler of schedulers.slice(1)) await scheduler.stop()
    const { id } = await create(on.world, on.ada, { cron: '* * * * * *', missed: 'CATCH_UP' })
    const live = await on.world.follow(LIVE, { id }, on.ada)
    const seen = [...(await live.until(({ kind }) => kind === 'FIRED')), ...(await live.until(({ kind }) => kind === 'FIRED'))].filter(
      ({ kind }) => kind === 'FIRED',
    )
    expect(Date.parse(seen[1]!.tickAt) - Date.parse(seen[0]!.tickAt)).toBe(1000)
    await live.stop()
    await on.world.does(PAUSE, { input: { id } }, on.ada)
  })
})
