import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../src/core/ids.ts'
import { dialects } from '../kit/databases.ts'
import { bare, CREATE, completes, create, kindsOf, newTaskId, openTaskWorld, read, stateOf, type TaskWorld } from './task.ts'

describe.each(dialects())('taskCreate on %s', (dialect) => {
  let on: TaskWorld
  beforeAll(async () => {
    on = await openTaskWorld(dialect)
  })
  afterAll(() => on.world.close())

  const refused = (input: object, user = on.ada) => on.world.refused(CREATE, { input: { type: 'test.held', ...input } }, user)
  const count = () => on.world.client.task.count()

  it('keeps every field it is given', async () => {
    const id = newTaskId()
    const given = {
      id,
      type: 'test.held',
      params: { note: 'hello – 你好 🌞' },
      description: 'A description\nof two lines.',
      domain: 'research',
      driftScore: 0.125,
      priority: -7,
      runAt: '2100-02-03T04:05:06.789Z',
      maxAttempts: 9,
      timeoutSeconds: 604_800,
      sessionKey: 'session-1',
      idempotencyKey: 'every-field',
    }
    const task = await create(on.world, on.ada, { ...given, runImmediately: true })
    expect(task).toMatchObject({ ...given, status: 'QUEUED', attempt: 0 })
    expect(await read(on.world, on.ada, id)).toEqual(task)
    const row = await on.world.client.task.findUniqueOrThrow({ where: { id: bare(id) } })
    expect(row.ownerId).toBe(bare(on.ada.id))
  })

  it('fills in what is left out', async () => {
    const before = Date.now()
    const task = await create(on.world, on.ada, { runImmediately: false })
    expect(task).toMatchObject({
      type: 'test.held',
      params: {},
      status: 'CREATED',
      attempt: 0,
      maxAttempts: 3,
      priority: 0,
      agentsInvolved: [],
      ...Object.fromEntries(
        [
          ['description', 'result', 'domain', 'driftScore', 'progress', 'progressMessage', 'summary', 'error', 'timeoutSeconds', 'worker', 'leaseExpiresAt'],
          ['cancelRequestedAt', 'sessionKey', 'idempotencyKey', 'queuedAt', 'startedAt', 'completedAt', 'durationMs'],
        ]
          .flat()
          .map((field) => [field, null]),
      ),
    })
    expect(task.runAt).toBe(task.createdAt)
    expect(Date.parse(task.updatedAt)).toBeGreaterThanOrEqual(Date.parse(task.createdAt))
    expect(Math.abs(new Date(task.createdAt).getTime() - before)).toBeLessThan(5000)
    expect(await kindsOf(on.world, task.id)).toEqual(['CREATED'])
  })

  it('is QUEUED at once, and run', async () => {
    const task = await create(on.world, on.ada)
    // A worker may have been faster than the answer.
    expect(['QUEUED', 'RUNNING']).toContain(task.status)
    expect(task.queuedAt).toBe(task.createdAt)
    const run = await on.held.run(task.id)
    expect(run.task).toMatchObject({ attempt: 1, ownerId: bare(on.ada.id), params: {} })
    await completes(on, on.ada, task.id)
  })

  it('is not run before its time', async () => {
    const later = await create(on.world, on.ada, { runAt: '2100-01-01T00:00:00Z', priority: 1000 })
    const now = await create(on.world, on.ada)
    await completes(on, on.ada, now.id)
    await on.world.app.runner.claim()
    expect(await read(on.world, on.ada, later.id)).toMatchObject({ status: 'QUEUED', attempt: 0 })
  })

  it('names the types there are where it is given an unknown one', async () => {
    const before = await stateOf(on.world)
    const [error] = await refused({ type: 'no.such' })
    expect(error).toMatchObject({ code: 'UNKNOWN_TASK_TYPE', path: ['input', 'type'] })
    expect(error!.message).toContain('test.held')
    expect(await stateOf(on.world)).toEqual(before)
  })

  it('tells all that is wrong with params at once, each with its place, and of very much the beginning', async () => {
    const type = 'text.generate'
    const before = await stateOf(on.world)
    expect(await refused({ type, params: { prompt: 5, temperature: 'hot', maxOutputTokens: 0 } })).toMatchObject(
      ['prompt', 'temperature', 'maxOutputTokens'].map((field) => ({ code: 'BAD_USER_INPUT', path: ['input', 'params', field] })),
    )
    const messages = Array(400).fill(0)
    const errors = await refused({ type, params: { prompt: 5, messages }, idempotencyKey: 'all wrong' })
    expect(errors).toHaveLength(20)
    expect(errors[0]).toMatchObject({ path: ['input', 'params', 'prompt'] })
    expect(errors[1]).toMatchObject({ path: ['input', 'params', 'messages', '0'] })
    expect(await refused({ type, params: { prompt: 5, messages }, idempotencyKey: 'all wrong' })).toEqual(errors)
    expect(await stateOf(on.world)).toEqual(before)
  })

  it.each([
    [
      'text.generate',
      { prompt: 5, temperature: 9, stop: [1, 2, 3, 4, 5], maxOutputTokens: 1.5, reasoning: 'MUCH', more: 1, most: 2 },
      {
        prompt: 'Must be text.',
        temperature: 'Must be at most 2.',
        stop: 'Must have at most 4 entries.',
        maxOutputTokens: 'Must be a whole number.',
        reasoning: 'Must be one of "LOW", "MEDIUM", "HIGH".',
        more: 'Is not allowed here.',
        most: 'Is not allowed here.',
      },
    ],
    [
      'text.generate',
      { messages: [{ role: 'robot', content: 'x' }, { role: 'user' }, 'x'] },
      {
        'messages.0.role': 'Must be one of "system", "user", "assistant", "tool".',
        'messages.1.content': 'Is needed.',
        'messages.2': 'Must be an object.',
      },
    ],
    [
      'http.request',
      { headers: { 'no name': 'x', fine: 7 }, timeoutSeconds: 0 },
      {
        url: 'Must be an http or https URL.',
        'headers.no name': 'Is not a header name.',
        'headers.fine': 'Must be text.',
        timeoutSeconds: 'Must be at least 1.',
      },
    ],
    ['value.keep', {}, { value: 'Is needed.' }],
  ])('tells faults in params of %s in the words of all faults: %#', async (type, params, told) => {
    // biome-ignore format: one look
    const errors = await refused({ type, params })
    expect(Object.fromEntries(errors.map(({ path, message }) => [path!.slice(2).join('.'), message]))).toEqual(told)
  })

  it.each([
    [{ note: 5 }, ['input', 'params', 'note']],
    [{ other: 1 }, ['input', 'params', 'other']],
    [{ note: 'x'.repeat(1001) }, ['input', 'params', 'note']],
  ])('holds params against the schema of the type and tells where they do not fit: %#', async (params, path) => {
    const before = await stateOf(on.world)
    expect(await refused({ params })).toMatchObject([{ code: 'BAD_USER_INPUT', path }])
    expect(await stateOf(on.world)).toEqual(before)
  })

  it.each([
    ['type', ''],
    ['type', 'x'.repeat(201)],
    ['params', []],
    ['params', 'text'],
    ['params', { note: 'x'.repeat(200_001) }],
    ['description', 'x'.repeat(10_001)],
    ['description', 'half a character \ud83d'],
    ['domain', ''],
    ['domain', '  '],
    ['domain', 'x'.repeat(201)],
    ['driftScore', -0.1],
    ['driftScore', 1.1],
    ['priority', -1001],
    ['priority', 1001],
    ['runAt', '1999-12-31T23:59:59Z'],
    ['runAt', '2200-01-01T00:00:01Z'],
    ['maxAttempts', 0],
    ['maxAttempts', 101],
    ['timeoutSeconds', 0],
    ['timeoutSeconds', 604_801],
    ['sessionKey', ''],
    ['sessionKey', 'x'.repeat(201)],
    ['idempotencyKey', ''],
    ['idempotencyKey', 'x'.repeat(201)],
    ['id', ''],
    ['id', 'nonsense'],
    ['id', `Task:${'0'.repeat(36)}`],
    ['id', 'x'.repeat(201)],
    ['id', `Stream:${newId()}`],
  ])('refuses a bad %s (%#)', async (field, value) => {
    const before = await stateOf(on.world)
    const errors = await refused({ [field]: value })
    expect(errors).toMatchObject([{ code: 'BAD_USER_INPUT', path: ['input', field] }])
    expect(errors[0]!.message).not.toBe('Invalid input.')
    expect(await stateOf(on.world)).toEqual(before)
  })

  it('refuses null characters, and half characters in params, wherever they stand', async () => {
    const before = await stateOf(on.world)
    for (const input of [{ description: 'a\u0000b' }, { params: { note: '\u0000' } }, { params: { 'no\u0000te': 'x' } }, { params: { note: 'half \udc00' } }]) {
      const { data, errors } = await on.world.ask(CREATE, { input: { type: 'test.held', ...input } }, on.ada)
      const codes = errors?.map((error) => error.extensions.code) ?? data.taskCreate.userErrors.map((error: { code: string }) => error.code)
      expect(codes).toEqual(['BAD_USER_INPUT'])
    }
    expect(await stateOf(on.world)).toEqual(before)
  })

  it('tells every fault at once', async () => {
    const errors = await refused({ domain: '', priority: 5000, maxAttempts: 0 })
    expect(errors.map((error) => error.path![1]).sort()).toEqual(['domain', 'maxAttempts', 'priority'])
  })

  it('is for those who are logged in', async () => {
    const { errors } = await on.world.ask(CREATE, { input: { type: 'test.held' } })
    expect(errors![0]!.extensions.code).toBe('UNAUTHENTICATED')
  })

  describe('with an id of the client’s making', () => {
    it('answers the same task when it is sent again, and one task is there', async () => {
      const input = { id: newTaskId(), runImmediately: false, description: 'once' }
      const first = await create(on.world, on.ada, input)
      const before = await stateOf(on.world, first.id)
      expect(await create(on.world, on.ada, input)).toEqual(first)
      expect(await stateOf(on.world, first.id)).toEqual(before)
      expect(await refused({ ...input, description: 'another' })).toMatchObject([{ code: 'IDEMPOTENCY_MISMATCH' }])
      expect(await stateOf(on.world, first.id)).toEqual(before)
    })

    it('refuses an id that is taken, whoever has it', async () => {
      const { id } = await create(on.world, on.ada, { id: newTaskId(), runImmediately: false })
      for (const input of [{ id, idempotencyKey: `key of ${id}` }, { id }]) {
        expect(await refused(input, on.bob)).toMatchObject([{ code: 'ID_TAKEN', path: ['input', 'id'] }])
      }
      expect(await read(on.world, on.ada, id)).toMatchObject({ id })
      expect(await read(on.world, on.bob, id)).toBeNull()
    })

    it('of twins that are sent at once makes one', async () => {
      const input = { id: newTaskId(), runImmediately: false }
      const twins = await Promise.all(Array.from({ length: 5 }, () => create(on.world, on.ada, input)))
      expect(new Set(twins.map((task) => task.id))).toEqual(new Set([input.id]))
      expect(await kindsOf(on.world, input.id)).toEqual(['CREATED'])
    })
  })

  it('may be mended and sent again under the same id of the client’s making', async () => {
    const id = newTaskId()
    expect(await refused({ id, type: 'test.unheard' })).toMatchObject([{ code: 'UNKNOWN_TASK_TYPE' }])
    expect(await create(on.world, on.ada, { id, runImmediately: false })).toMatchObject({ id })
  })

  describe('with an idempotency key', () => {
    it('of 20 calls at once makes one task', async () => {
      const before = await count()
      const input = { idempotencyKey: 'raced', runImmediately: false }
      const tasks = await Promise.all(Array.from({ length: 20 }, () => create(on.world, on.ada, input)))
      expect(new Set(tasks.map((task) => task.id)).size).toBe(1)
      expect(await count()).toBe(before + 1)
    })

    it('answers the same task, also where it has gone on since, and refuses another input', async () => {
      const input = { idempotencyKey: 'again' }
      const first = await create(on.world, on.ada, input)
      await on.held.run(first.id)
      expect(await create(on.world, on.ada, input)).toMatchObject({ id: first.id, status: 'RUNNING' })
      expect(await refused({ ...input, priority: 1 })).toMatchObject([{ code: 'IDEMPOTENCY_MISMATCH', path: ['input', 'idempotencyKey'] }])
      await completes(on, on.ada, first.id)
    })

    it('of one user has nothing to do with that of another', async () => {
      const input = { idempotencyKey: 'shared', runImmediately: false }
      const [ada, bob] = await Promise.all([create(on.world, on.ada, input), create(on.world, on.bob, input)])
      expect(ada.id).not.toBe(bob.id)
    })

    it('answers a refusal again', async () => {
      const input = { type: 'no.such', idempotencyKey: 'refused' }
      const first = await refused(input)
      expect(first).toMatchObject([{ code: 'UNKNOWN_TASK_TYPE' }])
      expect(await refused(input)).toEqual(first)
    })
  })
})
