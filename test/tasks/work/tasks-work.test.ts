import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { dialects } from '../../kit/databases.ts'
import { bare, CANCEL, CREATE, due, kindsOf, lapse, newTaskId, openTaskWorld, read, stateOf, type TaskWorld } from '../task.ts'
import { BEAT, BEAT_MANY, CHILD, type Claim, COMPLETE, COMPLETE_MANY, claimOne, FAIL, keyOf, lease, REGISTER, RELEASE, WAIT } from './work.ts'

describe.each(dialects())('a worker elsewhere on %s', (dialect) => {
  let on: TaskWorld
  let key: string
  let bobsKey: string
  let type: string
  let tests = 0
  beforeAll(async () => {
    on = await openTaskWorld(dialect, { env: { MAX_BODY_BYTES: '3000000' } })
    key = await keyOf(on.world, on.ada)
    bobsKey = await keyOf(on.world, on.bob)
  })
  beforeEach(async () => {
    // One of its own for each test: what another has left behind is not claimed here.
    type = `work.t${++tests}`
    await on.world.does(REGISTER, { input: { name: type } }, key)
    await on.world.does(REGISTER, { input: { name: type } }, on.bob)
  })
  afterAll(() => on.world.close())

  const create = async (input: object = {}, user = on.ada) => (await on.world.does(CREATE, { input: { type, ...input } }, user)).task
  const does = (mutation: string, input: object, by: string = key) => on.world.does(mutation, { input }, by)
  const refused = (mutation: string, input: object, by: string = key) => on.world.refused(mutation, { input }, by)
  /** A task that is being worked on. */
  const claimed = async (input: object = {}, claim: object = {}): Promise<Claim> => {
    const { id } = await create(input)
    const got = await claimOne(on.world, key, type, claim)
    expect(got.task.id).toBe(id)
    return got
  }
  const ageAttempt = (id: string) => on.world.client.$executeRaw`UPDATE "Task" SET "attemptEndsAtMs" = 1 WHERE "id" = ${bare(id)}`
  const MUTATIONS = { taskHeartbeat: BEAT, taskComplete: COMPLETE, taskFail: FAIL, taskRelease: RELEASE, taskWait: WAIT }
  const inputOf = (name: string, claim: { id: string; leaseToken: string }) => (name === 'taskFail' ? { ...claim, error: 'x' } : claim)

  describe('taskHeartbeat', () => {
    it('renews the lease and tells how far the work is', async () => {
      const claim = await claimed({}, { leaseSeconds: 5 })
      await on.world.client.$executeRaw`UPDATE "Task" SET "leaseExpiresAtMs" = "leaseExpiresAtMs" - 4000 WHERE "id" = ${bare(claim.task.id)}`
      const beat = await does(BEAT, { ...lease(claim), progress: 0.25, progressMessage: 'reading', agentsInvolved: ['reader', 'judge'], metrics: { pages: 3 } })
      expect(beat).toMatchObject({
        cancelRequested: false,
        reason: null,
        task: { status: 'RUNNING', progress: 0.25, progressMessage: 'reading', agentsInvolved: ['reader', 'judge'] },
      })
      expect(Date.parse(beat.leaseExpiresAt)).toBeGreaterThanOrEqual(Date.parse(claim.leaseExpiresAt))
      expect(await on.world.client.task.findUnique({ where: { id: bare(claim.task.id) }, select: { metrics: true } })).toEqual({ metrics: { pages: 3 } })
      expect(await kindsOf(on.world, claim.task.id)).toEqual(['CREATED', 'STARTED', 'PROGRESSED'])
    })

    it('that tells nothing only renews, and writes no event', async () => {
      const claim = await claimed()
      expect(await does(BEAT, lease(claim))).toMatchObject({ cancelRequested: false, task: { progress: null } })
      expect(await kindsOf(on.world, claim.task.id)).toEqual(['CREATED', 'STARTED'])
    })

    it('hears that the task was cancelled, and giving it back ends it as CANCELLED', async () => {
      const claim = await claimed()
      const asked = does(CANCEL, { id: claim.task.id }, on.ada.accessToken)
      await expect.poll(async () => (await does(BEAT, lease(claim))).cancelRequested).toBe(true)
      expect(await does(BEAT, lease(claim))).toMatchObject({ cancelRequested: true, reason: 'CANCELLED' })
      expect(await does(RELEASE, lease(claim))).toMatchObject({ task: { status: 'CANCELLED' } })
      expect((await asked).task).toMatchObject({ status: 'CANCELLED' })
    })

    it('hears that its time is over; giving it back then uses up the attempt', async () => {
      const claim = await claimed({ timeoutSeconds: 60, maxAttempts: 1 })
      await ageAttempt(claim.task.id)
      expect(await does(BEAT, lease(claim))).toMatchObject({ cancelRequested: true, reason: 'TIMED_OUT' })
      expect(await does(RELEASE, lease(claim))).toMatchObject({ task: { status: 'FAILED', error: 'The attempt took longer than the task allows.' } })
    })
  })

  describe('taskComplete', () => {
    it('ends the task with what came of it', async () => {
      const claim = await claimed()
      const outcome = {
        result: { pages: [1, 2, null] },
        summary: 'Two pages.',
        agentsInvolved: ['reader'],
        metrics: { tokens: 12 },
        files: [
          { path: 'out/a.txt', change: 'CREATED' },
          { path: 'in/b.txt', change: 'READ' },
        ],
      }
      expect((await does(COMPLETE, { ...lease(claim), ...outcome })).task).toMatchObject({
        status: 'COMPLETED',
        result: outcome.result,
        summary: 'Two pages.',
        agentsInvolved: ['reader'],
        progress: 1,
        worker: null,
        leaseExpiresAt: null,
      })
      const row = await on.world.client.task.findUnique({ where: { id: bare(claim.task.id) }, select: { metrics: true, files: true, lastWorker: true } })
      expect(row).toEqual({ metrics: outcome.metrics, files: outcome.files, lastWorker: claim.task.worker })
      expect(await kindsOf(on.world, claim.task.id)).toEqual(['CREATED', 'STARTED', 'COMPLETED'])
    })

    it('twice is refused, and with the same idempotency key answers the same', async () => {
      const claim = await claimed()
      const input = { ...lease(claim), result: 1, idempotencyKey: `done ${claim.task.id}` }
      const first = await does(COMPLETE, input)
      expect(await does(COMPLETE, input)).toEqual(first)
      const before = await stateOf(on.world, claim.task.id)
      expect(await refused(COMPLETE, { ...input, idempotencyKey: undefined })).toMatchObject([{ code: 'TASK_NOT_LEASED', path: ['input', 'leaseToken'] }])
      expect(await refused(COMPLETE, { ...input, result: 2 })).toMatchObject([{ code: 'IDEMPOTENCY_MISMATCH' }])
      expect(await stateOf(on.world, claim.task.id)).toEqual(before)
    })

    it('by several at once happens once', async () => {
      const claim = await claimed()
      const answers = await Promise.all(Array.from({ length: 6 }, (_, i) => refused(COMPLETE, { ...lease(claim), result: i })))
      expect(answers.filter((errors) => errors.length === 0)).toHaveLength(1)
      expect((await kindsOf(on.world, claim.task.id)).filter((kind) => kind === 'COMPLETED')).toHaveLength(1)
    })
  })

  describe('taskFail', () => {
    it('queues the task again while attempts are left, not before it makes sense', async () => {
      const claim = await claimed({ maxAttempts: 2 })
      const { task } = await does(FAIL, { ...lease(claim), error: 'The page is away.', retryAfterSeconds: 3600 })
      expect(task).toMatchObject({ status: 'QUEUED', error: 'The page is away.', attempt: 1, worker: null })
      const { runAt, queuedAt } = await read(on.world, on.ada, task.id)
      expect(Date.parse(runAt) - Date.parse(queuedAt)).toBeGreaterThanOrEqual(3_599_000)
      await due(on.world, task.id)
      const again = await claimOne(on.world, key, type)
      expect(again.task).toMatchObject({ id: task.id, attempt: 2, error: null })
      expect(await does(FAIL, { ...lease(again), error: 'Still away.' })).toMatchObject({ task: { status: 'FAILED', error: 'Still away.' } })
      expect(await kindsOf(on.world, task.id)).toEqual(['CREATED', 'STARTED', 'RETRY_SCHEDULED', 'STARTED', 'FAILED'])
    })

    it('ends the task where another attempt would go no better', async () => {
      const claim = await claimed()
      expect(await does(FAIL, { ...lease(claim), error: 'No such page.', retry: false })).toMatchObject({ task: { status: 'FAILED', error: 'No such page.' } })
    })
  })

  describe('taskRelease', () => {
    it('gives the task back at once, and it costs no attempt', async () => {
      const claim = await claimed({ maxAttempts: 1 })
      expect(await does(RELEASE, lease(claim))).toMatchObject({ task: { status: 'QUEUED', attempt: 1, maxAttempts: 2, worker: null } })
      const again = await claimOne(on.world, key, type)
      expect(again.task).toMatchObject({ id: claim.task.id, attempt: 2 })
      await does(COMPLETE, lease(again))
    })
  })

  describe('taskWait', () => {
    it('gives the task back until its children have ended; then it is claimed again', async () => {
      const claim = await claimed({ maxAttempts: 1 })
      const child = await create({ parentId: claim.task.id })
      expect(await does(WAIT, lease(claim))).toMatchObject({ task: { id: claim.task.id, status: 'QUEUED' } })
      const first = await claimOne(on.world, key, type)
      expect(first.task.id).toBe(child.id)
      await does(COMPLETE, { ...lease(first), result: 'ready' })
      const again = await claimOne(on.world, key, type)
      expect(again.task).toMatchObject({ id: claim.task.id, attempt: 2 })
      await does(COMPLETE, lease(again))
    })

    it('is refused where a child waits for the task itself, and it goes on', async () => {
      const claim = await claimed()
      const child = await create({ parentId: claim.task.id, dependsOn: [claim.task.id] })
      const before = await stateOf(on.world, claim.task.id)
      expect(await refused(WAIT, lease(claim))).toMatchObject([
        { code: 'DEPENDENCY_CIRCLE', path: ['input', 'id'], message: expect.stringContaining(`${claim.task.id} → ${child.id} → ${claim.task.id}`) },
      ])
      expect(await stateOf(on.world, claim.task.id)).toEqual(before)
      await does(COMPLETE, lease(claim))
    })

    it('without children gets it again at once', async () => {
      const claim = await claimed()
      await does(WAIT, lease(claim))
      const again = await claimOne(on.world, key, type)
      expect(again.task).toMatchObject({ id: claim.task.id, attempt: 2 })
      await does(COMPLETE, lease(again))
    })
  })

  describe('taskChildCreate', () => {
    it('makes a part of the task, once for each key, that belongs to the owner', async () => {
      const claim = await claimed()
      const make = (more: object = {}, by = key) => does(CHILD, { ...lease(claim), key: 'first', type, params: { n: 1 }, ...more }, by)
      const { task } = await make()
      expect(task).toMatchObject({ type, params: { n: 1 }, status: 'QUEUED' })
      expect((await make({ params: { n: 2 } })).task).toEqual(task)
      const second = await make({ key: 'second', dependsOn: [task.id], onDependencyFailure: 'RUN' })
      expect(second.task.id).not.toBe(task.id)
      const rows = await on.world.client.task.findMany({ where: { parentId: bare(claim.task.id) }, orderBy: { createdAtMs: 'asc' } })
      expect(rows).toMatchObject([
        { ownerId: bare(on.ada.id), params: { n: 1 } },
        { ownerId: bare(on.ada.id), waitingFor: 1, onDependencyFailure: 'RUN' },
      ])
    })

    it('by an ADMIN’s worker makes children of the task’s owner, with no more than the owner’s rights', async () => {
      const adminKey = await keyOf(on.world, on.admin)
      const { id } = await create({}, on.bob)
      const foreign = await create({}, on.ada)
      const claim = await claimOne(on.world, adminKey, type, { limit: 2 })
      const held = claim.task.id === id ? claim : await claimOne(on.world, adminKey, type)
      const { task } = await does(CHILD, { ...lease(held), key: 'a', type }, adminKey)
      const parent = await on.world.client.task.findUniqueOrThrow({ where: { id: bare(held.task.id) } })
      expect(await on.world.client.task.findUnique({ where: { id: bare(task.id) } })).toMatchObject({ ownerId: parent.ownerId, parentId: parent.id })
      const theirs = parent.ownerId === bare(on.bob.id) ? foreign.id : id
      expect(await refused(CHILD, { ...lease(held), key: 'b', type, dependsOn: [theirs] }, adminKey)).toMatchObject([{ code: 'NOT_FOUND' }])
    })

    it('is refused without the lease, for a type that is not known, and for params that do not fit', async () => {
      const claim = await claimed()
      const before = await stateOf(on.world, claim.task.id)
      expect(await refused(CHILD, { ...lease(claim), leaseToken: 'guessed', key: 'a', type })).toMatchObject([{ code: 'TASK_NOT_LEASED' }])
      expect(await refused(CHILD, { ...lease(claim), key: 'a', type }, bobsKey)).toMatchObject([{ code: 'NOT_FOUND', path: ['input', 'id'] }])
      expect(await refused(CHILD, { ...lease(claim), key: '', type })).toMatchObject([{ code: 'BAD_USER_INPUT', path: ['input', 'key'] }])
      expect(await refused(CHILD, { ...lease(claim), key: 'a', type: 'nobody.knows' })).toMatchObject([{ code: 'UNKNOWN_TASK_TYPE', path: ['input', 'type'] }])
      expect(await refused(CHILD, { ...lease(claim), key: 'a', type: 'test.held', params: { note: 1 } })).toMatchObject([
        { code: 'BAD_USER_INPUT', path: ['input', 'params', 'note'] },
      ])
      expect(await stateOf(on.world, claim.task.id)).toEqual(before)
    })
  })

  describe.each(Object.entries(MUTATIONS))('%s', (name, mutation) => {
    it('with another token, after the lease was lost, or by somebody else is refused, and changes nothing', async () => {
      const claim = await claimed()
      const before = await stateOf(on.world, claim.task.id)
      const wrong = [{ code: 'TASK_NOT_LEASED', path: ['input', 'leaseToken'] }]
      const absent = [{ code: 'NOT_FOUND', path: ['input', 'id'], message: 'Task not found.' }]
      expect(await refused(mutation, inputOf(name, { ...lease(claim), leaseToken: 'guessed' }))).toMatchObject(wrong)
      expect(await refused(mutation, inputOf(name, lease(claim)), bobsKey)).toEqual(absent)
      expect(await refused(mutation, inputOf(name, { ...lease(claim), id: newTaskId() }))).toEqual(absent)
      expect(await refused(mutation, inputOf(name, { ...lease(claim), id: 'nonsense' }))).toMatchObject([{ code: 'BAD_USER_INPUT', path: ['input', 'id'] }])
      expect(await stateOf(on.world, claim.task.id)).toEqual(before)

      await lapse(on.world, claim.task.id)
      await on.world.app.runner.sweep()
      const lost = await stateOf(on.world, claim.task.id)
      expect(await refused(mutation, inputOf(name, lease(claim)))).toMatchObject(wrong)
      expect(await stateOf(on.world, claim.task.id)).toEqual(lost)
      await does(COMPLETE, lease(await claimOne(on.world, key, type)))
    })

    it('needs the scope TASKS_WORK', async () => {
      const writer = await keyOf(on.world, on.ada, ['TASKS_READ', 'TASKS_WRITE'])
      const answer = await on.world.ask(mutation, { input: inputOf(name, { id: newTaskId(), leaseToken: 'x' }) }, writer)
      expect(answer.errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }])
    })
  })

  it('an ADMIN’s worker may work on what it claimed of others', async () => {
    const adminKey = await keyOf(on.world, on.admin)
    const { id } = await create({}, on.bob)
    const claim = await claimOne(on.world, adminKey, type)
    expect(claim.task.id).toBe(id)
    await does(BEAT, { ...lease(claim), progress: 0.5 }, adminKey)
    expect(await does(COMPLETE, { ...lease(claim), result: 1 }, adminKey)).toMatchObject({ task: { id, status: 'COMPLETED' } })
  })

  it.each([
    ['progress above 1', BEAT, { progress: 1.01 }, ['progress']],
    ['progress below 0', BEAT, { progress: -0.1 }, ['progress']],
    ['a long message', BEAT, { progressMessage: 'x'.repeat(1001) }, ['progressMessage']],
    ['many agents', BEAT, { agentsInvolved: Array.from({ length: 101 }, (_, i) => `a${i}`) }, ['agentsInvolved']],
    ['metrics that are no object', BEAT, { metrics: [1] }, ['metrics']],
    ['long metrics', BEAT, { metrics: { a: 'x'.repeat(20_000) } }, ['metrics']],
    ['a long result', COMPLETE, { result: 'x'.repeat(1_000_000) }, ['result']],
    ['a long summary', COMPLETE, { summary: 'x'.repeat(10_001) }, ['summary']],
    ['many files', COMPLETE, { files: Array.from({ length: 1001 }, (_, i) => ({ path: `f${i}`, change: 'READ' })) }, ['files']],
    ['a file without a place', COMPLETE, { files: [{ path: '', change: 'READ' }] }, ['files', '0', 'path']],
    ['no reason', FAIL, { error: '' }, ['error']],
    ['a negative pause', FAIL, { error: 'x', retryAfterSeconds: -1 }, ['retryAfterSeconds']],
    ['a pause of more than a day', FAIL, { error: 'x', retryAfterSeconds: 86_401 }, ['retryAfterSeconds']],
  ])('is refused %s, and goes on holding the task', async (_what, mutation, input, path) => {
    const claim = await claimed()
    const before = await stateOf(on.world, claim.task.id)
    expect(await refused(mutation, { ...lease(claim), ...input })).toMatchObject([{ code: 'BAD_USER_INPUT', path: ['input', ...path] }])
    expect(await stateOf(on.world, claim.task.id)).toEqual(before)
    await does(COMPLETE, lease(claim))
  })

  describe('says of many at once', () => {
    const strangers = async () => {
      const theirs = await create({}, on.bob)
      return { id: theirs.id, leaseToken: 'guessed' }
    }

    it('taskHeartbeatMany: that it lives; each that is refused is told, and the others are renewed', async () => {
      const [a, b] = [await claimed(), await claimed()]
      await does(CANCEL, { id: b.task.id }, on.ada.accessToken)
      const heartbeats = [
        { ...lease(a), progress: 0.5 },
        { ...lease(a), leaseToken: 'guessed' },
        lease(b),
        await strangers(),
        { id: newTaskId(), leaseToken: 'x' },
      ]
      const { heartbeats: renewed, refused: not } = await does(BEAT_MANY, { heartbeats })
      expect(renewed).toEqual([
        { id: a.task.id, cancelRequested: false, reason: null, leaseExpiresAt: expect.any(String) },
        { id: b.task.id, cancelRequested: true, reason: 'CANCELLED', leaseExpiresAt: expect.any(String) },
      ])
      const path = (index: number, field: string) => ['input', 'heartbeats', String(index), field]
      expect(not).toMatchObject([
        { index: 1, id: a.task.id, userErrors: [{ code: 'TASK_NOT_LEASED', path: path(1, 'leaseToken') }] },
        { index: 3, id: heartbeats[3]!.id, userErrors: [{ code: 'NOT_FOUND', path: path(3, 'id') }] },
        { index: 4, id: heartbeats[4]!.id, userErrors: [{ code: 'NOT_FOUND', path: path(4, 'id') }] },
      ])
      expect(await read(on.world, on.ada, a.task.id)).toMatchObject({ progress: 0.5 })
      await does(RELEASE, lease(b))
      await does(COMPLETE, lease(a))
    })

    it('taskCompleteMany: what came of them; each is judged by itself', async () => {
      const [a, b, c] = [await claimed(), await claimed(), await claimed()]
      const completions = [
        { ...lease(a), result: 'a' },
        { ...lease(a), result: 'again' },
        { ...lease(b), leaseToken: 'guessed' },
        { ...lease(c), result: 'c' },
        await strangers(),
      ]
      const input = { completions, idempotencyKey: `many ${a.task.id}` }
      const answer = await does(COMPLETE_MANY, input)
      expect(answer.tasks).toEqual([
        { id: a.task.id, status: 'COMPLETED', result: 'a' },
        { id: c.task.id, status: 'COMPLETED', result: 'c' },
      ])
      // biome-ignore lint/suspicious/noExplicitAny: as it comes
      expect(answer.refused.map(({ index, id, userErrors: [error] }: any) => [index, id, error.code, error.path.at(-1)])).toEqual([
        [1, a.task.id, 'TASK_NOT_LEASED', 'leaseToken'],
        [2, b.task.id, 'TASK_NOT_LEASED', 'leaseToken'],
        [4, completions[4]!.id, 'NOT_FOUND', 'id'],
      ])
      expect(await read(on.world, on.ada, b.task.id)).toMatchObject({ status: 'RUNNING' })
      expect(await does(COMPLETE_MANY, input)).toEqual(answer)
      await does(COMPLETE, lease(b))
    })

    it('nothing is done where one of them is malformed, or there are none or too many', async () => {
      const a = await claimed()
      const before = await stateOf(on.world, a.task.id)
      const many = Array.from({ length: 101 }, () => lease(a))
      expect(await refused(COMPLETE_MANY, { completions: [lease(a), { ...lease(a), summary: 'x'.repeat(10_001) }] })).toMatchObject([
        { path: ['input', 'completions', '1', 'summary'] },
      ])
      expect(await refused(COMPLETE_MANY, { completions: [] })).toMatchObject([{ path: ['input', 'completions'] }])
      expect(await refused(COMPLETE_MANY, { completions: many })).toMatchObject([{ path: ['input', 'completions'] }])
      expect(await refused(BEAT_MANY, { heartbeats: [lease(a), { id: 'x', leaseToken: 'y' }] })).toMatchObject([{ path: ['input', 'heartbeats', '1', 'id'] }])
      expect(await refused(BEAT_MANY, { heartbeats: many })).toMatchObject([{ path: ['input', 'heartbeats'] }])
      expect(await stateOf(on.world, a.task.id)).toEqual(before)
      await does(COMPLETE, lease(a))
    })
  })
})
