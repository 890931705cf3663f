import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../src/core/ids.ts'
import { dialects } from '../kit/databases.ts'
import { completes, create, does, kindsOf, newTaskId, openTaskWorld, read, stateOf, type TaskWorld, UPDATE, whenStatus } from './task.ts'

const LATER = '2100-01-01T00:00:00.000Z'

describe.each(dialects())('taskUpdate on %s', (dialect) => {
  let on: TaskWorld
  beforeAll(async () => {
    on = await openTaskWorld(dialect)
  })
  afterAll(() => on.world.close())
  const update = (id: string, input: object, user = on.ada) => does(on.world, UPDATE, { id, ...input }, user)
  const refused = (id: string, input: object, user = on.ada) => on.world.refused(UPDATE, { input: { id, ...input } }, user)
  const waiting = () => create(on.world, on.ada, { runAt: LATER })

  it('changes everything that is given while the task waits, and leaves the rest', async () => {
    const task = await create(on.world, on.ada, { runAt: LATER, description: 'old', domain: 'kept' })
    const given = {
      description: 'new',
      driftScore: 0.5,
      sessionKey: 'session',
      summary: 'so far so good',
      priority: 12,
      params: { note: 'new' },
      runAt: '2101-01-01T00:00:00.000Z',
      maxAttempts: 7,
      timeoutSeconds: 60,
    }
    const updated = await update(task.id, given)
    expect({ ...updated, updatedAt: '' }).toEqual({ ...task, ...given, updatedAt: '' })
    expect(await read(on.world, on.ada, task.id)).toEqual(updated)
    expect(await kindsOf(on.world, task.id)).toEqual(['CREATED', 'UPDATED'])
  })

  it('clears with null what may be absent', async () => {
    const full = { description: 'd', domain: 'd', driftScore: 0.1, sessionKey: 's', timeoutSeconds: 5 }
    const { id } = await create(on.world, on.ada, { runAt: LATER, ...full })
    await update(id, { summary: 's' })
    const cleared = { description: null, domain: null, driftScore: null, sessionKey: null, summary: null, timeoutSeconds: null }
    expect(await update(id, cleared)).toMatchObject(cleared)
  })

  it('makes a waiting task due, and it is run', async () => {
    const { id } = await waiting()
    await update(id, { runAt: '2000-01-01T00:00:00Z' })
    await completes(on, on.ada, id)
  })

  it('leaves a task that has had attempts at least one more', async () => {
    const { id } = await create(on.world, on.ada)
    ;(await on.held.run(id)).fail(new Error('no luck'))
    await whenStatus(on.world, on.ada, id, 'QUEUED')
    await update(id, { runAt: LATER })
    const before = await stateOf(on.world, id)
    expect(await refused(id, { maxAttempts: 1 })).toEqual([
      { code: 'BAD_USER_INPUT', path: ['input', 'maxAttempts'], message: 'Must be at least 2: it has had 1 already.' },
    ])
    expect(await stateOf(on.world, id)).toEqual(before)
    expect(await update(id, { maxAttempts: 2 })).toMatchObject({ attempt: 1, maxAttempts: 2 })
  })

  it('of a running task changes what it says of itself, not how it is run', async () => {
    const { id } = await create(on.world, on.ada)
    await whenStatus(on.world, on.ada, id, 'RUNNING')
    expect(await update(id, { description: 'while it runs', driftScore: 1 })).toMatchObject({ description: 'while it runs', driftScore: 1, status: 'RUNNING' })
    const before = await stateOf(on.world, id)
    for (const [field, value] of Object.entries({ priority: 1, params: {}, runAt: LATER, maxAttempts: 5, timeoutSeconds: 5 })) {
      expect(await refused(id, { [field]: value, description: 'refused' })).toMatchObject([{ code: 'TASK_NOT_WAITING', path: ['input', field] }])
    }
    expect(await refused(id, { timeoutSeconds: null })).toMatchObject([{ code: 'TASK_NOT_WAITING', path: ['input', 'timeoutSeconds'] }])
    expect(await stateOf(on.world, id)).toEqual(before)
    await completes(on, on.ada, id)
    expect(await update(id, { summary: 'afterwards' })).toMatchObject({ summary: 'afterwards', status: 'COMPLETED' })
  })

  it('with nothing to change changes nothing', async () => {
    const { id } = await waiting()
    const before = await stateOf(on.world, id)
    expect(await update(id, {})).toMatchObject({ id })
    expect(await stateOf(on.world, id)).toEqual(before)
  })

  it('holds new params against the type', async () => {
    const { id } = await waiting()
    const before = await stateOf(on.world, id)
    expect(await refused(id, { params: { note: 1 } })).toMatchObject([{ code: 'BAD_USER_INPUT', path: ['input', 'params', 'note'] }])
    expect(await stateOf(on.world, id)).toEqual(before)
  })

  it.each([
    ['description', 'x'.repeat(10_001), '10000 characters'],
    ['description', 'half \ud83d', 'Unicode'],
    ['domain', '', 'empty'],
    ['domain', ' ', 'blank'],
    ['domain', 'x'.repeat(201), '200 characters'],
    ['sessionKey', ' ', 'blank'],
    ['driftScore', 2, 'most 1'],
    ['summary', 'x'.repeat(10_001), '10000 characters'],
    ['priority', 1001, 'most 1000'],
    ['params', [], 'JSON object'],
    ['runAt', '1990-01-01T00:00:00Z', '2000'],
    ['maxAttempts', 0, 'least 1'],
    ['timeoutSeconds', 0, 'least 1'],
    ['idempotencyKey', '', 'empty'],
  ])('refuses a bad %s, and says what is wrong with it (%#)', async (field, value, words) => {
    const { id } = await waiting()
    const before = await stateOf(on.world, id)
    const errors = await refused(id, { [field]: value })
    expect(errors).toMatchObject([{ code: 'BAD_USER_INPUT', path: ['input', field] }])
    expect(errors[0]!.message).toContain(words)
    expect(await stateOf(on.world, id)).toEqual(before)
  })

  it('raced, applies every change', async () => {
    const { id } = await waiting()
    await Promise.all([update(id, { description: 'a' }), update(id, { domain: 'b' }), update(id, { summary: 'c' }), update(id, { priority: 4 })])
    expect(await read(on.world, on.ada, id)).toMatchObject({ description: 'a', domain: 'b', summary: 'c', priority: 4 })
  })

  it('with the same key is done once, with another input refused', async () => {
    const { id } = await waiting()
    await update(id, { description: 'a', idempotencyKey: 'u' })
    await update(id, { description: 'b' })
    expect(await update(id, { description: 'a', idempotencyKey: 'u' })).toMatchObject({ description: 'b' })
    expect(await refused(id, { description: 'c', idempotencyKey: 'u' })).toMatchObject([{ code: 'IDEMPOTENCY_MISMATCH' }])
  })

  it('tells no difference between a task that is not there, not yours, or no task', async () => {
    const { id } = await waiting()
    const before = await stateOf(on.world, id)
    const missing = await refused(newTaskId(), { description: 'x' })
    expect(missing).toEqual([{ code: 'NOT_FOUND', path: ['input', 'id'], message: 'Task not found.' }])
    expect(await refused(id, { description: 'x' }, on.bob)).toEqual(missing)
    expect(await refused(`User:${newId()}`, { description: 'x' })).toEqual(missing)
    expect(await stateOf(on.world, id)).toEqual(before)
    expect(await update(id, { description: 'by the ADMIN' }, on.admin)).toMatchObject({ description: 'by the ADMIN' })
  })
})
