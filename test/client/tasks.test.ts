import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BadUserInput, type Holdfast, type Task, WrongState } from '../../src/client/client.ts'
import { dialects } from '../kit/databases.ts'
import { create } from '../tasks/task.ts'
import { all, type ClientWorld, openClientWorld, take } from './server.ts'

describe.each(dialects())('tasks as a Map on %s', (dialect) => {
  let on: ClientWorld
  let ada: Holdfast
  let made = 0
  beforeAll(async () => {
    on = await openClientWorld(dialect)
    ada = on.as(on.ada)
  })
  afterAll(() => on.close())
  const word = () => `word ${++made}`
  const ended = async (key: string): Promise<Task> => {
    for await (const { value } of ada.tasks.watch(key)) if (value?.completedAt) return value
    throw new Error('It has not ended.')
  }

  it('are got by id, whoever made them, and are absent where they are another’s', async () => {
    const { id } = await create(on.world, on.ada, { type: 'test.held', description: 'Made elsewhere' })
    expect(await ada.tasks.get(id)).toMatchObject({ id, type: 'test.held', description: 'Made elsewhere' })
    expect([...(await all(ada.tasks.keys())), await ada.tasks.has(id)]).toEqual(expect.arrayContaining([id, true]))
    expect((await all(ada.tasks.values())).map((task) => task.id)).toEqual(await all(ada.tasks.keys()))
    const bob = on.as(on.bob)
    expect([await bob.tasks.get(id), await bob.tasks.has(id), await bob.tasks.delete(id)]).toEqual([undefined, false, false])
    expect(await on.as(on.admin).tasks.has(id)).toBe(true)
    ;(await on.held.run(id)).complete({ result: 'done' })
    expect((await ended(id)).result).toBe('done')
  })

  it('are made by set, under a word of one’s own, and run', async () => {
    const key = word()
    await ada.tasks.set(key, { type: 'test.held', params: { note: 'n' }, domain: 'tests' })
    const task = (await ada.tasks.get(key))!
    expect(task).toMatchObject({ type: 'test.held', domain: 'tests', sessionKey: key, params: { note: 'n' } })
    expect(await all(ada.tasks.where({ id: { eq: task.id } }).keys())).toEqual([key])
    const run = await on.held.run(task.id)
    // The same again is harmless, also while it runs and afterwards; a change of what is run is not.
    await ada.tasks.set(key, { type: 'test.held', params: { note: 'n' }, domain: 'tests' })
    await expect(ada.tasks.set(key, { type: 'test.held', params: { note: 'other' } })).rejects.toThrow(WrongState)
    await expect(ada.tasks.delete(key)).rejects.toMatchObject({ code: 'TASK_RUNNING' })
    await ada.tasks.set(key, { type: 'test.held', domain: 'changed' })
    run.complete({ result: 7 })
    expect(await ended(key)).toMatchObject({ status: 'COMPLETED', result: 7, domain: 'changed', attempt: 1 })
    await ada.tasks.set(key, { type: 'test.held', params: { note: 'n' } })
    expect(await ada.tasks.get(key)).toMatchObject({ status: 'COMPLETED', attempt: 1 })
    await expect(ada.tasks.set(key, { type: 'value.keep', params: { value: 1 } })).rejects.toThrow(BadUserInput)
    expect([await ada.tasks.delete(key), await ada.tasks.has(key)]).toEqual([true, false])
  })

  it('are changed by set while they wait, and made once by many who set them at once', async () => {
    const key = word()
    await Promise.all(Array.from({ length: 8 }, () => ada.tasks.set(key, { type: 'test.held', runImmediately: false })))
    const mine = ada.tasks.where({ sessionKey: { eq: key } })
    expect([await mine.size, await all(mine.keys())]).toEqual([1, [key]])
    await ada.tasks.set(key, { type: 'test.held', params: { note: 'later' }, priority: 5, runAt: '2100-01-01T00:00:00Z' })
    expect(await ada.tasks.get(key)).toMatchObject({ status: 'CREATED', params: { note: 'later' }, priority: 5 })
    await ada.tasks.set(key, { type: 'test.held', params: {} })
    expect((await ada.tasks.get(key))!.params).toEqual({})
    await mine.clear()
    expect(await mine.size).toBe(0)
  })

  it('are refused with all that is wrong with them, and nothing is made', async () => {
    const key = word()
    const refused = ada.tasks.set(key, { type: 'test.nothing', params: {} })
    await expect(refused).rejects.toMatchObject({ name: 'BadUserInput', code: 'UNKNOWN_TASK_TYPE', path: ['input', 'type'] })
    await expect(ada.tasks.set(key, { type: 'test.held', params: { note: 7 } })).rejects.toMatchObject({ path: ['input', 'params', 'note'] })
    expect(await ada.tasks.has(key)).toBe(false)
  })

  it('tell each of their changes once, with what it was before', async () => {
    const key = word()
    const watch = ada.tasks.where({ type: { eq: 'test.held' } }).watch()
    await watch.ready
    await ada.tasks.set(key, { type: 'test.held', runImmediately: false })
    const id = await ada.tasks.idOf(key)
    await ada.request('mutation ($id: ID!) { taskRun(input: { id: $id }) { userErrors { code } } }', { id })
    ;(await on.held.run(id)).complete({})
    await ended(key)
    await ada.tasks.delete(key)
    const changes = await take(watch, 5)
    expect(changes.map(({ kind, key: of }) => `${kind} ${of}`)).toEqual(
      ['CREATED', 'QUEUED', 'STARTED', 'COMPLETED', 'DELETED'].map((kind) => `${kind} ${key}`),
    )
    expect(changes[3]!.data).toMatchObject({ status: 'COMPLETED', before: { status: 'RUNNING' } })
    await watch.return()
  })
})
