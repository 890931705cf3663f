import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Store } from '../../src/events/store.ts'
import { ChunkCommitter } from '../../src/streams/chunk-committer.ts'
import { dialects } from '../kit/databases.ts'
import { type Opened, open, openTaskWorld, type TaskWorld } from './stream.ts'

describe.each(dialects())('chunks of several streams committed together on %s', (dialect) => {
  let on: TaskWorld
  let [good, stale]: Opened[] = []
  beforeAll(async () => {
    on = await openTaskWorld(dialect)
    good = await open(on.world, on.ada)
    stale = await open(on.world, on.ada)
  })
  afterAll(() => on.world.close())

  /** The store, but what says why an append was refused cannot be read. */
  function withoutReasons(store: Store): Store {
    const client = new Proxy(store.database.client, {
      get(target, name) {
        if (name === 'stream') return { findUnique: () => Promise.reject(new Error('away')) }
        const value: unknown = Reflect.get(target, name)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
    return { ...store, logId: store.logId, database: { ...store.database, client } }
  }

  test('are acknowledged once, though it cannot be said why another of them was refused', async () => {
    const committer = new ChunkCommitter(withoutReasons(on.world.app.store))
    const inner = (globalId: string) => globalId.split(':')[1]!
    const chunks = [{ kind: 'TEXT' as const, content: 'kept' }]
    const both = await Promise.allSettled([
      committer.append({ streamId: inner(stale!.id), afterSeq: 5, chunks }),
      committer.append({ streamId: inner(good!.id), afterSeq: -1, chunks }),
    ])
    expect(both).toMatchObject([
      { status: 'rejected', reason: { message: 'away' } },
      { status: 'fulfilled', value: { lastSeq: 0 } },
    ])
    expect(await on.world.client.streamChunk.count()).toBe(1)
  })
})
