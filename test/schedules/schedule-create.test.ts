import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../src/core/ids.ts'
import { MAX_SCHEDULES } from '../../src/schedules/schedule.ts'
import { dialects } from '../kit/databases.ts'
import { bare, type TaskWorld } from '../tasks/task.ts'
import { CREATE, create, eventsOf, inputOf, newScheduleId, openScheduleWorld, read, stateOf } from './schedule.ts'

describe.each(dialects())('scheduleCreate on %s', (dialect) => {
  let on: TaskWorld
  beforeAll(async () => {
    on = await openScheduleWorld(dialect)
  })
  afterAll(() => on.world.close())

  const refused = (input: object, user = on.ada) => on.world.refused(CREATE, { input: inputOf(input) }, user)
  const fault = (code: string, ...path: string[]) => expect.objectContaining({ code, path: ['input', ...path] })

  it('keeps every field it is given', async () => {
    const given = {
      id: newScheduleId(),
      name: 'Nachts – 夜 🌙',
      cron: '30 2 * * *',
      timezone: 'Europe/Berlin',
      task: { type: 'test.held', params: { note: 'x' }, description: 'What for.', priority: 7 },
      missed: 'CATCH_UP',
      maxCatchUp: 5,
      endsAt: '2199-01-01T00:00:00.000Z',
    }
    const schedule = await create(on.world, on.ada, { ...given, idempotencyKey: 'every-field' })
    expect(schedule).toMatchObject({ ...given, pausedAt: null, lastRunAt: null, error: null, owner: { id: on.ada.id } })
    expect(await read(on.world, on.ada, given.id)).toEqual(schedule)
    // By the clock of the database, which goes on within a statement.
    expect(Date.parse(schedule.updatedAt)).toBeGreaterThanOrEqual(Date.parse(schedule.createdAt))
    const night = new Date(schedule.nextRunAt)
    expect(night.getTime()).toBeGreaterThan(Date.parse(schedule.createdAt))
    expect(new Intl.DateTimeFormat('en-GB', { timeZone: 'Europe/Berlin', timeStyle: 'medium' }).format(night)).toMatch(/^0[23]:[03]0:00$/)
  })

  it('keeps all that a task can be made with', async () => {
    const task = {
      type: 'test.held',
      params: { note: 'n' },
      description: 'd',
      domain: 'research',
      driftScore: 0.5,
      priority: -3,
      maxAttempts: 2,
      retryPolicy: { initialSeconds: 5 },
      timeoutSeconds: 60,
      totalTimeoutSeconds: 600,
      sessionKey: 's',
      concurrencyKey: 'k',
      concurrencyLimit: 4,
    }
    const { id } = await create(on.world, on.ada, { task })
    const query = `query ($id: ID!) { schedule(id: $id) { task { type params description domain driftScore priority maxAttempts retryPolicy timeoutSeconds totalTimeoutSeconds sessionKey concurrencyKey concurrencyLimit } } }`
    expect((await on.world.ask(query, { id }, on.ada)).data.schedule.task).toEqual(task)
  })

  it('fills in what is left out', async () => {
    const schedule = await create(on.world, on.ada)
    expect(schedule).toMatchObject({ timezone: 'UTC', missed: 'SKIP', maxCatchUp: 100, pausedAt: null, endsAt: null, task: { params: null, priority: null } })
    const [event] = await eventsOf(on.world, schedule.id)
    expect(event).toMatchObject({ kind: 'CREATED', actorId: bare(on.ada.id), data: { name: schedule.name, nextRunAtMs: Date.parse(schedule.nextRunAt) } })
  })

  it('rests from the beginning if asked to', async () => {
    expect(await create(on.world, on.ada, { paused: true })).toMatchObject({ pausedAt: expect.any(String), nextRunAt: null })
  })

  it.each([
    ['no name', { name: '' }, ['BAD_USER_INPUT', 'name']],
    ['a blank name', { name: ' ' }, ['BAD_USER_INPUT', 'name']],
    ['a name of 201 characters', { name: 'x'.repeat(201) }, ['BAD_USER_INPUT', 'name']],
    ['a cron expression of 201 characters', { cron: `*${' '.repeat(200)}` }, ['BAD_USER_INPUT', 'cron']],
    ['four fields', { cron: '* * * *' }, ['BAD_USER_INPUT', 'cron']],
    ['seven fields', { cron: '* * * * * * *' }, ['BAD_USER_INPUT', 'cron']],
    ['a 60th minute', { cron: '60 * * * *' }, ['BAD_USER_INPUT', 'cron']],
    ['the 30th of February', { cron: '0 0 30 2 *' }, ['SCHEDULE_NEVER_RUNS', 'cron']],
    ['an unknown time zone', { timezone: 'Mars/Phobos' }, ['BAD_USER_INPUT', 'timezone']],
    ['an empty time zone', { timezone: '' }, ['BAD_USER_INPUT', 'timezone']],
    ['an unknown task type', { task: { type: 'no.such' } }, ['UNKNOWN_TASK_TYPE', 'task', 'type']],
    ['params that do not fit', { task: { type: 'test.held', params: { note: 1 } } }, ['BAD_USER_INPUT', 'task', 'params', 'note']],
    ['params that are no object', { task: { type: 'test.held', params: [1] } }, ['BAD_USER_INPUT', 'task', 'params']],
    ['a huge priority', { task: { type: 'test.held', priority: 1001 } }, ['BAD_USER_INPUT', 'task', 'priority']],
    ['no attempts', { task: { type: 'test.held', maxAttempts: 0 } }, ['BAD_USER_INPUT', 'task', 'maxAttempts']],
    ['catching up with nothing', { maxCatchUp: 0 }, ['BAD_USER_INPUT', 'maxCatchUp']],
    ['catching up without end', { maxCatchUp: 1001 }, ['BAD_USER_INPUT', 'maxCatchUp']],
    ['an end in the past', { endsAt: '2020-01-01T00:00:00Z' }, ['BAD_USER_INPUT', 'endsAt']],
    ['an end before the first tick', { endsAt: new Date(Date.now() + 3_600_000).toISOString() }, ['SCHEDULE_NEVER_RUNS', 'endsAt']],
    ['an end beyond 2200', { endsAt: '2201-01-01T00:00:00Z' }, ['BAD_USER_INPUT', 'endsAt']],
    ['an id of another type', { id: `Task:${newId()}` }, ['BAD_USER_INPUT', 'id']],
    ['an id that is none', { id: 'x' }, ['BAD_USER_INPUT', 'id']],
  ])('refuses %s, and changes nothing', async (_what, input, [code, ...path]) => {
    const before = await stateOf(on.world)
    expect(await refused(input)).toEqual([fault(code!, ...path)])
    expect(await stateOf(on.world)).toEqual(before)
  })

  it('names everything that is wrong with the params at once', async () => {
    expect(await refused({ task: { type: 'http.request', params: { url: 1, method: 'NO' } } })).toEqual([
      fault('BAD_USER_INPUT', 'task', 'params', 'url'),
      fault('BAD_USER_INPUT', 'task', 'params', 'method'),
    ])
  })

  it('takes a name once for each owner, also where two come at once', async () => {
    const { name } = await create(on.world, on.ada)
    expect(await refused({ name })).toEqual([fault('SCHEDULE_NAME_TAKEN', 'name')])
    expect((await create(on.world, on.bob, { name })).name).toBe(name)
    const twins = await Promise.all([1, 2].map(() => on.world.ask(CREATE, { input: inputOf({ name: 'twins' }) }, on.ada)))
    const codes = twins.map(({ data }) => data.scheduleCreate.userErrors[0]?.code ?? 'made')
    expect(codes.sort()).toEqual(['SCHEDULE_NAME_TAKEN', 'made'])
  })

  it('under the same id, or the same key, is the same schedule', async () => {
    const input = inputOf({ id: newScheduleId() })
    const first = await on.world.does(CREATE, { input }, on.ada)
    expect((await on.world.does(CREATE, { input }, on.ada)).schedule).toEqual(first.schedule)
    expect(await refused({ ...input, name: 'another' })).toEqual([fault('IDEMPOTENCY_MISMATCH', 'id')])
    expect(await refused({ id: first.schedule.id, name: 'bob’s' }, on.bob)).toEqual([fault('ID_TAKEN', 'id')])
    const keyed = inputOf({ idempotencyKey: 'once' })
    const made = await Promise.all([1, 2, 3].map(() => on.world.does(CREATE, { input: keyed }, on.ada)))
    expect(new Set(made.map(({ schedule }) => schedule.id)).size).toBe(1)
    expect(await on.world.client.schedule.count({ where: { idempotencyKey: 'once' } })).toBe(1)
  })

  it('is for whoever may write tasks', async () => {
    const answer = await on.world.ask(CREATE, { input: inputOf() })
    expect(answer.errors![0]!.extensions.code).toBe('UNAUTHENTICATED')
    const key = async (scope: string) =>
      (
        await on.world.does(
          `mutation ($input: ApiKeyCreateInput!) { apiKeyCreate(input: $input) { secret userErrors { code message } } }`,
          { input: { name: 'k', scopes: [scope] } },
          on.ada,
        )
      ).secret
    expect((await on.world.ask(CREATE, { input: inputOf() }, await key('TASKS_READ'))).errors![0]!.extensions.code).toBe('FORBIDDEN')
    expect((await on.world.does(CREATE, { input: inputOf() }, await key('TASKS_WRITE'))).schedule.owner.id).toBe(on.ada.id)
  })

  it(`stops at ${MAX_SCHEDULES} for each owner, also where two come at once`, async () => {
    const cy = await on.world.user('cy')
    const [one] = await on.world.client.schedule.findMany({ take: 1 })
    await on.world.client.schedule.createMany({
      data: Array.from({ length: MAX_SCHEDULES - 1 }, (_, i) => ({ ...one!, task: {}, id: newId(), ownerId: bare(cy.id), name: `${i}`, nextRunAtMs: null })),
    })
    const last = await Promise.all([1, 2].map(() => on.world.ask(CREATE, { input: inputOf() }, cy)))
    expect(last.map(({ data }) => data.scheduleCreate.userErrors[0]?.code ?? 'made').sort()).toEqual(['SCHEDULE_LIMIT_REACHED', 'made'])
    expect(await on.world.client.schedule.count({ where: { ownerId: bare(cy.id) } })).toBe(MAX_SCHEDULES)
    expect((await create(on.world, on.ada)).name).toEqual(expect.any(String))
  })
})
