import { afterEach, describe, expect, test } from 'vitest'
import { server } from '../../src/core/actor.ts'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { openStore, type Store } from '../../src/events/store.ts'
import { transact } from '../../src/events/transact.ts'
import { dialects, type ScratchDatabase, scratchDatabase } from '../kit/databases.ts'

describe.each(dialects())('the end of the log on %s', (dialect) => {
  let scratch: ScratchDatabase
  let store: Store
  afterEach(async () => {
    await store.close()
    await scratch.drop()
  })

  test('is not taken for another log where something is written here while its head is on the way', async () => {
    scratch = await scratchDatabase(dialect)
    const database = await openDatabase({ url: scratch.url })
    const warnings: unknown[] = []
    let meanwhile: (() => Promise<unknown>) | null = null
    // The answer is a while on the way, as over a network.
    const slow: Database = {
      ...database,
      async rows<T>(sql: Parameters<Database['rows']>[0]) {
        const answer = await database.rows<T>(sql)
        const act = sql.sql.includes('"expiredThrough" FROM "LogHead"') ? meanwhile : null
        meanwhile = act ? null : meanwhile
        await act?.()
        return answer
      },
    }
    store = await openStore(slow, { warn: (warning) => warnings.push(warning) })
    const write = () =>
      transact(store, server, async (work) => {
        work.events.push({ kind: 'TEST', subjectType: 'Test', subjectId: 'one', ownerId: null })
      })
    await write()
    meanwhile = write
    await store.tail.look()
    expect(meanwhile).toBeNull()
    expect({ warnings, epoch: store.tail.epoch, position: store.tail.position }).toEqual({ warnings: [], epoch: 0, position: 2 })
  })

  test('sends a reader to the table who is at a place that the newest events do not hold', async () => {
    scratch = await scratchDatabase(dialect)
    store = await openStore(await openDatabase({ url: scratch.url }), { warn: () => {} })
    const event = { occurredAtMs: 1, kind: 'TEST', subjectType: 'Test', subjectId: 'one', ownerId: null, actorId: null, data: {} }
    // No log of ours has such a hole; one that is brought in from elsewhere may.
    expect(store.tail.offer([1, 2, 5].map((position) => ({ ...event, position })))).toBe(true)
    expect(store.tail.position).toBe(5)
    expect(store.tail.since(0)?.map(({ position }) => position)).toEqual([1, 2, 5])
    for (const position of [2, 3, 4]) expect(store.tail.since(position)).toBeNull()
    expect(store.tail.since(5)).toEqual([])
  })
})
