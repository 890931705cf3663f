import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { streamsCompact } from '../../src/streams/streams-compact.ts'
import { streamsExpire } from '../../src/streams/streams-expire.ts'
import { dialects } from '../kit/databases.ts'
import { append, bare, CHUNKS, COMPLETE, type Opened, open, openTaskWorld, read, type TaskWorld } from './stream.ts'

const DAY = 86_400_000

describe.each(dialects())('streams that ended long ago on %s', (dialect) => {
  let on: TaskWorld
  beforeAll(async () => {
    on = await openTaskWorld(dialect)
  })
  afterAll(() => on.world.close())

  const filled = async (count: number): Promise<Opened> => {
    const stream = await open(on.world, on.ada)
    for (let from = 0; from < count; from += 1000)
      await append(on.world, on.ada, stream, from - 1, ...Array.from({ length: Math.min(1000, count - from) }, (_, i) => `${from + i} `))
    return stream
  }
  const end = (stream: Opened) => on.world.does(COMPLETE, { input: stream }, on.ada)
  const age = (stream: Opened, ms: number) =>
    on.world.client.$executeRaw`UPDATE "Stream" SET "completedAtMs" = "completedAtMs" - ${ms} WHERE "id" = ${bare(stream.id)}`
  const rows = (stream: Opened) => on.world.client.streamChunk.count({ where: { streamId: bare(stream.id) } })
  const compact = (afterMinutes = 60) => streamsCompact(on.world.app.store, { afterMinutes })
  const expire = (retentionDays?: number) => streamsExpire(on.world.app.store, { retentionDays })
  const words = async (id: string, afterSeq: number) => {
    const live = await on.world.follow(CHUNKS, { id, afterSeq }, on.ada)
    return (await live.until(({ status }) => status === 'COMPLETED')).map(({ text }) => text).join('')
  }

  it('take few rows, and followers read them from any place as before', async () => {
    const stream = await filled(5000)
    await end(stream)
    await age(stream, 61 * 60_000)
    const before = await read(on.world, on.ada, stream.id)
    await compact()
    expect(await rows(stream)).toBeLessThan(20)
    expect(await read(on.world, on.ada, stream.id)).toEqual(before)
    expect(await words(stream.id, 2717)).toBe(Array.from({ length: 5000 - 2718 }, (_, i) => `${2718 + i} `).join(''))
    expect(await compact()).toBe(0)
  })

  it('are compacted by one of two servers that do it at once, and not twice', async () => {
    const streams = await Promise.all([3000, 30, 300].map(filled))
    for (const stream of streams) {
      await end(stream)
      await age(stream, 61 * 60_000)
    }
    const [one, two] = await Promise.all([compact(), compact()])
    await compact()
    expect(one + two).toBeLessThanOrEqual(3)
    expect(await words(streams[0]!.id, -1)).toBe(Array.from({ length: 3000 }, (_, i) => `${i} `).join(''))
  })

  it('are left as they are while they are open, or ended a short while ago', async () => {
    const [opened, ended] = [await filled(10), await filled(10)]
    await end(ended)
    await compact()
    expect([await rows(opened), await rows(ended)]).toEqual([10, 10])
  })

  it('lose what they said by age, and say so', async () => {
    const [old, young, open] = [await filled(2500), await filled(10), await filled(10)]
    for (const stream of [old, young]) await end(stream)
    await compact(0)
    await age(old, 31 * DAY)
    await age(young, 29 * DAY)
    expect(await expire()).toBe(0)
    expect(await expire(30)).toBe(1)
    expect(await expire(30)).toBe(0)
    await compact()
    expect([await rows(old), await rows(open)]).toEqual([0, 10])
    expect(await rows(young)).toBeGreaterThan(0)
    const ask = async (fields: string) => on.world.ask(`query ($id: ID!) { stream(id: $id) { ${fields} } }`, { id: old.id }, on.ada)
    expect((await ask('status lastSeq expiredAt')).data.stream).toEqual({ status: 'COMPLETED', lastSeq: 2499, expiredAt: expect.any(String) })
    for (const field of ['text', 'chunks { seq }', 'chunks(afterSeq: 2000) { seq }']) {
      const answer = await ask(field)
      expect([answer.data.stream, answer.errors![0]!.message]).toEqual([null, expect.stringContaining('removed by age')])
    }
    expect((await ask('chunks(afterSeq: 2499) { seq }')).data.stream.chunks).toEqual([])
    const live = await on.world.follow(CHUNKS, { id: old.id, afterSeq: 5 }, on.ada)
    await expect(live.take()).rejects.toThrow('removed by age')
    expect(await on.world.client.event.count({ where: { kind: 'STREAM_EXPIRED', subjectId: bare(old.id) } })).toBe(1)
    expect((await read(on.world, on.ada, young.id)).text).toBe('0 1 2 3 4 5 6 7 8 9 ')
  })

  it('lose it in steps, in the middle of which nobody is shown a part for the whole', async () => {
    const stream = await filled(2500)
    await end(stream)
    await age(stream, 31 * DAY)
    await expire(30)
    const stopping = new AbortController()
    stopping.abort()
    await streamsCompact(on.world.app.store, { afterMinutes: 60, signal: stopping.signal })
    expect(await rows(stream)).toBe(500)
    for (const field of ['text', 'chunks { seq }'])
      expect((await on.world.ask(`query ($id: ID!) { stream(id: $id) { ${field} } }`, { id: stream.id }, on.ada)).errors![0]!.message).toContain(
        'removed by age',
      )
    await compact()
    expect(await rows(stream)).toBe(0)
  })
})
