import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dialects } from '../kit/databases.ts'
import { CREATE_MANY, RETRY_MANY } from './many.ts'
import { bare, CANCEL, completes, create, DELETE, does, newTaskId, openTaskWorld, RETRY, read, stateOf, type TaskWorld, whenStatus, whenTask } from './task.ts'

const LATER = { runAt: '2100-01-01T00:00:00Z' }

describe.each(dialects())('a child that is retried on %s', (dialect) => {
  let on: TaskWorld
  beforeAll(async () => {
    on = await openTaskWorld(dialect, { env: { TASK_CONCURRENCY: '50' } })
  })
  afterAll(() => on.world.close())
  const refused = (id: string) => on.world.refused(RETRY, { input: { id } }, on.ada)
  const cancel = (id: string) => does(on.world, CANCEL, { id }, on.ada)
  const retry = (id: string) => does(on.world, RETRY, { id }, on.ada)
  const retryMany = async (ids: string[]) => (await on.world.ask(RETRY_MANY, { input: { ids } }, on.ada)).data.taskRetryMany
  const statusOf = async (id: string) => (await read(on.world, on.ada, id)).status
  const createMany = async (tasks: object[]) => {
    const made = await on.world.does(CREATE_MANY, { input: { tasks: tasks.map((task) => ({ type: 'test.held', ...task })) } }, on.ada)
    return made.tasks.map(({ id }: { id: string }) => id) as string[]
  }

  it('is refused while its parent has ended badly, which is named; after that was retried it goes on', async () => {
    const cancelled = await create(on.world, on.ada, LATER)
    const child = await create(on.world, on.ada, { parentId: cancelled.id, ...LATER })
    const grandchild = await create(on.world, on.ada, { parentId: child.id, runImmediately: false })
    await cancel(cancelled.id)
    const failed = await create(on.world, on.ada, { maxAttempts: 1 })
    await whenStatus(on.world, on.ada, failed.id, 'RUNNING')
    const other = await create(on.world, on.ada, { parentId: failed.id, ...LATER })
    ;(await on.held.run(failed.id)).fail(new Error('no luck'))
    await whenStatus(on.world, on.ada, other.id, 'CANCELLED')

    for (const [id, parent, how] of [
      [child.id, cancelled.id, 'was CANCELLED'],
      [grandchild.id, child.id, 'was CANCELLED'],
      [other.id, failed.id, 'FAILED'],
    ]) {
      const before = await stateOf(on.world, id)
      expect(await refused(id)).toEqual([
        {
          code: 'PARENT_ENDED',
          path: ['input', 'id'],
          message: `It belongs to ${parent}, which ${how}; retry that first, or both together with taskRetryMany.`,
        },
      ])
      expect(await stateOf(on.world, id)).toEqual(before)
    }
    await retry(cancelled.id)
    await whenStatus(on.world, on.ada, cancelled.id, 'RUNNING')
    await retry(child.id)
    await retry(grandchild.id)
    for (const id of [grandchild.id, child.id, cancelled.id]) await completes(on, on.ada, id)
  })

  it('goes on where its parent is COMPLETED, or gone', async () => {
    const parent = await create(on.world, on.ada)
    await whenStatus(on.world, on.ada, parent.id, 'RUNNING')
    const child = await create(on.world, on.ada, { parentId: parent.id, ...LATER })
    await cancel(child.id)
    await completes(on, on.ada, parent.id)
    await retry(child.id)
    await completes(on, on.ada, child.id)

    const removed = await create(on.world, on.ada, LATER)
    const orphan = await create(on.world, on.ada, { parentId: removed.id, ...LATER })
    await cancel(removed.id)
    await on.world.does(DELETE, { input: { id: removed.id } }, on.ada)
    await retry(orphan.id)
    await completes(on, on.ada, orphan.id)
  })

  it('comes before its parent where that depends on it, through others too, and would be refused before', async () => {
    const [parent, first, last] = [newTaskId(), newTaskId(), newTaskId()]
    await createMany([
      { id: parent, dependsOn: [last] },
      { id: last, parentId: parent, dependsOn: [first] },
      { id: first, parentId: parent, ...LATER },
    ])
    await cancel(first)
    expect([await statusOf(last), await statusOf(parent)]).toEqual(['CANCELLED', 'CANCELLED'])
    for (const id of [parent, last]) expect(await refused(id)).toMatchObject([{ code: 'DEPENDENCY_ENDED' }])
    for (const id of [first, last, parent]) await retry(id)
    for (const id of [first, last, parent]) await completes(on, on.ada, id)
  })

  it('together with its parent goes on with it, whichever is named first, and a parent that waited for it waits again', async () => {
    on.scripts.write('waits again', async (task) => {
      const children = await task.children()
      if (!children.length) await task.createChild('part', { type: 'test.held', runAt: new Date(LATER.runAt) })
      return children.length ? { result: children.map(({ status }) => status) } : { waitForChildren: true }
    })
    const parent = await create(on.world, on.ada, { type: 'test.scripted', params: { script: 'waits again' } })
    await whenTask(on.world, on.ada, parent.id, (task) => task.attempt === 1 && task.status === 'QUEUED')
    const { id } = await on.world.client.task.findFirstOrThrow({ where: { parentId: bare(parent.id) } })
    await cancel(parent.id)
    expect(await retryMany([parent.id, `Task:${id}`])).toMatchObject({ count: 2, refused: [], userErrors: [] })
    await completes(on, on.ada, `Task:${id}`)
    expect(await whenStatus(on.world, on.ada, parent.id, 'COMPLETED')).toMatchObject({ result: ['COMPLETED'] })

    const plain = await create(on.world, on.ada, LATER)
    const child = await create(on.world, on.ada, { parentId: plain.id, ...LATER })
    await cancel(plain.id)
    expect(await retryMany([child.id, plain.id])).toMatchObject({ count: 2, refused: [] })
    for (const each of [child.id, plain.id]) await completes(on, on.ada, each)
  })

  it('is refused together with its parent where that cannot go on, and the others are retried', async () => {
    const broken = await create(on.world, on.ada, LATER)
    const parent = await create(on.world, on.ada, { dependsOn: [broken.id] })
    const child = await create(on.world, on.ada, { parentId: parent.id, ...LATER })
    const other = await create(on.world, on.ada, LATER)
    await cancel(broken.id)
    await cancel(other.id)
    const before = [await stateOf(on.world, parent.id), await stateOf(on.world, child.id)] as { tasks: unknown }[]
    const { count, refused: left } = await retryMany([child.id, other.id, parent.id])
    expect(count).toBe(1)
    expect(left).toMatchObject([
      { index: 0, id: child.id, userErrors: [{ code: 'PARENT_ENDED', path: ['input', 'ids', '0'] }] },
      { index: 2, id: parent.id, userErrors: [{ code: 'DEPENDENCY_ENDED', path: ['input', 'ids', '2'] }] },
    ])
    const after = [await stateOf(on.world, parent.id), await stateOf(on.world, child.id)] as { tasks: unknown }[]
    expect(after.map(({ tasks }) => tasks)).toEqual(before.map(({ tasks }) => tasks))
    await completes(on, on.ada, other.id)
  })

  it('in the moment its parent is cancelled does not go on without it', async () => {
    for (let i = 0; i < 10; i++) {
      const parent = await create(on.world, on.ada, LATER)
      const child = await create(on.world, on.ada, { parentId: parent.id, ...LATER })
      await cancel(child.id)
      const retried = i % 2 ? [refused(child.id), cancel(parent.id)] : [cancel(parent.id), refused(child.id)]
      await Promise.all(retried)
      await whenStatus(on.world, on.ada, parent.id, 'CANCELLED')
      await whenStatus(on.world, on.ada, child.id, 'CANCELLED')
    }
  })
})
