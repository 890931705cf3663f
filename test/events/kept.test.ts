/** The contract of whatever keeps answers: as good as asking again, but for what this server cannot know yet. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { server } from '../../src/core/actor.ts'
import { newId } from '../../src/core/ids.ts'
import { openDatabase } from '../../src/db/database.ts'
import { Kept } from '../../src/events/kept.ts'
import { openStore, type Store } from '../../src/events/store.ts'
import { transact } from '../../src/events/transact.ts'
import { dialects, type ScratchDatabase, scratchDatabase } from '../kit/databases.ts'

describe.each(dialects())('what is kept, on %s,', (dialect) => {
  let scratch: ScratchDatabase
  let store: Store
  /** On PostgreSQL another server; on SQLite there is one. */
  let other: Store
  let nowMs = 0
  const open = async () =>
    openStore(await openDatabase({ url: scratch.url }), {
      clock: { nowMs: () => nowMs },
      warn: (error) => {
        throw error
      },
    })
  beforeAll(async () => {
    scratch = await scratchDatabase(dialect)
    store = await open()
    other = dialect === 'postgresql' ? await open() : store
  })
  afterAll(async () => {
    if (other !== store) await other.close()
    await store.close()
    await scratch.drop()
  })

  let kept: Kept<number>
  let asked = 0
  const make = async () => ++asked
  const opened = (more: object = {}) => {
    kept?.stop()
    asked = 0
    kept = new Kept(store, { seconds: 300, most: 3, changedBy: ({ kind }) => kind === 'THING_CHANGED', ...more })
    return kept
  }
  const change = (on: Store, kind = 'THING_CHANGED') =>
    transact(on, server, async (work) => void work.events.push({ kind, subjectType: 'Thing', subjectId: newId(), ownerId: null }))

  it('is asked for once, by however many ask at once, until its time is over', async () => {
    opened()
    expect(await Promise.all([kept.get('a', make), kept.get('a', make), kept.get('b', make)])).toEqual([1, 1, 2])
    expect(await kept.get('a', make)).toBe(1)
    nowMs += 299_999
    expect(await kept.get('a', make)).toBe(1)
    nowMs += 1
    expect(await kept.get('a', make)).toBe(3)
  })

  it('is forgotten with the change, by whoever made it, before anybody here can ask again', async () => {
    opened()
    await kept.get('a', make)
    await change(store, 'THING_LOOKED_AT')
    expect(await kept.get('a', make)).toBe(1)
    await change(store)
    expect(await kept.get('a', make)).toBe(2)
    await change(other)
    await store.tail.look()
    expect(await kept.get('a', make)).toBe(3)
  })

  it('is not kept where the change came while it was looked for', async () => {
    opened()
    let go!: (value: number) => void
    const slow = kept.get('a', () => new Promise<number>((resolve) => (go = resolve)))
    await change(store)
    const anew = kept.get('a', make)
    go(-1)
    expect([await slow, await anew, await kept.get('a', make)]).toEqual([-1, 1, 1])
  })

  it('is not kept where it could not be found', async () => {
    opened()
    await expect(kept.get('a', () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    expect(await kept.get('a', make)).toBe(1)
  })

  it('is forgotten where the log is another one than it was', async () => {
    opened()
    await kept.get('a', make)
    store.tail.epoch++
    expect(await kept.get('a', make)).toBe(2)
  })

  it('has its bounds: what was not asked for the longest time goes first', async () => {
    opened()
    for (const key of ['a', 'b', 'c', 'a', 'd']) await kept.get(key, make)
    expect(asked).toBe(4)
    await kept.get('a', make)
    expect(asked).toBe(4)
    await kept.get('b', make)
    expect(asked).toBe(5)
    opened({ weigh: (value: number) => (value === 1 ? 4 : 2) })
    for (const key of ['heavy', 'heavy', 'light', 'light']) await kept.get(key, make)
    expect(asked).toBe(3)
  })

  it('is nothing where the operator wants nothing kept', async () => {
    opened({ seconds: 0 })
    expect([await kept.get('a', make), await kept.get('a', make)]).toEqual([1, 2])
  })
})
