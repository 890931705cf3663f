/** Servers killed with -9, most of them just when many schedules fire: each tick has one task, and each task one tick. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dialects, type ScratchDatabase, scratchDatabase } from '../kit/databases.ts'
import { invariantsHold } from '../kit/invariants.ts'
import { HeldTasks } from '../kit/task-types.ts'
import { openWorld } from '../kit/world.ts'
import { bare, openTaskWorld } from '../tasks/task.ts'
import { create, disableAll, settle } from './schedule.ts'

// A taste of it on a developer's machine, more in CI.
const KILLS = Number(process.env.KILLS ?? (process.env.CI ? 10 : 4))
const SCHEDULES = 40
const ENV = { TASK_CONCURRENCY: '0' }

describe.each(dialects())('servers on %s that are killed while schedules fire', (dialect) => {
  let scratch: ScratchDatabase
  const children = new Set<ChildProcess>()
  beforeAll(async () => {
    scratch = await scratchDatabase(dialect)
  })
  afterAll(async () => {
    for (const child of children) await kill(child)
    await scratch.drop()
  })

  async function launch(): Promise<ChildProcess> {
    const program = path.join(import.meta.dirname, 'scheduler-process.ts')
    const child = spawn(process.execPath, ['--import', 'tsx', program, scratch.url], { stdio: ['ignore', 'pipe', 'inherit'] })
    children.add(child)
    await once(child.stdout!, 'data')
    return child
  }

  async function kill(child: ChildProcess): Promise<void> {
    children.delete(child)
    if (child.exitCode !== null || child.signalCode !== null) return
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit
  }

  /** Somewhere in what happens when a second begins. */
  const untilItFires = () => pause(1000 - (Date.now() % 1000) + randomInt(0, 200))

  it('leave no tick out and fire none twice', { timeout: 60_000 + KILLS * 8_000 }, async () => {
    const { world, ada } = await openTaskWorld(dialect, { url: scratch.url, env: ENV })
    const ids: string[] = []
    for (let i = 0; i < SCHEDULES; i++)
      ids.push((await create(world, ada, { cron: '* * * * * *', missed: 'CATCH_UP', maxCatchUp: 1000, task: { type: 'test.held' } })).id)
    await world.close()

    // On PostgreSQL there is always another one; a SQLite file has one server at a time.
    let standing = dialect === 'postgresql' ? await launch() : null
    for (let killed = 0; killed < KILLS; killed++) {
      const next = await launch()
      await untilItFires()
      await kill(standing ?? next)
      if (standing) standing = next
    }
    if (standing) await kill(standing)

    const after = await openWorld(dialect, { url: scratch.url, env: ENV, extend: new HeldTasks().register })
    try {
      await settle(after)
      await disableAll(after)
      const rows = await after.client.schedule.findMany({ include: { ticks: { orderBy: { tickAtMs: 'asc' } }, tasks: { select: { id: true } } } })
      expect(rows.map(({ id }) => id).sort()).toEqual(ids.map(bare).sort())
      for (const { ticks, tasks, nextRunAtMs } of rows) {
        // Each life sees a second begin, and two lives may see the same one.
        expect(ticks.length).toBeGreaterThanOrEqual(KILLS / 2)
        expect(ticks.map(({ tickAtMs }) => tickAtMs)).toEqual(ticks.map((_tick, i) => ticks[0]!.tickAtMs + BigInt(i) * 1000n))
        expect(nextRunAtMs).toBeGreaterThan(ticks.at(-1)!.tickAtMs)
        expect(tasks.map(({ id }) => id).sort()).toEqual(ticks.map(({ taskId }) => taskId).sort())
      }
    } finally {
      await after.close()
    }
    await invariantsHold(scratch.url)
  })
})
