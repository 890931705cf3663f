import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DomainError, errorCode } from '../../src/core/errors.ts'
import { buildSchema } from '../../src/graphql/schema.ts'
import { serve } from '../../src/server/serve.ts'
import { TaskTypes } from '../../src/tasks/task-type.ts'
import { Api } from '../../src/worker/api.ts'
import { ApiWorker } from '../../src/worker/api-worker.ts'
import { dialects } from '../kit/databases.ts'
import { bare, CANCEL, CREATE, kindsOf, lapse, openTaskWorld, read, stateOf, type TaskWorld, whenStatus, whenTask } from '../tasks/task.ts'
import { keyOf } from '../tasks/work/work.ts'
import { Wire } from './wire.ts'

const BROKEN = errorCode('TEST_BROKEN', 'Only in tests.')
class Broken extends DomainError {
  override readonly retryable: boolean
  constructor(retryable: boolean) {
    super(BROKEN, 'It is broken.')
    this.retryable = retryable
  }
}

const silent = { warn() {}, info() {}, debug() {} }
const STREAMS = 'query ($id: ID!) { task(id: $id) { streams { nodes { status text lastSeq attempt chunks(first: 100) { seq kind } } } } }'

describe.each(dialects())('a worker over the API of a server on %s', (dialect) => {
  let on: TaskWorld
  let server: Awaited<ReturnType<typeof serve>>
  let wire: Wire
  let key: string
  const workers: ApiWorker[] = []

  beforeEach(async () => {
    on = await openTaskWorld(dialect, { env: { TASK_CONCURRENCY: '0', PORT: '0', MAX_BODY_BYTES: '1000000' } })
    server = await serve(on.world.app, buildSchema())
    wire = await Wire.to(server.port)
    key = await keyOf(on.world, on.admin, ['TASKS_WORK', 'STREAMS_WRITE'])
  })
  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.stop()))
    await wire.close()
    await server.close()
    await on.world.close()
  })

  /** Runs what the tests hold in their hands. */
  const start = (name = 'worker', options: { key?: string; leaseSeconds?: number } = {}): { worker: ApiWorker; ended: Promise<void> } => {
    const types = new TaskTypes()
    on.held.register(types)
    on.scripts.register(types)
    const api = new Api(wire.url, options.key ?? key, silent)
    const worker = new ApiWorker(api, types, { names: types.names, worker: name, concurrency: 8, log: silent, leaseSeconds: options.leaseSeconds ?? 30 })
    workers.push(worker)
    return { worker, ended: worker.run() }
  }
  const create = async (input: object, user = on.ada) => (await on.world.does(CREATE, { input: { type: 'test.held', ...input } }, user)).task
  const scripted = (script: string, input: object = {}) => create({ type: 'test.scripted', params: { script }, ...input })
  const streamsOf = async (id: string) => (await on.world.ask(STREAMS, { id }, on.ada)).data.task.streams.nodes

  it('runs what waits by the same functions, and tells what came of it', async () => {
    on.scripts.write('works', async (task) => {
      expect(task).toMatchObject({ attempt: 1, ownerId: bare(on.ada.id) })
      task.progress(0.5, 'half')
      return { result: { of: task.id }, summary: 'Done.', agentsInvolved: ['a'], metrics: { n: 1 }, files: [{ path: 'x', change: 'READ' }] }
    })
    start('elsewhere')
    const { id } = await scripted('works')
    expect(await whenStatus(on.world, on.ada, id, 'COMPLETED')).toMatchObject({ result: { of: bare(id) }, summary: 'Done.', agentsInvolved: ['a'], attempt: 1 })
    const row = await on.world.client.task.findUnique({ where: { id: bare(id) } })
    expect(row).toMatchObject({ lastWorker: 'elsewhere', metrics: { n: 1 }, files: [{ path: 'x', change: 'READ' }] })
  })

  it('tells how far it is while it works', async () => {
    start()
    const { id } = await create({})
    const { task, complete } = await on.held.run(id)
    task.progress(0.25, 'a quarter')
    expect(await whenTask(on.world, on.ada, id, ({ progress }) => progress === 0.25)).toMatchObject({ progressMessage: 'a quarter' })
    task.progress(7, 'no \0 such')
    expect(await whenTask(on.world, on.ada, id, ({ progress }) => progress === 1)).toMatchObject({ progressMessage: 'no \ufffd such' })
    complete({})
    await whenStatus(on.world, on.ada, id, 'COMPLETED')
  })

  it('writes streams as they come; their pieces are the text', async () => {
    const long = 'длинное '.repeat(20_000)
    on.scripts.write('writes', async (task) => {
      const [stream, other] = [await task.openStream({ model: 'm', provider: 'p' }), await task.openStream({})]
      for (let i = 0; i < 30; i++) await stream.write('TEXT', `${i} `)
      await stream.write('TEXT', '\ud83c')
      await stream.write('TEXT', '\udf0a')
      await stream.write('REASONING', 'hm')
      await other.write('TEXT', long)
      return {}
    })
    start()
    const { id } = await scripted('writes')
    await whenStatus(on.world, on.ada, id, 'COMPLETED')
    const [stream, other] = await streamsOf(id)
    expect(stream).toMatchObject({ status: 'COMPLETED', attempt: 1, text: `${Array.from({ length: 30 }, (_, i) => `${i} `).join('')}\u{1f30a}` })
    expect(stream.chunks.map(({ seq }: { seq: number }) => seq)).toEqual(Array.from({ length: 32 }, (_, i) => i))
    expect(other).toMatchObject({ status: 'COMPLETED', text: long })
  })

  it('hears of a cancel, and the task ends with what it wrote', async () => {
    start()
    const { id } = await create({})
    const { task } = await on.held.run(id)
    const stream = await task.openStream({})
    await stream.write('TEXT', 'as far as it got')
    await on.world.does(CANCEL, { input: { id } }, on.ada)
    await whenStatus(on.world, on.ada, id, 'CANCELLED')
    expect(task.signal.aborted).toBe(true)
    expect(await streamsOf(id)).toMatchObject([{ status: 'CANCELLED', text: 'as far as it got' }])
  })

  it('hears that its time is over; that costs an attempt', async () => {
    start()
    const { id } = await create({ timeoutSeconds: 1, maxAttempts: 1 })
    expect(await whenStatus(on.world, on.ada, id, 'FAILED')).toMatchObject({ error: 'The attempt took longer than the task allows.', attempt: 1 })
    expect((await on.held.run(id)).task.signal.aborted).toBe(true)
  })

  it.each([
    ['for good', new Broken(false), { status: 'FAILED', error: 'It is broken.' }],
    ['for now', new Broken(true), { status: 'QUEUED', error: 'It is broken.' }],
    [
      'with an error of its own',
      new Error('secret'),
      { status: 'QUEUED', error: 'The task failed with an internal error; the worker’s log tells more under the id of the task.' },
    ],
  ])('tells that a function failed %s', async (_how, error, expected) => {
    start()
    const { id } = await create({ retryPolicy: { initialSeconds: 3600 } })
    ;(await on.held.run(id)).fail(error)
    expect(await whenTask(on.world, on.ada, id, (task) => task.error !== null)).toMatchObject(expected)
  })

  it('tells that what came of it is too much', async () => {
    start()
    const { id } = await create({})
    ;(await on.held.run(id)).complete({ result: 'x'.repeat(990_001), summary: 'y'.repeat(10_001) })
    const task = await whenStatus(on.world, on.ada, id, 'FAILED')
    expect(task.error).toMatch(/^What came of it was refused: /)
  })

  it('makes children that belong to the owner, gives its place up, and finds what came of them', async () => {
    on.scripts.write('before', async () => ({ result: 'before' }))
    const { id: before } = await scripted('before')
    on.scripts.write('parent', async (task) => {
      const children = await task.children()
      if (task.attempt === 1) {
        const made = [
          await task.createChild('a', { type: 'test.scripted', params: { script: 'child', n: 1 } }),
          await task.createChild('a', { type: 'test.scripted', params: { script: 'child', n: 2 } }),
        ]
        expect(made[1]).toBe(made[0])
        return { waitForChildren: true }
      }
      return { result: [children.map(({ status, result }) => [status, result]), (await task.dependencies()).find(({ id }) => id === bare(before))?.result] }
    })
    on.scripts.write('child', async (task) => ({ result: task.params.n }))
    start()
    const { id } = await scripted('parent', { dependsOn: [before] })
    expect(await whenStatus(on.world, on.ada, id, 'COMPLETED')).toMatchObject({ attempt: 2, result: [[['COMPLETED', 1]], 'before'] })
    expect(await on.world.client.task.findMany({ where: { parentId: bare(id) } })).toMatchObject([{ ownerId: bare(on.ada.id) }])
  })

  it('that lost its lease stops, and what it still says changes nothing', async () => {
    start()
    const { id } = await create({})
    const first = await on.held.run(id)
    await lapse(on.world, id)
    await on.world.app.runner.sweep()
    const second = await on.held.run(id, 2)
    await expect.poll(() => first.task.signal.aborted).toBe(true)
    const before = await stateOf(on.world, id)
    first.complete({ result: 'late' })
    expect(await stateOf(on.world, id)).toEqual(before)
    second.complete({ result: 'second' })
    expect(await whenStatus(on.world, on.ada, id, 'COMPLETED')).toMatchObject({ result: 'second', attempt: 2 })
  })

  it('that stops gives back what it works on, at no cost of an attempt, and another takes it up', async () => {
    const { worker, ended } = start('first')
    const { id } = await create({ maxAttempts: 1 })
    await on.held.run(id)
    await worker.stop()
    await ended
    const { status, attempt, maxAttempts, worker: holder } = await whenStatus(on.world, on.ada, id, 'QUEUED')
    expect([status, holder, maxAttempts]).toEqual(['QUEUED', null, attempt + 1])
    start('second')
    ;(await on.held.run(id, attempt + 1)).complete({ result: 2 })
    expect(await whenStatus(on.world, on.ada, id, 'COMPLETED')).toMatchObject({ result: 2, attempt: attempt + 1 })
    expect((await kindsOf(on.world, id)).filter((kind) => kind === 'LEASE_LOST')).toEqual([])
  })

  it('goes on with the same attempt when the server is back', async () => {
    start()
    const { id } = await create({})
    const { task, complete } = await on.held.run(id)
    const stream = await task.openStream({})
    await stream.write('TEXT', 'before ')
    wire.isDown = true
    await stream.write('TEXT', 'meanwhile ')
    task.progress(0.9, 'meanwhile')
    await wire.refused(5)
    complete({ result: 'done' })
    await wire.refused(3)
    expect(await read(on.world, on.ada, id)).toMatchObject({ status: 'RUNNING', progress: null })
    wire.isDown = false
    expect(await whenStatus(on.world, on.ada, id, 'COMPLETED')).toMatchObject({ result: 'done', attempt: 1 })
    expect(await streamsOf(id)).toMatchObject([{ status: 'COMPLETED', text: 'before meanwhile ' }])
  })

  it('does nothing twice though half of the answers are lost', async () => {
    on.scripts.write('careful', async (task) => {
      const stream = await task.openStream({})
      for (let i = 0; i < 12; i++) {
        await stream.write('TEXT', `${i} `)
        await new Promise((resolve) => setImmediate(resolve))
      }
      await task.createChild('only', { type: 'test.scripted', params: { script: 'child' } })
      return { result: 'once' }
    })
    on.scripts.write('child', async () => ({ result: 'once' }))
    wire.losesHalf = true
    start('unlucky', { leaseSeconds: 5 })
    const ids = await Promise.all(Array.from({ length: 6 }, async () => (await scripted('careful')).id))
    for (const id of ids) {
      const { attempt } = await whenStatus(on.world, on.ada, id, 'COMPLETED')
      const streams = await streamsOf(id)
      expect(streams.at(-1)).toMatchObject({ status: 'COMPLETED', text: '0 1 2 3 4 5 6 7 8 9 10 11 ', attempt })
      expect(await on.world.client.task.count({ where: { parentId: bare(id) } })).toBe(1)
      expect((await kindsOf(on.world, id)).filter((kind) => kind === 'COMPLETED')).toHaveLength(1)
    }
    expect(wire.lost).toBeGreaterThan(10)
  }, 180_000)

  it('two of them share the work, each task once', async () => {
    const runs: string[] = []
    on.scripts.write('noted', async (task) => {
      runs.push(task.id)
      return { result: task.id }
    })
    start('one')
    start('two')
    const ids = await Promise.all(Array.from({ length: 40 }, async () => (await scripted('noted')).id))
    for (const id of ids) expect(await whenStatus(on.world, on.ada, id, 'COMPLETED')).toMatchObject({ result: bare(id), attempt: 1 })
    expect(runs.sort()).toEqual(ids.map(bare).sort())
  })

  it('is told when it may not work here', async () => {
    const refusal = async (by: string) => (await start('stranger', { key: by }).ended.catch((error: unknown) => error)) as { code: string }
    expect(await refusal('hf_nobody')).toMatchObject({ code: 'UNAUTHENTICATED' })
    expect(await refusal(await keyOf(on.world, on.admin, ['TASKS_READ']))).toMatchObject({ code: 'FORBIDDEN' })
    expect(await refusal(await keyOf(on.world, on.ada))).toMatchObject({ code: 'TASK_TYPE_BUILT_IN' })
  })
})
