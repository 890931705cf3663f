/** What a task is given for the queue: kept as it was given, or refused with its place. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dialects } from '../kit/databases.ts'
import { bare, CANCEL, CREATE, create, does, openTaskWorld, RETRY, RUN, stateOf, type TaskWorld, UPDATE } from './task.ts'

const LATER = '2100-01-01T00:00:00.000Z'
const FIELDS = 'totalTimeoutSeconds timeoutSeconds deadline retryPolicy concurrencyKey concurrencyLimit priority'
const READ = `query ($id: ID!) { task(id: $id) { ${FIELDS} parent { id } dependsOn { nodes { id } } } }`

describe.each(dialects())('what a task is given for the queue, on %s', (dialect) => {
  let on: TaskWorld
  beforeAll(async () => {
    on = await openTaskWorld(dialect, { env: { TASK_CONCURRENCY: '0' } })
  })
  afterAll(() => on.world.close())

  const bad = (field: string, value: unknown, path: string[] = []): [string, unknown, string[]] => [field, value, ['input', field, ...path]]
  const refusedBy = async (mutation: string, input: object) => {
    const before = await stateOf(on.world)
    const { data, errors } = await on.world.ask(mutation, { input }, on.ada)
    expect(await stateOf(on.world)).toEqual(before)
    return errors
      ? errors.map((error) => ({ code: error.extensions.code, path: null }))
      : (Object.values(data)[0] as { userErrors: { code: string; path: string[] }[] }).userErrors.map(({ code, path }) => ({ code, path }))
  }

  it('is kept', async () => {
    const parent = await create(on.world, on.ada, { runImmediately: false })
    const other = await create(on.world, on.ada, { runImmediately: false })
    const retryPolicy = { initialSeconds: 0.5, factor: 3, maxSeconds: 60, jitter: 0 }
    const given = { totalTimeoutSeconds: 600, timeoutSeconds: 60, concurrencyKey: 'a #key@ ☂', concurrencyLimit: 7, priority: -1000 }
    const { id } = await create(on.world, on.ada, {
      ...given,
      retryPolicy,
      runAt: LATER,
      parentId: parent.id,
      dependsOn: [other.id],
      onDependencyFailure: 'RUN',
    })
    expect((await on.world.ask(READ, { id }, on.ada)).data.task).toEqual({
      ...given,
      retryPolicy,
      deadline: '2100-01-01T00:10:00.000Z',
      parent: { id: parent.id },
      dependsOn: { nodes: [{ id: other.id }] },
    })
  })

  it('may be a year in all, however it comes into the queue', async () => {
    const year = { totalTimeoutSeconds: 31_622_400, runAt: LATER }
    const deadline = '2101-01-02T00:00:00.000Z'
    const read = async (id: string) => (await on.world.ask(READ, { id }, on.ada)).data.task
    const { id } = await create(on.world, on.ada, year)
    expect(await read(id)).toMatchObject({ deadline })
    const { id: later } = await create(on.world, on.ada, { ...year, runImmediately: false })
    await on.world.does(RUN, { input: { id: later } }, on.ada)
    expect(await read(later)).toMatchObject({ deadline })
    const { id: changed } = await create(on.world, on.ada, { runAt: LATER })
    await on.world.does(UPDATE, { input: { id: changed, totalTimeoutSeconds: year.totalTimeoutSeconds } }, on.ada)
    expect(await read(changed)).toMatchObject({ deadline })
    await on.world.does(CANCEL, { input: { id } }, on.ada)
    await on.world.does(RETRY, { input: { id } }, on.ada)
    expect(Date.parse((await read(id)).deadline) - Date.now()).toBeGreaterThan(31_500_000_000)
  })

  it('may be left out, and then is as usual', async () => {
    const { id } = await create(on.world, on.ada, {
      retryPolicy: null,
      concurrencyKey: null,
      totalTimeoutSeconds: null,
      dependsOn: null,
      parentId: null,
      unique: null,
    })
    expect((await on.world.ask(READ, { id }, on.ada)).data.task).toEqual({
      totalTimeoutSeconds: null,
      timeoutSeconds: null,
      deadline: null,
      retryPolicy: null,
      concurrencyKey: null,
      concurrencyLimit: null,
      priority: 0,
      parent: null,
      dependsOn: { nodes: [] },
    })
    const { id: keyed } = await create(on.world, on.ada, { concurrencyKey: 'alone' })
    expect((await on.world.ask(READ, { id: keyed }, on.ada)).data.task).toMatchObject({ concurrencyKey: 'alone', concurrencyLimit: 1 })
  })

  it.each([
    bad('totalTimeoutSeconds', 0),
    bad('totalTimeoutSeconds', -5),
    bad('totalTimeoutSeconds', 31_622_401),
    bad('concurrencyKey', ''),
    bad('concurrencyKey', '  '),
    bad('concurrencyKey', 'x'.repeat(201)),
    bad('concurrencyKey', 'half \ud83d'),
    bad('concurrencyLimit', 0),
    bad('concurrencyLimit', -1),
    bad('concurrencyLimit', 1001),
    bad('concurrencyLimit', 5),
    bad('retryPolicy', { initialSeconds: -0.1 }, ['initialSeconds']),
    bad('retryPolicy', { initialSeconds: 86_401 }, ['initialSeconds']),
    bad('retryPolicy', { factor: 0.9 }, ['factor']),
    bad('retryPolicy', { factor: 10.5 }, ['factor']),
    bad('retryPolicy', { maxSeconds: -1 }, ['maxSeconds']),
    bad('retryPolicy', { maxSeconds: 604_801 }, ['maxSeconds']),
    bad('retryPolicy', { jitter: 1.1 }, ['jitter']),
    bad('retryPolicy', { jitter: -1 }, ['jitter']),
    bad('unique', { withinSeconds: 0 }, ['withinSeconds']),
    bad('unique', { withinSeconds: 2_592_001 }, ['withinSeconds']),
    bad('dependsOn', ['x'], ['0']),
    bad('dependsOn', [''], ['0']),
    bad('dependsOn', ['x'.repeat(201)], ['0']),
    bad('parentId', ''),
    bad('parentId', 'x'.repeat(201)),
    bad('parentId', 'Task:1'),
    bad('priority', 2_000_000_000),
    bad('maxAttempts', -3),
    bad('timeoutSeconds', -1),
  ])('is refused where it is out of bounds: %s (%#)', async (field, value, path) => {
    expect(await refusedBy(CREATE, { type: 'test.held', [field]: value })).toEqual([{ code: 'BAD_USER_INPUT', path }])
  })

  it.each([
    ['totalTimeoutSeconds', 1.5],
    ['totalTimeoutSeconds', 1e12],
    ['priority', 2 ** 31],
    ['concurrencyLimit', '2'],
    ['retryPolicy', { factor: 'two' }],
    ['retryPolicy', { surprise: 1 }],
    ['retryPolicy', 5],
    ['unique', {}],
    ['unique', { withinSeconds: 1e12 }],
    ['onDependencyFailure', 'IGNORE'],
    ['dependsOn', [[]]],
    ['dependsOn', [null]],
    ['runAt', 'tomorrow'],
    ['runAt', '2024-13-01T00:00:00Z'],
  ])('is refused where it is of another kind: %s (%#)', async (field, value) => {
    expect(await refusedBy(CREATE, { type: 'test.held', [field]: value })).toEqual([{ code: 'BAD_USER_INPUT', path: null }])
  })

  it('tells every fault at once, with its place', async () => {
    const faults = await refusedBy(CREATE, {
      type: 'test.held',
      concurrencyLimit: 0,
      retryPolicy: { factor: 0, jitter: 2 },
      dependsOn: Array.from({ length: 1001 }, () => 'Task:1'),
    })
    expect(faults.map(({ path }) => path?.join('.')).sort()).toEqual([
      'input.concurrencyLimit',
      'input.dependsOn',
      'input.retryPolicy.factor',
      'input.retryPolicy.jitter',
    ])
  })

  it.each([
    bad('totalTimeoutSeconds', 0),
    bad('totalTimeoutSeconds', 31_622_401),
    bad('dependsOn', ['x'], ['0']),
    bad('maxAttempts', 101),
    bad('runAt', '2200-01-01T00:00:01Z'),
  ])('is refused in an update too: %s (%#)', async (field, value, path) => {
    const { id } = await create(on.world, on.ada, { runImmediately: false })
    expect(await refusedBy(UPDATE, { id, [field]: value })).toEqual([{ code: 'BAD_USER_INPUT', path }])
  })

  it('has no key that another user’s tasks could be counted under, however it is written', async () => {
    const key = `x@${bare(on.bob.id)}#y`
    const { id } = await create(on.world, on.ada, { concurrencyKey: key })
    const { id: bobs } = await does(on.world, CREATE, { type: 'test.held', concurrencyKey: 'y' }, on.bob).then((task) => task)
    const lanes = await on.world.client.task.findMany({ where: { id: { in: [bare(id), bare(bobs)] } }, select: { lane: true } })
    expect(new Set(lanes.map(({ lane }) => lane))).toEqual(new Set([`test.held@${bare(on.ada.id)}#${key}`, `test.held@${bare(on.bob.id)}#y`]))
  })
})
