import os from 'node:os'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { processType } from '../../../src/tasks/process/process-type.ts'
import { dialects } from '../../kit/databases.ts'
import { bare, CANCEL, create, does, due, kindsOf, openTaskWorld, type TaskWorld, whenStatus, whenTask } from '../task.ts'
import { isRunning, whenGone } from './pids.ts'

const module = new URL('./work.ts', import.meta.url)
const params = z.strictObject({ does: z.string(), with: z.unknown().optional() })
const type = { description: 'Does in a process what a test asks for.', params, module }

describe.each(dialects())('a task in a process of its own on %s', { timeout: 60_000 }, (dialect) => {
  let on: TaskWorld
  beforeAll(async () => {
    on = await openTaskWorld(dialect, {
      env: { TASK_CONCURRENCY: '4' },
      extend: (types) => {
        types.register(processType({ ...type, name: 'test.process' }))
        types.register(processType({ ...type, name: 'test.small', limits: { heapMb: 64, residentMb: 250 } }))
        types.register(processType({ ...type, name: 'test.brief', limits: { seconds: 1 } }))
        types.register(processType({ ...type, name: 'test.missing', module: new URL('./missing.ts', import.meta.url) }))
      },
    })
  })
  afterAll(() => on.world.close())

  const start = (deed: string, input: object = {}, given?: unknown) =>
    create(on.world, on.ada, { type: 'test.process', params: { does: deed, ...(given !== undefined && { with: given }) }, maxAttempts: 1, ...input })
  const ended = async (deed: string, input: object = {}, given?: unknown) =>
    whenStatus(on.world, on.ada, (await start(deed, input, given)).id, 'COMPLETED', 'FAILED')
  /** The numbers a task's process has told as its progress. */
  const told = async (id: string): Promise<number[]> =>
    (await whenTask(on.world, on.ada, id, (task) => task.progress === 0.5)).progressMessage.split(' ').map(Number)
  const streamsOf = async (id: string) =>
    (await on.world.ask('query ($id: ID!) { task(id: $id) { streams { nodes { id status text model } } } }', { id }, on.ada)).data.task.streams.nodes

  it.concurrent('is told all that a function in the server is told, and nothing of the server’s environment', async () => {
    const { id, status, result, summary, agentsInvolved } = await ended('introduce', {}, { a: ['ü', null] })
    expect({ status, summary, agentsInvolved }).toEqual({ status: 'COMPLETED', summary: 'Introduced.', agentsInvolved: ['somebody'] })
    const { pid, priority, ...known } = result
    expect(known).toEqual({ id: bare(id), ownerId: bare(on.ada.id), attempt: 1, with: { a: ['ü', null] }, aborted: false, environment: {} })
    expect(pid).not.toBe(process.pid)
    expect(priority).toBeGreaterThan(os.getPriority())
  })

  it.concurrent('keeps its lease while it computes for longer than a lease lasts, and is heard meanwhile', async () => {
    const { id } = await start('compute', {}, { steps: 12, stepMs: 1000 })
    const half = await whenTask(on.world, on.ada, id, (task) => task.progress >= 0.5)
    expect(half).toMatchObject({ status: 'RUNNING', attempt: 1 })
    const task = await whenStatus(on.world, on.ada, id, 'COMPLETED', 'FAILED', 'QUEUED')
    expect(task).toMatchObject({ status: 'COMPLETED', attempt: 1, progressMessage: 'step 12' })
    expect(task.durationMs).toBeGreaterThan(12_000)
    expect(await kindsOf(on.world, id)).not.toContain('LEASE_LOST')
    const [stream] = await streamsOf(id)
    expect(stream).toEqual({ id: `Stream:${task.result.streamId}`, status: 'COMPLETED', text: '1 2 3 4 5 6 7 8 9 10 11 12 ', model: 'none' })
  })

  it.concurrent('writes more than anybody could hold, in order, as fast as the database takes it', async () => {
    const { id } = await ended('writeMuch', {}, 20_000)
    const [{ text, status }] = await streamsOf(id)
    expect(status).toBe('COMPLETED')
    expect(text).toBe(Array.from({ length: 20_000 }, (_, i) => `${i},`).join(''))
  })

  it.concurrent('fails with the words of its function, and is tried again when these say so', async () => {
    const { id } = await start('failForNow', { maxAttempts: 2 })
    const task = await whenTask(on.world, on.ada, id, (now) => now.attempt === 1 && now.status !== 'RUNNING')
    expect(task).toMatchObject({ status: 'QUEUED', error: 'The other side is busy.' })
    expect(new Date(task.runAt).getTime() - Date.now()).toBeGreaterThan(500_000)
  })

  it.concurrent.each(['failInPrivate', 'failOutsideItsFunction', 'answerWithoutJson'])(
    'shows nothing of an error that was not meant for users (%s)',
    async (deed) => {
      expect(await ended(deed)).toMatchObject({ status: 'FAILED', error: expect.stringMatching(/^The task failed with an internal error/), result: null })
    },
  )

  it.concurrent('says how its process ended when that was before the task did, and tries again', async () => {
    expect(await ended('exit', {}, 7)).toMatchObject({ status: 'FAILED', error: 'The process of the task ended unexpectedly (exit code 7).' })
    expect(await ended('killItself', {}, 'SIGSEGV')).toMatchObject({ error: 'The process of the task ended unexpectedly (signal SIGSEGV).' })
    const { id } = await start('killItself', { maxAttempts: 2 }, 'SIGKILL')
    expect(await whenTask(on.world, on.ada, id, (task) => task.status === 'QUEUED' && task.attempt === 1)).toMatchObject({
      error: 'The process of the task ended unexpectedly (it was killed, by hand or because the machine had no memory left).',
    })
    await due(on.world, id)
    expect(await whenStatus(on.world, on.ada, id, 'FAILED')).toMatchObject({ attempt: 2 })
  })

  it.concurrent('fails at once where it needs more heap, memory or time than its type may', async () => {
    const tooMuch = (mb: string) => `The process of the task needed more memory than it may take (${mb}).`
    for (const [deed, name, error] of [
      ['fillHeap', 'test.small', tooMuch('64 MB of heap')],
      ['fillMemory', 'test.small', tooMuch('250 MB')],
      ['computeForever', 'test.brief', 'The process of the task took longer than 1 s.'],
    ])
      expect(await ended(deed!, { type: name, maxAttempts: 3 })).toMatchObject({ status: 'FAILED', attempt: 1, error })
  })

  it.concurrent('fails where its module cannot be loaded, or tells what nobody can', async () => {
    for (const [deed, input] of [
      ['introduce', { type: 'test.missing' }],
      ['speakOutOfTurn', {}],
    ] as const)
      expect(await ended(deed, input)).toMatchObject({ status: 'FAILED', error: expect.stringMatching(/^The task failed with an internal error/) })
  })

  it.concurrent('may print as much as it likes', async () => {
    expect(await ended('printMuch')).toMatchObject({ status: 'COMPLETED', result: 'done' })
  })

  it.concurrent('has ended with its last word, whatever it goes on with', async () => {
    expect(await ended('neverLetGo')).toMatchObject({ status: 'COMPLETED', result: 'done' })
  })

  it.concurrent('is ended by a cancel, also when it never looks up from computing', async () => {
    const { id } = await start('computeForever')
    const [pid] = await told(id)
    await does(on.world, CANCEL, { id }, on.ada)
    expect(await whenStatus(on.world, on.ada, id, 'CANCELLED', 'FAILED')).toMatchObject({ status: 'CANCELLED' })
    await whenGone(pid!)
  })

  it.concurrent('may end by itself when it is cancelled', async () => {
    const { id } = await start('waitForAbort')
    const [pid] = await told(id)
    await does(on.world, CANCEL, { id }, on.ada)
    await whenStatus(on.world, on.ada, id, 'CANCELLED', 'COMPLETED')
    expect(await streamsOf(id)).toMatchObject([{ text: 'ended by itself: The task was cancelled.' }])
    await whenGone(pid!)
  })

  it.concurrent('is ended by a cancel together with all it has started, whatever that ignores', async () => {
    const { id } = await start('ignoreAbort')
    const pids = await told(id)
    expect(pids.map(isRunning)).toEqual([true, true])
    await does(on.world, CANCEL, { id }, on.ada)
    expect(await whenStatus(on.world, on.ada, id, 'CANCELLED', 'FAILED')).toMatchObject({ status: 'CANCELLED' })
    for (const pid of pids) await whenGone(pid)
  })

  it.concurrent('leaves nothing behind that it has started', async () => {
    const { result } = await ended('leaveOneBehind')
    await whenGone(result.pid)
  })

  it.concurrent('knows what it depends on and makes children, each once', async () => {
    const first = await ended('introduce')
    const { status, result } = await ended('askForRelatives', { dependsOn: [first.id] })
    expect(status).toBe('COMPLETED')
    expect(result.dependencies).toMatchObject([{ id: bare(first.id), type: 'test.process', status: 'COMPLETED', result: first.result }])
    expect(result.same).toBe(result.child)
    expect(result.children).toMatchObject([{ id: result.child, type: 'test.held', status: 'QUEUED' }])
    expect(result.refused.message).toContain('test.unknown')
  })

  it('is queued again when the server stops, and its process is gone', async () => {
    const id = (await start('computeForever', { maxAttempts: 3 })).id
    const [pid] = await told(id)
    await on.world.app.runner.stop()
    const row = await on.world.client.task.findUniqueOrThrow({ where: { id: bare(id) } })
    expect(row).toMatchObject({ status: 'QUEUED', leaseToken: null })
    await whenGone(pid!)
  })
})
