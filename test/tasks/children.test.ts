import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DomainError } from '../../src/core/errors.ts'
import { newId } from '../../src/core/ids.ts'
import type { Work } from '../../src/events/work.ts'
import type { Lease } from '../../src/tasks/task.ts'
import { taskCancel } from '../../src/tasks/task-cancel.ts'
import { taskComplete } from '../../src/tasks/task-complete.ts'
import { taskDelete } from '../../src/tasks/task-delete.ts'
import { taskFail } from '../../src/tasks/task-fail.ts'
import { childCreate } from '../../src/tasks/task-relatives.ts'
import { taskReleaseCancelled } from '../../src/tasks/task-release.ts'
import { type TaskUpdate, taskUpdate } from '../../src/tasks/task-update.ts'
import { taskWait } from '../../src/tasks/task-wait.ts'
import { dialects } from '../kit/databases.ts'
import { Engine } from './engine.ts'
import { bare, CANCEL, create, does, due, kindsOf, openTaskWorld, stateOf, type TaskWorld, whenStatus, whenTask } from './task.ts'

const FAILURE = { error: 'It broke.', retry: false }
class Later extends DomainError {
  override readonly retryable = true
  constructor() {
    super('UNAVAILABLE', 'Not just now.')
  }
}

describe.each(dialects())('a task with children on %s', (dialect) => {
  let on: TaskWorld
  beforeAll(async () => {
    on = await openTaskWorld(dialect, { env: { TASK_CONCURRENCY: '30' } })
  })
  afterAll(() => on.world.close())

  const scripted = (script: string, input: object = {}) => create(on.world, on.ada, { type: 'test.scripted', params: { script }, ...input })
  const childrenOf = (id: string) => on.world.client.task.findMany({ where: { parentId: bare(id) }, orderBy: [{ createdAtMs: 'asc' }, { id: 'asc' }] })
  const global = ({ id }: { id: string }) => `Task:${id}`

  it('waits for them without a worker, and goes on with what came of them as a further attempt that costs none', async () => {
    on.scripts.write('before', async () => ({}))
    on.scripts.write('parent', async (task) => {
      const children = await task.children()
      if (task.attempt === 1) {
        for (const key of ['one', 'two']) await task.createChild(key, { type: 'test.held', params: { note: key } })
        return { waitForChildren: true }
      }
      // It depends on another one, and has only waited for these.
      expect((await task.dependencies()).map((each) => `Task:${each.id}`)).toEqual([before.id])
      return { result: children.map(({ status, result, error }) => ({ status, result, error })) }
    })
    const before = await scripted('before')
    const { id } = await scripted('parent', { maxAttempts: 1, dependsOn: [before.id] })
    const waiting = await whenTask(on.world, on.ada, id, (task) => task.attempt === 1 && task.status === 'QUEUED')
    expect(waiting).toMatchObject({ maxAttempts: 2, worker: null })
    const [one, two] = await childrenOf(id)
    ;(await on.held.run(global(one!))).complete({ result: 1 })
    await whenStatus(on.world, on.ada, global(one!), 'COMPLETED')
    ;(await on.held.run(global(two!))).fail(new (class extends DomainError {})('BAD_USER_INPUT', 'Two is bad.'))
    expect(await whenStatus(on.world, on.ada, id, 'COMPLETED')).toMatchObject({
      attempt: 2,
      result: [
        { status: 'COMPLETED', result: 1, error: null },
        { status: 'FAILED', result: null, error: 'Two is bad.' },
      ],
    })
    const kinds = (await kindsOf(on.world, id)).slice(-6)
    expect(kinds).toEqual(['STARTED', 'WAITING', 'DEPENDENCY_ENDED', 'DEPENDENCY_ENDED', 'STARTED', 'COMPLETED'])
    expect(await on.world.client.taskAttempt.findMany({ where: { taskId: bare(id) }, select: { attempt: true, outcome: true } })).toEqual([
      { attempt: 1, outcome: 'WAITED' },
    ])
  })

  it('makes a child once for each key, however many attempts ask for it', async () => {
    const made: string[] = []
    on.scripts.write('twice', async (task) => {
      made.push(await task.createChild('same', { type: 'test.held' }), await task.createChild('same', { type: 'test.held' }))
      made.push(await task.createChild(`other ${task.attempt}`, { type: 'test.held' }))
      if (task.attempt === 1) throw new Later()
      return {}
    })
    const { id } = await scripted('twice')
    await whenStatus(on.world, on.ada, id, 'QUEUED')
    await due(on.world, id)
    await whenStatus(on.world, on.ada, id, 'COMPLETED')
    expect(made.map((each) => made.indexOf(each))).toEqual([0, 0, 2, 0, 0, 5])
    const children = await childrenOf(id)
    expect(children.map((child) => child.id).sort()).toEqual([...new Set(made)].sort())
    expect(children[0]).toMatchObject({ ownerId: bare(on.ada.id), parentId: bare(id) })
  })

  it('goes on at once where it waits for none', async () => {
    on.scripts.write('childless', async (task) => (task.attempt === 1 ? { waitForChildren: true } : { result: task.attempt }))
    const { id } = await scripted('childless')
    expect(await whenStatus(on.world, on.ada, id, 'COMPLETED')).toMatchObject({ result: 2 })
  })

  it('that waits for a child which waits for it FAILED, and the circle is named', async () => {
    on.scripts.write('circle', async (task) => {
      await task.createChild('waits for its parent', { type: 'test.held', dependsOn: [task.id] })
      return { waitForChildren: true }
    })
    const { id } = await scripted('circle')
    const failed = await whenStatus(on.world, on.ada, id, 'FAILED')
    const [child] = await childrenOf(id)
    expect(failed.error).toBe(`These tasks would wait for each other: ${id} → ${global(child!)} → ${id}.`)
    expect(child!.status).toBe('CANCELLED')
  })

  it('takes them along when it is cancelled: those that wait are CANCELLED, those that run are asked to stop', async () => {
    on.scripts.write('cancelled parent', async (task) => {
      await task.createChild('runs', { type: 'test.held' })
      await task.createChild('waits', { type: 'test.held', runAt: new Date('2100-01-01') })
      return { waitForChildren: true }
    })
    const { id } = await scripted('cancelled parent')
    await whenStatus(on.world, on.ada, id, 'QUEUED')
    const [runs, waits] = await childrenOf(id)
    const run = await on.held.run(global(runs!))
    await does(on.world, CANCEL, { id }, on.ada)
    expect(await whenStatus(on.world, on.ada, global(runs!), 'CANCELLED')).toMatchObject({ attempt: 1 })
    expect(run.task.signal.aborted).toBe(true)
    expect(await whenStatus(on.world, on.ada, global(waits!), 'CANCELLED')).toMatchObject({ attempt: 0 })
    const reasons = await on.world.client.event.findMany({
      where: { subjectId: { in: [runs!.id, waits!.id] }, kind: { in: ['TASK_CANCEL_REQUESTED', 'TASK_CANCELLED'] } },
      orderBy: { position: 'asc' },
    })
    expect(reasons.map(({ kind, data }) => [kind, (data as { reason?: string }).reason]).slice(0, 2)).toEqual([
      ['TASK_CANCEL_REQUESTED', `It belongs to ${id}, which was CANCELLED.`],
      ['TASK_CANCELLED', `It belongs to ${id}, which was CANCELLED.`],
    ])
  })

  it('lets them go on when it is COMPLETED', async () => {
    on.scripts.write('leaves', async (task) => ({ result: await task.createChild('goes on', { type: 'test.held' }) }))
    const { id } = await scripted('leaves')
    const { result } = await whenStatus(on.world, on.ada, id, 'COMPLETED')
    ;(await on.held.run(`Task:${result}`)).complete({})
    expect(await whenStatus(on.world, on.ada, `Task:${result}`, 'COMPLETED')).toMatchObject({ attempt: 1 })
  })

  describe('of which a user makes one', () => {
    const refused = async (input: object, user = on.ada) => {
      const before = await stateOf(on.world)
      const errors = await on.world.refused(
        'mutation ($input: TaskCreateInput!) { taskCreate(input: $input) { userErrors { code message path } } }',
        { input: { type: 'test.held', ...input } },
        user,
      )
      expect(await stateOf(on.world)).toEqual(before)
      return errors
    }

    it('must be there, be the user’s, and not have ended', async () => {
      const { id: mine } = await create(on.world, on.ada, { runImmediately: false })
      const missing = [{ code: 'NOT_FOUND', path: ['input', 'parentId'], message: 'Task not found.' }]
      expect(await refused({ parentId: `Task:${newId()}` })).toEqual(missing)
      expect(await refused({ parentId: `Stream:${bare(mine)}` })).toEqual(missing)
      expect(await refused({ parentId: mine }, on.bob)).toEqual(missing)
      expect(await refused({ parentId: 'nonsense' })).toMatchObject([{ code: 'BAD_USER_INPUT', path: ['input', 'parentId'] }])
      await does(on.world, CANCEL, { id: mine }, on.ada)
      expect(await refused({ parentId: mine })).toEqual([{ code: 'PARENT_ENDED', path: ['input', 'parentId'], message: 'The parent is CANCELLED already.' }])
    })

    it('takes it along when it is cancelled', async () => {
      const { id: parent } = await create(on.world, on.ada, { runImmediately: false })
      const { id: child } = await create(on.world, on.ada, { parentId: parent, runImmediately: false })
      const { id: grandchild } = await create(on.world, on.ada, { parentId: child, runImmediately: false })
      await does(on.world, CANCEL, { id: parent }, on.ada)
      for (const id of [child, grandchild]) expect(await whenStatus(on.world, on.ada, id, 'CANCELLED')).toMatchObject({ attempt: 0 })
    })
  })
})

describe.each(dialects())('parents and children on %s', (dialect) => {
  let engine: Engine
  beforeAll(async () => {
    engine = await Engine.open(dialect)
  })
  afterAll(() => engine.close())
  const asServer = <T>(operation: (work: Work) => Promise<T>) => engine.asServer(operation)
  const running = async (): Promise<Lease & { id: string }> => {
    const id = await engine.create({ priority: 1 })
    const claimed = await engine.claimOne()
    expect(claimed.id).toBe(id)
    return claimed
  }
  const childOf = async (lease: Lease, key: string, more: object = {}) => {
    const parent = await engine.row(lease.id)
    return asServer((work) => childCreate(work, engine.types, lease, parent, key, { type: 'test.b', ...more }))
  }

  it('are for the holder of the lease alone to be made and waited for', async () => {
    const lease = await running()
    const stale = { ...lease, leaseToken: 'another' }
    const parent = await engine.row(lease.id)
    for (const act of [(work: Work) => childCreate(work, engine.types, stale, parent, 'one', { type: 'test.b' }), (work: Work) => taskWait(work, stale)]) {
      expect(await engine.refused(engine.ada, act)).toMatchObject({ code: 'TASK_NOT_LEASED' })
    }
    expect(await engine.row(lease.id)).toEqual(parent)
    await asServer((work) => taskComplete(work, lease, {}))
    expect(await engine.refused(engine.ada, (work) => childCreate(work, engine.types, lease, parent, 'one', { type: 'test.b' }))).toMatchObject({
      code: 'TASK_NOT_LEASED',
    })
  })

  it.each<[string, (work: Work, lease: Lease) => Promise<unknown>, string]>([
    ['fails for good', (work, lease) => taskFail(work, lease, FAILURE), 'FAILED'],
    ['is given up as cancelled', taskReleaseCancelled, 'CANCELLED'],
  ])('are cancelled with a parent that %s; one that runs is asked to stop, and takes its own along when it does', async (_, end, status) => {
    const lease = await running()
    const child = await childOf(lease, 'one', { priority: 1 })
    const childLease = await engine.claimOne()
    expect(childLease.id).toBe(child)
    const grandchild = await childOf(childLease, 'one')
    const waits = await childOf(lease, 'two')
    await asServer((work) => end(work, lease))
    expect(await Promise.all([lease.id, child, waits, grandchild].map((id) => engine.status(id)))).toEqual([status, 'RUNNING', 'CANCELLED', 'QUEUED'])
    expect((await engine.row(child)).cancelRequestedAtMs).not.toBeNull()
    await asServer((work) => taskReleaseCancelled(work, childLease))
    expect(await Promise.all([child, grandchild].map((id) => engine.status(id)))).toEqual(['CANCELLED', 'CANCELLED'])
  })

  it('go on waiting for them whatever else they are changed to depend on', async () => {
    const lease = await running()
    const [one, two] = [await childOf(lease, 'one', { runAt: new Date('2100-01-01') }), await childOf(lease, 'two', { runAt: new Date('2100-01-01') })]
    const other = await engine.create({ runImmediately: false })
    await asServer((work) => taskWait(work, lease))
    const update = (update: TaskUpdate) => engine.as(engine.ada, (work) => taskUpdate(work, engine.types, lease.id, update))
    const waitingFor = async () => (await engine.row(lease.id)).waitingFor
    await update({ dependsOn: [other] })
    expect(await waitingFor()).toBe(3)
    await engine.as(engine.ada, (work) => taskCancel(work, one))
    // It was to go on however its children end, and is.
    await update({ onDependencyFailure: 'CANCEL' })
    expect([await engine.status(lease.id), await waitingFor()]).toEqual(['QUEUED', 2])
    await update({ dependsOn: [] })
    expect(await waitingFor()).toBe(1)
    await engine.as(engine.ada, (work) => taskCancel(work, two))
    const again = await engine.claimOne()
    expect(again.id).toBe(lease.id)
    await asServer((work) => taskComplete(work, again, {}))
    await engine.as(engine.ada, (work) => taskDelete(work, other))
  })

  it('wait for no child that is deleted meanwhile', async () => {
    const lease = await running()
    const [one, two] = [await childOf(lease, 'one', { runAt: new Date('2100-01-01') }), await childOf(lease, 'two', { runAt: new Date('2100-01-01') })]
    await asServer((work) => taskWait(work, lease))
    expect(await engine.row(lease.id)).toMatchObject({ status: 'QUEUED', waitingFor: 2, readyAtMs: null })
    await engine.as(engine.ada, (work) => taskDelete(work, one))
    await engine.as(engine.ada, (work) => taskCancel(work, two))
    expect((await engine.claimOne()).id).toBe(lease.id)
  })

  it('wait for those that are there when they begin to, in the moment those are deleted or end', async () => {
    for (let i = 0; i < 30; i++) {
      const lease = await running()
      const ids = [await childOf(lease, 'one', { priority: -1 }), await childOf(lease, 'two', { runAt: new Date('2100-01-01') })]
      const child = await engine.claimOne()
      expect(child.id).toBe(ids[0])
      await Promise.all([
        asServer((work) => taskWait(work, lease)),
        asServer((work) => taskComplete(work, child, {})),
        engine.as(engine.ada, (work) => taskDelete(work, ids[1]!)),
      ])
      const again = await engine.claimOne()
      expect(again.id).toBe(lease.id)
      await asServer((work) => taskComplete(work, again, {}))
    }
  })

  it('leave no child behind that is claimed in the moment its parent fails', async () => {
    for (let i = 0; i < 40; i++) {
      const lease = await running()
      const child = await childOf(lease, 'one')
      const [, [claimed]] = await Promise.all([asServer((work) => taskFail(work, lease, FAILURE)), engine.claim()])
      const { status, cancelRequestedAtMs } = await engine.row(child)
      expect([status, cancelRequestedAtMs !== null]).toEqual(claimed ? ['RUNNING', true] : ['CANCELLED', false])
      if (claimed) await asServer((work) => taskReleaseCancelled(work, claimed))
    }
  })
})
