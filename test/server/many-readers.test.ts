import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import WebSocket from 'ws'
import { buildSchema } from '../../src/graphql/schema.ts'
import { Wire } from '../../src/graphql/shared-results.ts'
import { serve } from '../../src/server/serve.ts'
import { dialects } from '../kit/databases.ts'
import { append, COMPLETE, type Opened, open, openTaskWorld, type TaskWorld } from '../streams/stream.ts'
import { RawSocket } from './raw-socket.ts'

const FOLLOW = 'subscription ($id: ID!, $afterSeq: Int) { streamChunks(streamId: $id, afterSeq: $afterSeq) { chunks { seq content } lastSeq status } }'
const ADD = 'mutation ($input: StreamAppendInput!) { streamAppend(input: $input) { stream { lastSeq } userErrors { code message } } }'
const FINAL = ['COMPLETED', 'FAILED', 'CANCELLED', 'INTERRUPTED']

describe.each(dialects())('many readers of one stream on %s', (dialect) => {
  let on: TaskWorld
  let server: Awaited<ReturnType<typeof serve>>
  beforeAll(async () => {
    on = await openTaskWorld(dialect, { env: { PORT: '0', MAX_SUBSCRIPTIONS_PER_SOCKET: '100' } })
    server = await serve(on.world.app, buildSchema())
  })
  afterAll(async () => {
    await server.close()
    await on.world.close()
  })

  const socketOf = (user = on.ada) => RawSocket.open(server.url, { init: { authorization: `Bearer ${user.accessToken}` } })
  const pieces = (count: number) => Array.from({ length: count }, (_, i) => `${i} ß漢👩‍👩‍👧 `)
  const complete = (stream: Opened) => on.world.does(COMPLETE, { input: stream }, on.ada)
  /** Deterministic, so that what fails once fails again. */
  const dice = (seed: number) => () => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31
    return seed / 2 ** 31
  }

  /** Reads to the end, cut off at random and going on where it was. */
  async function reads(stream: Opened, roll: () => number): Promise<string> {
    let [text, seq, status] = ['', -1, '']
    while (!FINAL.includes(status)) {
      const socket = await socketOf()
      let left = roll() < 0.7 ? 1 + Math.floor(roll() * 20) : Number.POSITIVE_INFINITY
      socket.subscribe('a', FOLLOW, { variables: { id: stream.id, afterSeq: seq } })
      while (left-- > 0 && !FINAL.includes(status)) {
        const { type, payload } = await socket.next()
        if (type !== 'next') throw new Error(`${type}: ${JSON.stringify(payload)}`)
        const update = payload.data.streamChunks
        for (const chunk of update.chunks) {
          if (chunk.seq !== ++seq) throw new Error(`${chunk.seq} came where ${seq} was due`)
          text += chunk.content
        }
        status = update.status
      }
      socket.ws.terminate()
    }
    return text
  }

  it('give each of 200 the same words, byte for byte, however often they are cut off', async () => {
    const stream = await open(on.world, on.ada)
    const list = pieces(400)
    const readers = Array.from({ length: 200 }, (_, n) => reads(stream, dice(n + 1)))
    for (let at = 0; at < list.length; at += 5) await append(on.world, on.ada, stream, at - 1, ...list.slice(at, at + 5))
    await complete(stream)
    const texts = await Promise.all(readers)
    expect(new Set(texts)).toEqual(new Set([list.join('')]))
  }, 120_000)

  it('are served by one execution and one text where all is the same but where they began', async () => {
    const stream = await open(on.world, on.ada)
    await append(on.world, on.ada, stream, -1, 'a', 'b')
    const [first, second] = [await socketOf(), await socketOf()]
    first.subscribe('1', FOLLOW, { variables: { id: stream.id, afterSeq: -1 } })
    second.subscribe('2', FOLLOW, { variables: { id: stream.id, afterSeq: 0 } })
    await Promise.all([first.next(), second.next()])
    const before = made
    await append(on.world, on.ada, stream, 1, 'c')
    const [one, two] = await Promise.all([first.next(), second.next()])
    expect([one.id, two.id]).toEqual(['1', '2'])
    expect(one.payload).toEqual({ data: { streamChunks: { chunks: [{ seq: 2, content: 'c' }], lastSeq: 2, status: 'STREAMING' } } })
    expect(two.payload).toEqual(one.payload)
    expect(made - before).toBe(1)
    for (const socket of [first, second]) socket.ws.terminate()
  })

  it('are told apart by user, role, document and whatever else they asked', async () => {
    const stream = await open(on.world, on.ada)
    const asks = [
      {
        user: on.ada,
        query: 'subscription ($id: ID!) { streamChunks(streamId: $id) { lastSeq stream { owner { email sessions(first: 1) { totalCount } } } } }',
      },
      {
        user: on.admin,
        query: 'subscription ($id: ID!) { streamChunks(streamId: $id) { lastSeq stream { owner { email sessions(first: 1) { totalCount } } } } }',
      },
      {
        user: on.ada,
        query: 'subscription ($id: ID!, $text: Boolean!) { streamChunks(streamId: $id) { lastSeq text @include(if: $text) } }',
        more: { text: true },
      },
      {
        user: on.ada,
        query: 'subscription ($id: ID!, $text: Boolean!) { streamChunks(streamId: $id) { lastSeq text @include(if: $text) } }',
        more: { text: false },
      },
    ].map((ask) => ({ ...ask, query: ask.query.replace(' sessions(first: 1) { totalCount }', '') }))
    const sockets = await Promise.all(asks.map(({ user }) => socketOf(user)))
    for (const [i, { query, more }] of asks.entries()) sockets[i]!.subscribe('a', query, { variables: { id: stream.id, ...more } })
    await Promise.all(sockets.map((socket) => socket.next()))
    const before = made
    await append(on.world, on.ada, stream, -1, 'x')
    const answers = (await Promise.all(sockets.map((socket) => socket.next()))).map(({ payload }) => payload.data.streamChunks)
    expect(answers).toEqual([
      { lastSeq: 0, stream: { owner: { email: on.ada.email } } },
      { lastSeq: 0, stream: { owner: { email: on.ada.email } } },
      { lastSeq: 0, text: 'x' },
      { lastSeq: 0 },
    ])
    expect(made - before).toBe(4)
    for (const socket of sockets) socket.ws.terminate()
  })

  it('lose it one by one: the socket of a session that is revoked is closed, and the others go on', async () => {
    const stream = await open(on.world, on.ada)
    const again = await on.world.does(
      'mutation ($input: SessionCreateInput!) { sessionCreate(input: $input) { tokens { accessToken } userErrors { code message } } }',
      { input: { email: on.ada.email, password: on.ada.password } },
      null,
    )
    const other = { ...on.ada, accessToken: again.tokens.accessToken }
    const [stays, leaves] = [await socketOf(), await socketOf(other)]
    for (const socket of [stays, leaves]) {
      socket.subscribe('a', FOLLOW, { variables: { id: stream.id } })
      await socket.next()
    }
    await on.world.does('mutation { sessionRevoke(input: {}) { userErrors { code message } } }', {}, other)
    expect((await leaves.closed).code).toBe(4403)
    await append(on.world, on.ada, stream, -1, 'x')
    expect((await stays.next()).payload.data.streamChunks.chunks).toEqual([{ seq: 0, content: 'x' }])
    stays.ws.terminate()
  })

  it('do not fill the server where one does not read: it is served from the table when it does', async () => {
    const stream = await open(on.world, on.ada)
    const slow = await socketOf()
    slow.subscribe('a', FOLLOW, { variables: { id: stream.id } })
    await slow.next()
    slow.ws.pause()
    const piece = 'ü'.repeat(10_000)
    let seq = -1
    const before = sent
    for (let n = 0; n < 60; n++, seq += 40)
      await on.world.does(ADD, { input: { ...stream, afterSeq: seq, chunks: Array.from({ length: 40 }, () => ({ content: piece })) } }, on.ada)
    await on.world.does(ADD.replace('StreamAppendInput', 'StreamCompleteInput').replace('streamAppend', 'streamComplete'), { input: stream }, on.ada)
    // 48 MB were said; what was handed to the network is what its own buffers take, and one message that waits.
    expect(sent - before).toBeLessThan(24_000_000)
    slow.ws.resume()
    let last = -1
    for (let status = ''; !FINAL.includes(status); ) {
      const { payload } = await slow.next()
      for (const chunk of payload.data.streamChunks.chunks) {
        expect(chunk.seq).toBe(++last)
        if (chunk.content !== piece) throw new Error('other words')
      }
      status = payload.data.streamChunks.status
    }
    expect(last).toBe(2399)
    slow.ws.terminate()
  }, 120_000)
})

/** How many texts were made for readers to share. */
let made = 0
const json = Wire.prototype.json
Wire.prototype.json = function (this: Wire, result) {
  if (!seen.has(this)) made++
  seen.add(this)
  return json.call(this, result)
}
const seen = new WeakSet<Wire>()

/** How much sockets were given to send. */
let sent = 0
const send = WebSocket.prototype.send
WebSocket.prototype.send = function (this: WebSocket, data: unknown, ...rest: unknown[]) {
  sent += Buffer.byteLength(String(data))
  return (send as (...args: unknown[]) => void).call(this, data, ...rest)
} as typeof send
