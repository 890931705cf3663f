import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../src/core/ids.ts'
import { Prisma } from '../../src/generated/sqlite/client.ts'
import { dialects } from '../kit/databases.ts'
import { append, bare, CHUNKS, COMPLETE, create, newStreamId, type Opened, open, openTaskWorld, stateOf, type TaskWorld, texts } from './stream.ts'

interface Update {
  chunks: { seq: number; content: string }[]
  text: string
  lastSeq: number
  status: string
}

describe.each(dialects())('streamChunks on %s', (dialect) => {
  let on: TaskWorld
  beforeAll(async () => {
    on = await openTaskWorld(dialect)
  })
  afterAll(() => on.world.close())

  const follow = (id: string, afterSeq?: number, headers: Record<string, string> = {}, user = on.ada) =>
    on.world.follow(CHUNKS, { id, afterSeq }, user, headers)
  const complete = (stream: Opened, afterSeq: number, ...contents: string[]) =>
    on.world.does(COMPLETE, { input: { ...stream, ...(contents.length && { afterSeq, chunks: texts(...contents) }) } }, on.ada)
  const toEnd = async (live: Awaited<ReturnType<typeof follow>>): Promise<Update[]> => {
    const messages = await live.until((message) => !['PENDING', 'STREAMING'].includes(message.status))
    expect(await live.next()).toMatchObject({ done: true })
    return messages
  }
  const textOf = (messages: Update[]) => messages.map(({ text }) => text).join('')
  const seqsOf = (messages: Update[]) => messages.flatMap(({ chunks }) => chunks.map(({ seq }) => seq))
  /** A stream with so many chunks, as quickly as a database takes them. */
  const filled = async (count: number) => {
    const stream = await open(on.world, on.ada)
    for (let from = 0; from < count; from += 1000)
      await append(on.world, on.ada, stream, from - 1, ...Array.from({ length: Math.min(1000, count - from) }, (_, i) => `${from + i} `))
    return { stream, text: Array.from({ length: count }, (_, i) => `${i} `).join('') }
  }

  it('says how it stands at once, then all that comes, and ends with the final status', async () => {
    const stream = await open(on.world, on.ada)
    const live = await follow(stream.id)
    expect(await live.take()).toEqual({ chunks: [], text: '', lastSeq: -1, status: 'PENDING', stream: { status: 'PENDING' } })
    await append(on.world, on.ada, stream, -1, 'a', 'b')
    expect(await live.take()).toMatchObject({ chunks: [{ seq: 0, content: 'a' }, { seq: 1, content: 'b' }], text: 'ab', lastSeq: 1, status: 'STREAMING' }) // biome-ignore format: one look
    await append(on.world, on.ada, stream, 1, 'c')
    expect(await live.take()).toMatchObject({ text: 'c', lastSeq: 2 })
    await complete(stream, 2)
    expect(await live.take()).toMatchObject({ chunks: [], text: '', lastSeq: 2, status: 'COMPLETED' })
    expect(await live.next()).toMatchObject({ done: true })
  })

  it('goes on after a place in the middle, by afterSeq or by Last-Event-ID, which is the later one', async () => {
    const { stream } = await filled(10)
    await complete(stream, 9, 'end')
    expect(textOf(await toEnd(await follow(stream.id, 4)))).toBe('5 6 7 8 9 end')
    expect(textOf(await toEnd(await follow(stream.id, undefined, { 'last-event-id': '6' })))).toBe('7 8 9 end')
    expect(textOf(await toEnd(await follow(stream.id, 2, { 'last-event-id': '7' })))).toBe('8 9 end')
    const whole = await follow(stream.id)
    const { value } = await whole.next()
    expect(value).toMatchObject({ id: '10' })
    expect(textOf(await toEnd(await follow(stream.id, 10)))).toBe('')
  })

  it('of an ended stream says all at once', async () => {
    const empty = await open(on.world, on.ada)
    await complete(empty, -1)
    expect(await toEnd(await follow(empty.id))).toMatchObject([{ chunks: [], text: '', lastSeq: -1, status: 'COMPLETED' }])
  })

  it('refuses a place beyond the end, before the beginning, and of what is not there or not yours', async () => {
    const { stream } = await filled(3)
    const code = async (live: Promise<Awaited<ReturnType<typeof follow>>>) => {
      const { value } = await (await live).next()
      return value.errors[0].extensions.code
    }
    expect(await code(follow(stream.id, 3))).toBe('BAD_USER_INPUT')
    expect(await code(follow(stream.id, -2))).toBe('BAD_USER_INPUT')
    expect(await code(follow('x'))).toBe('BAD_USER_INPUT')
    expect(await code(follow(newStreamId()))).toBe('NOT_FOUND')
    expect(await code(follow(`Task:${newId()}`))).toBe('NOT_FOUND')
    expect(await code(follow(stream.id, -1, {}, on.bob))).toBe('NOT_FOUND')
    expect(await code(on.world.follow(CHUNKS, { id: stream.id }))).toBe('UNAUTHENTICATED')
  })

  it('catches up with 5,000 chunks, complete, in order, in few messages', async () => {
    const { stream, text } = await filled(5000)
    const late = await follow(stream.id)
    const [first] = await late.until((message) => message.lastSeq >= 0)
    const rest = toEnd(late)
    await append(on.world, on.ada, stream, 4999, 'more ')
    await complete(stream, 5000, 'end')
    const messages = [first, ...(await rest)]
    expect(textOf(messages)).toBe(`${text}more end`)
    expect(seqsOf(messages)).toEqual(Array.from({ length: 5002 }, (_, seq) => seq))
    expect(messages.length).toBeLessThan(20)
  })

  it('gives identical words to 30 followers, from whichever place they began, while they are written', async () => {
    const stream = await open(on.world, on.ada)
    const followers = await Promise.all(Array.from({ length: 15 }, () => follow(stream.id)))
    const ends = followers.map(toEnd)
    for (let i = 0; i < 40; i++) {
      await append(on.world, on.ada, stream, i * 3 - 1, `${i}a `, `${i}b `, `${i}c `)
      if (i === 20) ends.push(...(await Promise.all(Array.from({ length: 15 }, (_, n) => follow(stream.id, n)))).map(toEnd))
    }
    await complete(stream, 119, 'end')
    const all = await Promise.all(ends)
    const words = Array.from({ length: 40 }, (_, i) => ['a', 'b', 'c'].map((letter) => `${i}${letter} `)).flat()
    for (const [n, messages] of all.entries()) {
      const from = n < 15 ? 0 : n - 14
      expect(textOf(messages)).toBe(`${words.slice(from).join('')}end`)
      expect(seqsOf(messages)).toEqual(Array.from({ length: 121 - from }, (_, i) => from + i))
    }
  })

  it('a slow follower, far behind what is kept in memory, loses nothing', async () => {
    const stream = await open(on.world, on.ada)
    await append(on.world, on.ada, stream, -1, '0 ')
    const slow = await follow(stream.id)
    expect(await slow.take()).toMatchObject({ text: '0 ' })
    const quick = await follow(stream.id)
    const words = ['0 ']
    for (let from = 1; from < 6000; from += 1000) {
      const part = Array.from({ length: 1000 }, (_, i) => `${from + i} `)
      words.push(...part)
      await append(on.world, on.ada, stream, from - 1, ...part)
      await quick.until((message) => message.lastSeq === from + 999)
    }
    await complete(stream, 6000, 'end')
    expect(textOf(await toEnd(slow))).toBe(`${words.slice(1).join('')}end`)
    await toEnd(quick)
  })

  it('ends where the stream is deleted with its task', async () => {
    const task = await create(on.world, on.ada, { runImmediately: false })
    const stream = await open(on.world, on.ada, { taskId: task.id })
    const live = await follow(stream.id)
    await live.take()
    await on.world.does(
      'mutation ($input: TaskDeleteInput!) { taskDelete(input: $input) { deletedId userErrors { code message } } }',
      { input: { id: task.id } },
      on.ada,
    )
    expect((await live.next()).value.errors[0].extensions.code).toBe('NOT_FOUND')
    expect(await live.next()).toMatchObject({ done: true })
  })

  it('shows a chunk only once it is committed', async () => {
    const stream = await open(on.world, on.ada)
    const live = await follow(stream.id)
    await live.take()
    const seen = live.take()
    const { database } = on.world.app.store
    await append(on.world, on.ada, stream, -1, 'durable')
    const { lastSeq } = await seen
    // Past Prisma, on another connection: what is seen here is committed.
    const [row] = await database.rows<{ lastSeq: number }>(Prisma.sql`SELECT "lastSeq" FROM "Stream" WHERE "id" = ${bare(stream.id)}`)
    expect(row!.lastSeq).toBeGreaterThanOrEqual(lastSeq)
    expect(await stateOf(on.world, stream.id)).toMatchObject({ chunks: 1 })
    await live.stop()
  })
})
