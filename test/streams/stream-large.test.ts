import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { dialects } from '../kit/databases.ts'
import { openWorld, type TestUser, type World } from '../kit/world.ts'

const PIECE = 'x'.repeat(100_000)
const PIECES = 85

describe.each(dialects())('a stream of many megabytes on %s', (dialect) => {
  let world: World
  let user: TestUser
  let id: string

  beforeAll(async () => {
    world = await openWorld(dialect, { env: { MAX_BODY_BYTES: '6000000' } })
    user = await world.user()
    const { stream, producerToken } = await world.does(
      'mutation { streamOpen(input: {}) { stream { id } producerToken userErrors { code message } } }',
      {},
      user,
    )
    id = stream.id
    for (let afterSeq = -1; afterSeq < PIECES - 1; ) {
      const chunks = Array.from({ length: Math.min(9, PIECES - 1 - afterSeq) }, () => ({ content: PIECE }))
      await world.does(
        'mutation ($input: StreamAppendInput!) { streamAppend(input: $input) { stream { lastSeq } userErrors { code message } } }',
        { input: { id, producerToken, afterSeq, chunks } },
        user,
      )
      afterSeq += chunks.length
    }
    await world.does(
      'mutation ($input: StreamCompleteInput!) { streamComplete(input: $input) { stream { status } userErrors { code message } } }',
      { input: { id, producerToken } },
      user,
    )
  })
  afterAll(() => world?.close())

  test('comes to a follower whole, in messages of bounded size', async () => {
    const follower = await world.follow('subscription ($id: ID!) { streamChunks(streamId: $id) { chunks { seq content } lastSeq status } }', { id }, user)
    const messages = await follower.until((update) => update.status === 'COMPLETED')
    const chunks = messages.flatMap((update) => update.chunks)
    expect(chunks.map((chunk) => chunk.seq)).toEqual(Array.from({ length: PIECES }, (_, seq) => seq))
    expect(chunks.every((chunk) => chunk.content === PIECE)).toBe(true)
    expect(Math.max(...messages.map((update) => update.chunks.length))).toBeLessThanOrEqual(10)
  })

  test('that ends with much at once is told to all who follow part by part, and its end with the last', async () => {
    const { stream, producerToken } = await world.does(
      'mutation { streamOpen(input: {}) { stream { id } producerToken userErrors { code message } } }',
      {},
      user,
    )
    const FOLLOW = 'subscription ($id: ID!) { streamChunks(streamId: $id) { chunks { seq } lastSeq status } }'
    const followers = await Promise.all([1, 2].map(() => world.follow(FOLLOW, { id: stream.id }, user)))
    for (const follower of followers) expect(await follower.take()).toMatchObject({ lastSeq: -1 })
    const input = { id: stream.id, producerToken, afterSeq: -1, chunks: Array.from({ length: 900 }, () => ({ content: 'x'.repeat(4000) })) }
    await world.does(
      'mutation ($input: StreamCompleteInput!) { streamComplete(input: $input) { stream { status } userErrors { code message } } }',
      { input },
      user,
    )
    for (const follower of followers) {
      const messages = await follower.until(({ lastSeq }) => lastSeq === 899)
      let last = -1
      for (const { chunks, lastSeq, status } of messages) {
        expect(chunks.map(({ seq }: { seq: number }) => seq)).toEqual(chunks.map((_: unknown, i: number) => last + 1 + i))
        last += chunks.length
        expect([lastSeq, status]).toEqual([last, last === 899 ? 'COMPLETED' : 'STREAMING'])
      }
      expect(messages.length).toBeGreaterThan(2)
    }
  })

  test('is read by its chunks in pages of bounded size', async () => {
    const seqs: number[] = []
    for (;;) {
      const { data } = await world.ask(
        'query ($id: ID!, $after: Int!) { stream(id: $id) { chunks(afterSeq: $after, first: 1000) { seq } } }',
        { id, after: seqs[seqs.length - 1] ?? -1 },
        user,
      )
      if (!data.stream.chunks.length) break
      expect(data.stream.chunks.length).toBeLessThanOrEqual(10)
      seqs.push(...data.stream.chunks.map((chunk: { seq: number }) => chunk.seq))
    }
    expect(seqs).toEqual(Array.from({ length: PIECES }, (_, seq) => seq))
  })

  test('says that its text is too long to be joined', async () => {
    const { errors } = await world.ask('query ($id: ID!) { stream(id: $id) { id text } }', { id }, user)
    expect(errors).toMatchObject([{ path: ['stream', 'text'], extensions: { code: 'BAD_USER_INPUT' } }])
  })
})
