import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { schedulesFire } from '../../src/schedules/schedules-fire.ts'
import type { TaskTypes } from '../../src/tasks/task-type.ts'
import { dialects } from '../kit/databases.ts'
import { openWorld, type World } from '../kit/world.ts'
import { bare, type TaskWorld } from '../tasks/task.ts'
import { age, create, DAY, eventsOf, fire, kindsOf, openScheduleWorld, read, settle, tasksOf, ticksOf } from './schedule.ts'

/** A type with a fault of its own: whoever makes a task of it meets an error that nobody foresaw. */
const registerFaulty = (types: TaskTypes): void =>
  types.register({
    name: 'test.faulty',
    description: 'Cannot even be asked for while it is broken.',
    params: z.object({ broken: z.boolean().optional() }).refine((params) => {
      if (params.broken) throw new TypeError('a bug')
      return true
    }),
    run: async () => ({}),
  })

describe.each(dialects())('schedules that are due on %s', (dialect) => {
  let on: TaskWorld
  const worlds: World[] = []
  beforeAll(async () => {
    on = await openScheduleWorld(dialect, { extend: registerFaulty })
    worlds.push(on.world)
    const another = () =>
      openWorld(dialect, { url: on.world.url, env: { TASK_CONCURRENCY: '0' }, extend: (types) => [on.held.register(types), registerFaulty(types)] })
    if (dialect === 'postgresql') worlds.push(await another(), await another())
  })
  afterAll(async () => {
    for (const world of worlds.reverse()) await world.close()
  })

  const tickTimes = async (id: string) => (await ticksOf(on.world, id)).map(({ tickAtMs }) => tickAtMs)
  const breakTask = (id: string, task: object) => on.world.client.schedule.update({ where: { id: bare(id) }, data: { task } })

  it('make a task of their owner’s, and move on', async () => {
    const task = {
      type: 'test.held',
      params: { note: 'x' },
      description: 'd',
      domain: 'o',
      priority: 4,
      maxAttempts: 2,
      timeoutSeconds: 9,
      sessionKey: 's',
      concurrencyKey: 'k',
    }
    const { id, nextRunAt, updatedAt } = await create(on.world, on.ada, { missed: 'RUN_ONCE', task })
    const tickAtMs = await age(on.world, id, DAY)
    await settle(on.world)
    const [made, ...more] = await tasksOf(on.world, id)
    expect(more).toEqual([])
    expect(made).toMatchObject({ ...task, status: 'QUEUED', ownerId: bare(on.ada.id) })
    expect(await ticksOf(on.world, id)).toEqual([{ tickAtMs, taskId: made!.id }])
    expect(await read(on.world, on.ada, id)).toMatchObject({ nextRunAt, updatedAt, lastRunAt: expect.any(String), error: null })
    expect(await eventsOf(on.world, id)).toMatchObject([
      { kind: 'CREATED', actorId: bare(on.ada.id) },
      { kind: 'FIRED', actorId: null, data: { tickAtMs, taskId: `Task:${made!.id}`, before: { nextRunAtMs: tickAtMs, lastRunAtMs: null } } },
    ])
    expect(await eventsOf(on.world, made!.id)).toMatchObject([{ kind: 'TASK_CREATED', actorId: null }])
  })

  it('fire once each, however many servers let them fire at once', async () => {
    const ids: string[] = []
    const due = new Map<string, number>()
    for (let i = 0; i < 60; i++) ids.push((await create(on.world, on.ada, { missed: 'RUN_ONCE' })).id)
    for (const id of ids) due.set(id, await age(on.world, id, DAY))
    await Promise.all([...worlds, ...worlds, ...worlds].map(settle))
    for (const id of ids) {
      const tasks = await tasksOf(on.world, id)
      expect(await ticksOf(on.world, id)).toEqual([{ tickAtMs: due.get(id), taskId: tasks[0]!.id }])
      expect(tasks).toHaveLength(1)
      expect(await kindsOf(on.world, id)).toEqual(['CREATED', 'FIRED'])
    }
  })

  it('do not fire again for a tick that has fired, should they ever be set back', async () => {
    const { id, nextRunAt } = await create(on.world, on.ada, { missed: 'CATCH_UP' })
    await age(on.world, id, DAY)
    await settle(on.world)
    await age(on.world, id, 2 * DAY)
    await settle(on.world)
    const next = Date.parse(nextRunAt)
    expect(await tickTimes(id)).toEqual([next - 2 * DAY, next - DAY])
    expect(await tasksOf(on.world, id)).toHaveLength(2)
    expect(await read(on.world, on.ada, id)).toMatchObject({ nextRunAt })
  })

  it('with SKIP pass over what was missed, and say so', async () => {
    const { id, nextRunAt } = await create(on.world, on.ada)
    const first = await age(on.world, id, 5 * DAY)
    await settle(on.world)
    expect(await ticksOf(on.world, id)).toEqual([])
    expect(await tasksOf(on.world, id)).toEqual([])
    expect(await read(on.world, on.ada, id)).toMatchObject({ nextRunAt, lastRunAt: null })
    expect((await eventsOf(on.world, id))[1]).toMatchObject({ kind: 'SKIPPED', data: { firstTickAtMs: first, lastTickAtMs: first + 4 * DAY } })
  })

  it('with RUN_ONCE make one task for all that was missed', async () => {
    const { id, nextRunAt } = await create(on.world, on.ada, { missed: 'RUN_ONCE' })
    await age(on.world, id, 5 * DAY)
    await settle(on.world)
    expect(await tickTimes(id)).toEqual([Date.parse(nextRunAt) - DAY])
    expect(await tasksOf(on.world, id)).toHaveLength(1)
    expect(await kindsOf(on.world, id)).toEqual(['CREATED', 'FIRED'])
  })

  it('with CATCH_UP make a task for each missed tick, oldest first, a few in each transaction', async () => {
    const { id, nextRunAt } = await create(on.world, on.ada, { missed: 'CATCH_UP' })
    const first = await age(on.world, id, 60 * DAY)
    await Promise.all(worlds.map(settle))
    const expected = Array.from({ length: 60 }, (_, i) => first + i * DAY)
    expect(await tickTimes(id)).toEqual(expected)
    const fired = (await eventsOf(on.world, id)).slice(1)
    expect(fired.map(({ kind, data }) => [kind, data.tickAtMs])).toEqual(expected.map((tickAtMs) => ['FIRED', tickAtMs]))
    const ticks = await ticksOf(on.world, id)
    expect((await tasksOf(on.world, id)).map((task) => task.id).sort()).toEqual(ticks.map(({ taskId }) => taskId).sort())
    // How far it had come is in each event: three times it moved on.
    expect([...new Set(fired.map(({ data }) => data.nextRunAtMs))]).toEqual([first + 25 * DAY, first + 50 * DAY, Date.parse(nextRunAt)])
  })

  it('with CATCH_UP make up for the last ones, where there are more than wanted', async () => {
    const { id, nextRunAt } = await create(on.world, on.ada, { missed: 'CATCH_UP', maxCatchUp: 12 })
    const first = await age(on.world, id, 400 * DAY)
    await settle(on.world)
    const next = Date.parse(nextRunAt)
    expect(await tickTimes(id)).toEqual(Array.from({ length: 12 }, (_, i) => next - (12 - i) * DAY))
    const skipped = (await eventsOf(on.world, id)).filter(({ kind }) => kind === 'SKIPPED')
    expect(skipped).toMatchObject([{ data: { firstTickAtMs: first, lastTickAtMs: next - 13 * DAY } }])
  })

  it('fire up to their end, and then no more', async () => {
    const { id, nextRunAt } = await create(on.world, on.ada, { missed: 'CATCH_UP' })
    const first = Date.parse(nextRunAt) - 4 * DAY
    await on.world.client.schedule.update({ where: { id: bare(id) }, data: { nextRunAtMs: BigInt(first), endsAtMs: BigInt(first + DAY) } })
    await settle(on.world)
    expect(await tickTimes(id)).toEqual([first, first + DAY])
    expect(await read(on.world, on.ada, id)).toMatchObject({ nextRunAt: null, pausedAt: null })
  })

  it('go on where the task can no longer be made: the tick stands without one, and the others are not held up', async () => {
    const { id } = await create(on.world, on.ada, { missed: 'CATCH_UP' })
    const { id: misfit } = await create(on.world, on.ada, { missed: 'CATCH_UP' })
    const { id: sound } = await create(on.world, on.ada, { missed: 'CATCH_UP' })
    await breakTask(id, { type: 'gone' })
    await breakTask(misfit, { type: 'test.held', params: { note: 1 } })
    const first = await age(on.world, id, 2 * DAY)
    for (const each of [misfit, sound]) await age(on.world, each, 2 * DAY)
    await settle(on.world)
    expect(await ticksOf(on.world, id)).toEqual([
      { tickAtMs: first, taskId: null },
      { tickAtMs: first + DAY, taskId: null },
    ])
    expect(await read(on.world, on.ada, id)).toMatchObject({
      error: expect.stringContaining('There is no task type "gone".'),
      lastRunAt: null,
      nextRunAt: expect.any(String),
    })
    expect((await eventsOf(on.world, id)).slice(1)).toMatchObject(
      [first, first + DAY].map((tickAtMs) => ({ kind: 'FAILED', data: { tickAtMs, reason: expect.stringContaining('"gone"') } })),
    )
    expect(await kindsOf(on.world, misfit)).toEqual(['CREATED', 'FAILED', 'FAILED'])
    expect(await tasksOf(on.world, misfit)).toEqual([])
    expect(await tasksOf(on.world, sound)).toHaveLength(2)
    await breakTask(id, { type: 'test.held' })
    await age(on.world, id, 3 * DAY)
    await settle(on.world)
    expect(await read(on.world, on.ada, id)).toMatchObject({ error: null, lastRunAt: expect.any(String) })
    expect(await ticksOf(on.world, id)).toMatchObject([{ tickAtMs: first - DAY, taskId: expect.any(String) }, { taskId: null }, { taskId: null }])
  })

  it('go on where an error comes that nobody foresaw', async () => {
    const { id } = await create(on.world, on.ada, { missed: 'CATCH_UP', task: { type: 'test.faulty' } })
    const { id: sound } = await create(on.world, on.ada, { missed: 'CATCH_UP' })
    await breakTask(id, { type: 'test.faulty', params: { broken: true } })
    for (const each of [id, sound]) await age(on.world, each, 2 * DAY)
    const warnings: string[] = []
    const warn = (error: unknown, scheduleId: string) => void warnings.push(`${scheduleId}: ${(error as Error).message}`)
    await schedulesFire(on.world.app.store, on.world.app.taskTypes, { warn })
    await settle(on.world)
    expect([[], [`${bare(id)}: a bug`]]).toContainEqual(warnings)
    expect(await kindsOf(on.world, id)).toEqual(['CREATED', 'FAILED', 'FAILED'])
    expect((await read(on.world, on.ada, id)).error).toContain('internal error')
    expect(await tasksOf(on.world, sound)).toHaveLength(2)
  })

  it('rest, and say why, where their cron expression is no longer understood', async () => {
    const { id } = await create(on.world, on.ada)
    await on.world.client.schedule.update({ where: { id: bare(id) }, data: { timezone: 'Mars/Phobos' } })
    await age(on.world, id, DAY)
    await settle(on.world)
    expect(await read(on.world, on.ada, id)).toMatchObject({ nextRunAt: null, error: expect.stringContaining('Mars/Phobos') })
    expect(await kindsOf(on.world, id)).toEqual(['CREATED', 'FAILED'])
  })

  it('do not fire while their owner is disabled; afterwards it is as if no server had run', async () => {
    const cy = await on.world.user('cy')
    const { id, nextRunAt } = await create(on.world, cy, { missed: 'CATCH_UP' })
    const disable = (disabled: boolean) =>
      on.world.does(
        `mutation ($input: UserDisableInput!) { userDisable(input: $input) { userErrors { code message } } }`,
        { input: { id: cy.id, disabled } },
        on.admin,
      )
    await disable(true)
    const first = await age(on.world, id, 2 * DAY)
    expect(await fire(on.world)).toBe(0)
    expect(await ticksOf(on.world, id)).toEqual([])
    await disable(false)
    await settle(on.world)
    expect(await tickTimes(id)).toEqual([first, first + DAY])
    expect(await read(on.world, on.admin, id)).toMatchObject({ nextRunAt })
  })

  it('make tasks of a type that only programs elsewhere run', async () => {
    await on.world.does(
      `mutation ($input: TaskTypeRegisterInput!) { taskTypeRegister(input: $input) { userErrors { code message } } }`,
      { input: { name: 'ada.elsewhere', paramsSchema: { type: 'object', required: ['n'] } } },
      on.ada,
    )
    const { id } = await create(on.world, on.ada, { missed: 'RUN_ONCE', task: { type: 'ada.elsewhere', params: { n: 1 } } })
    await age(on.world, id, DAY)
    await settle(on.world)
    expect(await tasksOf(on.world, id)).toMatchObject([{ type: 'ada.elsewhere', params: { n: 1 }, status: 'QUEUED' }])
  })

  it('open the stream of a type that streams', async () => {
    const { id } = await create(on.world, on.ada, { missed: 'RUN_ONCE', task: { type: 'text.generate', params: { prompt: 'hello' } } })
    await age(on.world, id, DAY)
    await settle(on.world)
    const [task] = await tasksOf(on.world, id)
    expect(await on.world.client.stream.findMany({ where: { taskId: task!.id } })).toMatchObject([{ status: 'PENDING', ownerId: bare(on.ada.id) }])
  })
})
