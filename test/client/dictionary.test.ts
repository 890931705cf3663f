import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CursorExpired, type Holdfast, WrongState } from '../../src/client/client.ts'
import { dialects } from '../kit/databases.ts'
import { all, type ClientWorld, openClientWorld, take } from './server.ts'

interface Job {
  status: string
  steps?: number
  by?: string
}

describe.each(dialects())('a dictionary on %s', (dialect) => {
  let on: ClientWorld
  let ada: Holdfast
  let made = 0
  beforeAll(async () => {
    on = await openClientWorld(dialect)
    ada = on.as(on.ada)
  })
  afterAll(() => on.close())
  const fresh = (client = ada, name = `jobs ${++made}`) => client.dictionary<Job>(name)

  it('holds what was set under keys of one’s own, as a Map does', async () => {
    const jobs = fresh()
    expect([await jobs.get('report-7'), await jobs.has('report-7'), await jobs.size, await jobs.delete('report-7')]).toEqual([undefined, false, 0, false])
    expect(await jobs.set('report-7', { status: 'running', steps: 3 })).toBe(jobs)
    expect([await jobs.get('report-7'), await jobs.has('report-7'), await jobs.size]).toEqual([{ status: 'running', steps: 3 }, true, 1])
    await jobs.set('report-7', { status: 'done' })
    expect([await jobs.get('report-7'), await jobs.size]).toEqual([{ status: 'done' }, 1])
    expect([await jobs.delete('report-7'), await jobs.has('report-7'), await jobs.get('report-7')]).toEqual([true, false, undefined])
    await jobs.set('report-7', { status: 'done' })
    expect(await jobs.get('report-7')).toEqual({ status: 'done' })
  })

  it('is the same for every program that names it, and another for every other name and user', async () => {
    const jobs = fresh(ada, 'shared')
    await jobs.set('a', { status: 'mine' })
    expect(await fresh(on.as(on.ada), 'shared').get('a')).toEqual({ status: 'mine' })
    const [other, bobs, admins] = [fresh(ada, 'another'), fresh(on.as(on.bob), 'shared'), fresh(on.as(on.admin), 'shared')]
    for (const each of [other, bobs, admins]) {
      expect([await each.get('a'), await each.has('a'), await each.size, await all(each.keys()), await each.delete('a')]).toEqual([
        undefined,
        false,
        0,
        [],
        false,
      ])
      await each.set('a', { status: 'theirs' })
    }
    expect(await jobs.get('a')).toEqual({ status: 'mine' })
    expect([await jobs.size, await bobs.size]).toEqual([1, 1])
  })

  it.each(['7', 'Task:01a1fbf8-5ebe-728a-84b7-722c6574d67b', 'https://example.com/a?b=c#d', '用户 😀', ' spaced ', 'x'.repeat(200), '__proto__'])(
    'takes the key %j',
    async (key) => {
      const jobs = fresh()
      await jobs.set(key, { status: key })
      expect([await jobs.get(key), await all(jobs.keys())]).toEqual([{ status: key }, [key]])
    },
  )

  it('refuses keys that are none, and nothing is set', async () => {
    const jobs = fresh()
    for (const key of ['', '  ', 'x'.repeat(201), 'a\0b', 'half \ud83d']) await expect(jobs.set(key, { status: 'x' })).rejects.toThrow(RangeError)
    await expect(jobs.get(7 as never)).rejects.toThrow('Write String(key)')
    expect(await jobs.size).toBe(0)
  })

  it.each([null, 0, -1.5, '', 'text 😀 \u0007', true, [[]], [[1, [2, { three: null }]]], {}, { nested: { value: 'here' } }])(
    'gives %j back as it was',
    async (value) => {
      const values = ada.dictionary('values')
      await values.set('v', value)
      expect([await values.get('v'), await values.has('v')]).toEqual([value, true])
    },
  )

  it('refuses what would come back as something else, and says where it is', async () => {
    const values = ada.dictionary('refused')
    const circle: unknown[] = []
    circle.push(circle)
    const told: [unknown, string][] = [
      [{ at: new Date() }, 'value.at is a Date, which JSON does not keep: store its toISOString(), or getTime().'],
      [[1, Number.NaN], 'value[1] is NaN'],
      [undefined, 'value is undefined'],
      [{ m: new Map() }, 'value.m is of the class Map'],
      [10n, 'value is a bigint'],
      [{ f: () => {} }, 'value.f is a function'],
      [circle, 'value[0] is part of itself'],
    ]
    for (const [value, message] of told) await expect(values.set('v', value)).rejects.toThrow(message)
    await expect(values.set('v', 'x'.repeat(200_001))).rejects.toMatchObject({ code: 'BAD_USER_INPUT', path: ['input', 'params'] })
    expect(await values.size).toBe(0)
  })

  it('gives copies that cannot be changed by mistake', async () => {
    const jobs = fresh()
    await jobs.set('a', { status: 'running' })
    const job = (await jobs.get('a'))!
    expect(() => {
      job.status = 'done'
    }).toThrow(TypeError)
    await jobs.set('a', { ...job, status: 'done' })
    expect(await jobs.get('a')).toEqual({ status: 'done' })
  })

  it('is read page by page, in the order in which keys were first set', async () => {
    const jobs = fresh()
    const keys = Array.from({ length: 120 }, (_, i) => `job ${i}`)
    await jobs.set(keys[0]!, { status: 'first' })
    await Promise.all(keys.slice(1).map((key) => jobs.set(key, { status: key })))
    await jobs.set('job 0', { status: 'again' })
    expect((await all(jobs.keys())).sort()).toEqual([...keys].sort())
    expect((await take(jobs, 1))[0]).toEqual(['job 0', { status: 'again' }])
    expect(await all(jobs.values())).toHaveLength(120)
    const seen: string[] = []
    await jobs.forEach(({ status }, key) => {
      seen.push(`${key}=${status}`)
    })
    expect(seen).toEqual((await all(jobs.entries())).map(([key, { status }]) => `${key}=${status}`))
    await jobs.clear()
    expect([await jobs.size, await all(jobs)]).toEqual([0, []])
  })

  it('has one entry for a key that twenty programs set at once, and the value of one of them', async () => {
    const clients = Array.from({ length: 20 }, () => on.as(on.ada))
    const values = clients.map((_, i) => ({ status: 'set', by: `client ${i}` }))
    await Promise.all(clients.map((client, i) => fresh(client, 'raced').set('one', values[i]!)))
    const jobs = fresh(ada, 'raced')
    expect(await jobs.size).toBe(1)
    expect(values).toContainEqual(await jobs.get('one'))
  })

  it('keeps a key that is set and deleted at once whole', async () => {
    const jobs = fresh()
    await Promise.all(Array.from({ length: 12 }, (_, i) => (i % 3 ? jobs.set('a', { status: `${i}` }) : jobs.delete('a'))))
    expect(await jobs.size).toBe(Number(await jobs.has('a')))
    await jobs.set('a', { status: 'last' })
    expect(await jobs.get('a')).toEqual({ status: 'last' })
  })

  it('is never run by the server; run by hand it has ended with its value, and holds still', async () => {
    const jobs = fresh()
    await jobs.set('a', { status: 'mine' })
    const id = await jobs.idOf('a')
    const task = await on.world.ask('query ($id: ID!) { task(id: $id) { status type domain sessionKey params } }', { id }, on.ada)
    expect(task.data.task).toMatchObject({ status: 'CREATED', type: 'value.keep', sessionKey: 'a', params: { value: { status: 'mine' } } })
    await on.world.does('mutation ($id: ID!) { taskRun(input: { id: $id }) { userErrors { code message } } }', { id }, on.ada)
    for await (const { value } of ada.tasks.watch(id)) if (value?.status === 'COMPLETED') break
    expect((await ada.tasks.get(id))!.result).toEqual({ status: 'mine' })
    await expect(jobs.set('a', { status: 'again' })).rejects.toThrow(WrongState)
    expect(await jobs.get('a')).toEqual({ status: 'mine' })
  })

  describe('that is watched', () => {
    it('tells how one key stands, whether it is there or not, and then every change of it', async () => {
      const jobs = fresh()
      const watch = jobs.watch('a')
      expect((await watch.next()).value).toMatchObject({ kind: 'SNAPSHOT', key: 'a', value: undefined })
      await jobs.set('other', { status: 'not told' })
      await jobs.set('a', { status: 'one' })
      expect((await watch.next()).value).toMatchObject({ kind: 'SET', key: 'a', value: { status: 'one' } })
      await jobs.delete('a')
      expect((await watch.next()).value).toMatchObject({ kind: 'DELETED', key: 'a', value: undefined })
      await jobs.set('a', { status: 'two' })
      expect((await watch.next()).value).toMatchObject({ kind: 'SET', value: { status: 'two' } })
      await watch.return()
      expect(await watch.next()).toMatchObject({ done: true })
      const [now] = await take(jobs.watch('a'), 1)
      expect(now).toMatchObject({ kind: 'SNAPSHOT', value: { status: 'two' } })
    })

    it('tells all changes of all its keys, and none of another’s', async () => {
      const [jobs, other] = [fresh(), fresh()]
      const watch = jobs.watch()
      await watch.ready
      await other.set('x', { status: 'not told' })
      await jobs.set('a', { status: 'one' })
      await jobs.set('b', { status: 'two' })
      await jobs.set('a', { status: 'three' })
      await jobs.delete('b')
      const changes = await take(watch, 4)
      expect(changes.map(({ kind, key }) => `${kind} ${key}`)).toEqual(['SET a', 'SET b', 'SET a', 'DELETED b'])
      // What was told is where one goes on.
      const again = jobs.watch({ after: changes[1]!.cursor })
      expect((await take(again, 2)).map(({ cursor }) => cursor)).toEqual(changes.slice(2).map(({ cursor }) => cursor))
      expect(again.cursor).toBe(changes[3]!.cursor)
      await Promise.all([watch.return(), again.return()])
    })

    it('ends at a signal while it waits, and before it began', async () => {
      const jobs = fresh()
      const leaving = new AbortController()
      const watch = jobs.watch({ signal: leaving.signal })
      const waiting = watch.next()
      await watch.ready
      leaving.abort()
      expect(await waiting).toMatchObject({ done: true })
      expect(await jobs.watch('a', { signal: leaving.signal }).next()).toMatchObject({ done: true })
    })

    it('says that the log no longer reaches back', async () => {
      await expect(fresh().watch({ after: '000000000000.1' }).next()).rejects.toBeInstanceOf(CursorExpired)
    })
  })
})
