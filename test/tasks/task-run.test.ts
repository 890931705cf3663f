import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../src/core/ids.ts'
import { dialects } from '../kit/databases.ts'
import { completes, create, does, kindsOf, newTaskId, openTaskWorld, RUN, stateOf, type TaskWorld } from './task.ts'

describe.each(dialects())('taskRun on %s', (dialect) => {
  let on: TaskWorld
  beforeAll(async () => {
    on = await openTaskWorld(dialect)
  })
  afterAll(() => on.world.close())
  const refused = (id: string, user = on.ada) => on.world.refused(RUN, { input: { id } }, user)

  it('queues a task that was only written down, and it is run', async () => {
    const { id } = await create(on.world, on.ada, { runImmediately: false })
    expect(await does(on.world, RUN, { id }, on.ada)).toMatchObject({ id, queuedAt: expect.any(String) })
    await completes(on, on.ada, id)
    expect(await kindsOf(on.world, id)).toEqual(['CREATED', 'QUEUED', 'STARTED', 'COMPLETED'])
  })

  it('leaves a later time for it as it is', async () => {
    const { id, runAt } = await create(on.world, on.ada, { runImmediately: false, runAt: '2100-01-01T00:00:00Z' })
    expect(await does(on.world, RUN, { id }, on.ada)).toMatchObject({ status: 'QUEUED', runAt })
  })

  it('is refused twice, and changes nothing the second time', async () => {
    const { id } = await create(on.world, on.ada, { runImmediately: false, runAt: '2100-01-01T00:00:00Z' })
    await does(on.world, RUN, { id }, on.ada)
    const before = await stateOf(on.world, id)
    expect(await refused(id)).toMatchObject([{ code: 'TASK_NOT_CREATED', path: ['input', 'id'] }])
    expect(await stateOf(on.world, id)).toEqual(before)
  })

  it('of many at once is done once', async () => {
    const { id } = await create(on.world, on.ada, { runImmediately: false, runAt: '2100-01-01T00:00:00Z' })
    const answers = await Promise.all(Array.from({ length: 5 }, () => refused(id)))
    expect(answers.filter((errors) => errors.length === 0)).toHaveLength(1)
    expect(await kindsOf(on.world, id)).toEqual(['CREATED', 'QUEUED'])
  })

  it('with the same key is done once and answers the same', async () => {
    const { id } = await create(on.world, on.ada, { runImmediately: false, runAt: '2100-01-01T00:00:00Z' })
    const answers = await Promise.all([1, 2, 3].map(() => does(on.world, RUN, { id, idempotencyKey: 'run' }, on.ada)))
    expect(new Set(answers.map((task) => task.status))).toEqual(new Set(['QUEUED']))
    expect(await kindsOf(on.world, id)).toEqual(['CREATED', 'QUEUED'])
  })

  it('tells no difference between a task that is not there, not yours, or no task', async () => {
    const { id } = await create(on.world, on.ada, { runImmediately: false })
    const before = await stateOf(on.world, id)
    const missing = await refused(newTaskId())
    expect(missing).toEqual([{ code: 'NOT_FOUND', path: ['input', 'id'], message: 'Task not found.' }])
    expect(await refused(id, on.bob)).toEqual(missing)
    expect(await refused(`Stream:${newId()}`)).toEqual(missing)
    expect(await refused('nonsense')).toMatchObject([{ code: 'BAD_USER_INPUT', path: ['input', 'id'] }])
    expect(await stateOf(on.world, id)).toEqual(before)
  })

  it('ADMINs run everybody’s', async () => {
    const { id } = await create(on.world, on.ada, { runImmediately: false, runAt: '2100-01-01T00:00:00Z' })
    expect(await does(on.world, RUN, { id }, on.admin)).toMatchObject({ status: 'QUEUED' })
  })
})
