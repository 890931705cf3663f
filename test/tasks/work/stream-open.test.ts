import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { dialects } from '../../kit/databases.ts'
import { APPEND, CHUNKS, COMPLETE as END, HEARTBEAT, OPEN, read as readStream, START, FAIL as STREAM_FAIL, stateOf, texts } from '../../streams/stream.ts'
import { CREATE, kindsOf, lapse, openTaskWorld, type TaskWorld } from '../task.ts'
import { type Claim, COMPLETE, claimOne, FAIL, keyOf, lease, REGISTER, RELEASE } from './work.ts'

describe.each(dialects())('streamOpen with a lease on %s', (dialect) => {
  let on: TaskWorld
  let key: string
  let type: string
  let tests = 0
  beforeAll(async () => {
    on = await openTaskWorld(dialect, { env: { TASK_CONCURRENCY: '0' } })
    key = await keyOf(on.world, on.ada, ['TASKS_WORK', 'STREAMS_WRITE', 'STREAMS_READ'])
  })
  beforeEach(async () => {
    type = `work.t${++tests}`
    await on.world.does(REGISTER, { input: { name: type } }, key)
  })
  afterAll(() => on.world.close())

  const claimed = async (input: object = {}): Promise<Claim> => {
    const { task } = await on.world.does(CREATE, { input: { type, ...input } }, on.ada)
    const got = await claimOne(on.world, key, type)
    expect(got.task.id).toBe(task.id)
    return got
  }
  const open = async (claim: Claim, input: object = {}) => {
    const payload = await on.world.does(OPEN, { input: { taskId: claim.task.id, leaseToken: claim.leaseToken, ...input } }, key)
    return { id: payload.stream.id as string, producerToken: payload.producerToken as string }
  }
  const does = (mutation: string, input: object) => on.world.does(mutation, { input }, key)
  const refused = (mutation: string, input: object) => on.world.refused(mutation, { input }, key)
  const stream = (id: string) => readStream(on.world, on.ada, id)

  it('lets the attempt write a stream that belongs to its task, and ends with it', async () => {
    const claim = await claimed()
    const opened = await open(claim, { model: 'own/one', provider: 'own' })
    expect(await stream(opened.id)).toMatchObject({
      status: 'PENDING',
      attempt: 1,
      model: 'own/one',
      provider: 'own',
      task: { id: claim.task.id },
      leaseExpiresAt: null,
    })
    const live = await on.world.follow(CHUNKS, { id: opened.id }, on.ada)
    await live.take()
    await does(APPEND, { ...opened, afterSeq: -1, chunks: texts('as it ', 'comes') })
    await does(HEARTBEAT, opened)
    expect(await live.take()).toMatchObject({ text: 'as it comes', lastSeq: 1, status: 'STREAMING' })
    await does(COMPLETE, { ...lease(claim), result: 'as it comes' })
    expect((await live.until(({ status }) => status === 'COMPLETED')).at(-1)).toMatchObject({ lastSeq: 1 })
    expect(await stream(opened.id)).toMatchObject({ status: 'COMPLETED', text: 'as it comes', attempt: 1 })
    expect(await kindsOf(on.world, claim.task.id)).toEqual(['CREATED', 'STARTED', 'STREAM_OPENED', 'COMPLETED'])
    expect(await refused(APPEND, { ...opened, afterSeq: 1, chunks: texts('late') })).toMatchObject([{ code: 'STREAM_NOT_OPEN' }])
  })

  it('takes up the stream that waits for the attempt: what streamStart opened can be written elsewhere', async () => {
    const started = await on.world.does(START, { input: { prompt: 'Tell me of the sea.' } }, on.ada)
    const adminKey = await keyOf(on.world, on.admin, ['TASKS_WORK', 'STREAMS_WRITE'])
    const claim = await claimOne(on.world, adminKey, 'text.generate')
    expect(claim.task.id).toBe(started.task.id)
    const payload = await on.world.does(OPEN, { input: { taskId: claim.task.id, leaseToken: claim.leaseToken, model: 'own/two' } }, adminKey)
    expect(payload.stream).toMatchObject({ id: started.stream.id, attempt: 1, model: 'own/two' })
    const by = { id: payload.stream.id, producerToken: payload.producerToken }
    await on.world.does(APPEND, { input: { ...by, afterSeq: -1, chunks: texts('Wet.') } }, adminKey)
    await on.world.does(COMPLETE, { input: lease(claim) }, adminKey)
    expect(await stream(by.id)).toMatchObject({ status: 'COMPLETED', text: 'Wet.' })
  })

  it('gives each attempt a token of its own: one that lost its lease writes nothing more, not even to a stream that was still empty', async () => {
    const claim = await claimed()
    const [empty, begun] = [await open(claim), await open(claim)]
    await does(APPEND, { ...begun, afterSeq: -1, chunks: texts('half') })
    await lapse(on.world, claim.task.id)
    await on.world.app.runner.sweep()
    expect(await stream(begun.id)).toMatchObject({ status: 'INTERRUPTED', text: 'half' })
    for (const attempt of ['lost', 'taken up']) {
      if (attempt === 'taken up') {
        const again = await claimOne(on.world, key, type)
        const opened = await open(again)
        expect(opened.id).toBe(empty.id)
        expect(opened.producerToken).not.toBe(empty.producerToken)
      }
      const before = await stateOf(on.world, empty.id)
      const stale = [{ code: 'PRODUCER_STALE', path: ['input', 'producerToken'] }]
      expect(await refused(APPEND, { ...empty, afterSeq: -1, chunks: texts('late') })).toMatchObject(stale)
      for (const mutation of [HEARTBEAT, END]) expect(await refused(mutation, empty)).toMatchObject(stale)
      expect(await refused(STREAM_FAIL, { ...empty, error: 'late' })).toMatchObject(stale)
      expect(await refused(OPEN, { taskId: claim.task.id, leaseToken: claim.leaseToken })).toMatchObject([
        { code: 'TASK_NOT_LEASED', path: ['input', 'leaseToken'] },
      ])
      expect(await stateOf(on.world, empty.id)).toEqual(before)
    }
  })

  it('of an attempt that fails or is given back fails or is interrupted with it; the next one opens its own', async () => {
    const claim = await claimed()
    const first = await open(claim)
    await does(APPEND, { ...first, afterSeq: -1, chunks: texts('one') })
    await does(RELEASE, lease(claim))
    expect(await stream(first.id)).toMatchObject({ status: 'INTERRUPTED', text: 'one' })
    const again = await claimOne(on.world, key, type)
    const second = await open(again)
    await does(APPEND, { ...second, afterSeq: -1, chunks: texts('two') })
    await does(FAIL, { ...lease(again), error: 'Broken.', retry: false })
    expect(await stream(second.id)).toMatchObject({ status: 'FAILED', text: 'two', attempt: 2, error: 'Broken.' })
  })

  it('may be ended before the task', async () => {
    const claim = await claimed()
    const opened = await open(claim)
    await does(END, { ...opened, afterSeq: -1, chunks: texts('all') })
    expect(await stream(opened.id)).toMatchObject({ status: 'COMPLETED', text: 'all' })
    await does(COMPLETE, lease(claim))
  })

  it('sent again with the same idempotency key is the same stream and token', async () => {
    const claim = await claimed()
    const first = await open(claim, { idempotencyKey: claim.task.id })
    expect(await open(claim, { idempotencyKey: claim.task.id })).toEqual(first)
    expect(await on.world.client.stream.count({ where: { taskId: claim.task.id.slice(5) } })).toBe(1)
    await does(COMPLETE, lease(claim))
  })

  it.each([
    ['without the task', { taskId: undefined }, 'BAD_USER_INPUT', 'taskId'],
    ['with an id of one’s own', { id: 'Stream:01980000-0000-7000-8000-000000000000' }, 'BAD_USER_INPUT', 'id'],
    ['with another token', { leaseToken: 'guessed' }, 'TASK_NOT_LEASED', 'leaseToken'],
  ])('is refused %s', async (_what, input, code, field) => {
    const claim = await claimed()
    expect(await refused(OPEN, { taskId: claim.task.id, leaseToken: claim.leaseToken, ...input })).toMatchObject([{ code, path: ['input', field] }])
    expect(await on.world.client.stream.count({ where: { taskId: claim.task.id.slice(5) } })).toBe(0)
    await does(COMPLETE, lease(claim))
  })

  it('is refused for another’s task, and a token of one stream is none of another', async () => {
    const claim = await claimed()
    const bobsKey = await keyOf(on.world, on.bob, ['TASKS_WORK', 'STREAMS_WRITE'])
    expect(await on.world.refused(OPEN, { input: { taskId: claim.task.id, leaseToken: claim.leaseToken } }, bobsKey)).toMatchObject([
      { code: 'NOT_FOUND', path: ['input', 'taskId'] },
    ])
    const [a, b] = [await open(claim), await open(claim)]
    const forged = [
      b.producerToken,
      a.producerToken.replace('hfp_1.', 'hfp_2.'),
      a.producerToken.replace('hfp_1.', 'hfp_'),
      'hfp_1.',
      `hfp_${'9'.repeat(12)}.x`,
    ]
    for (const producerToken of forged)
      expect(await refused(APPEND, { id: a.id, producerToken, afterSeq: -1, chunks: texts('x') })).toMatchObject([{ code: 'PRODUCER_STALE' }])
    await does(COMPLETE, lease(claim))
  })
})
