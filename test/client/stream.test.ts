import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Holdfast, NotFound, StreamNotCompleted } from '../../src/client/client.ts'
import { server } from '../../src/core/actor.ts'
import { transact } from '../../src/events/transact.ts'
import { tasksRescue } from '../../src/tasks/tasks-rescue.ts'
import { dialects } from '../kit/databases.ts'
import { append, bare, COMPLETE, create, FAIL, newStreamId, open } from '../streams/stream.ts'
import { all, type ClientWorld, openClientWorld, take } from './server.ts'

/** Cuts what is told as it comes after so many bytes, and whoever is in the middle of a message. */
const cutting =
  (bytes: number): typeof fetch =>
  async (input, init) => {
    const response = await fetch(input, init)
    if (!response.headers.get('content-type')?.startsWith('text/event-stream')) return response
    let left = bytes
    const cut = new TransformStream<Uint8Array, Uint8Array>({
      transform(part, controller) {
        controller.enqueue(part.slice(0, left))
        left -= part.length
        if (left <= 0) controller.error(new TypeError('terminated'))
      },
    })
    return new Response(response.body!.pipeThrough(cut), response)
  }

describe.each(dialects())('a stream read by the client on %s', (dialect) => {
  let on: ClientWorld
  let ada: Holdfast
  beforeAll(async () => {
    on = await openClientWorld(dialect)
    ada = on.as(on.ada)
  })
  afterAll(() => on.close())

  it('is told chunk by chunk as it comes, and ends with it', async () => {
    const opened = await open(on.world, on.ada)
    const stream = ada.stream(opened.id)
    const chunks = stream[Symbol.asyncIterator]()
    const first = chunks.next()
    await append(on.world, on.ada, opened, -1, 'Hello ', 'wörld')
    expect((await first).value).toMatchObject({ seq: 0, kind: 'TEXT', content: 'Hello ' })
    expect((await chunks.next()).value).toMatchObject({ seq: 1, content: 'wörld' })
    await on.world.does(COMPLETE, { input: opened }, on.ada)
    expect(await chunks.next()).toMatchObject({ done: true })
    expect([stream.status, stream.lastSeq, await ada.stream(opened.id).text()]).toEqual(['COMPLETED', 1, 'Hello wörld'])
  })

  it('goes on behind a seq, also in a second loop', async () => {
    const opened = await open(on.world, on.ada)
    await append(on.world, on.ada, opened, -1, 'a', 'b', 'c', 'd')
    await on.world.does(COMPLETE, { input: opened }, on.ada)
    const stream = ada.stream(opened.id, { afterSeq: 0 })
    expect((await take(stream, 1)).map(({ content }) => content)).toEqual(['b'])
    expect((await all(stream)).map(({ content }) => content)).toEqual(['c', 'd'])
    expect(await all(stream)).toEqual([])
  })

  it('throws where it was not completed, after what was said', async () => {
    const opened = await open(on.world, on.ada)
    await append(on.world, on.ada, opened, -1, 'half')
    await on.world.does(FAIL, { input: { ...opened, error: 'The model is gone.' } }, on.ada)
    const said: string[] = []
    const reading = (async () => {
      for await (const { content } of ada.stream(opened.id)) said.push(content)
    })()
    await expect(reading).rejects.toThrow(StreamNotCompleted)
    await expect(reading).rejects.toMatchObject({ status: 'FAILED', lastSeq: 0, taskId: null, message: 'The stream is FAILED: The model is gone.' })
    expect(said).toEqual(['half'])
  })

  it('is told whole, each chunk once, though its connection is cut again and again', async () => {
    const opened = await open(on.world, on.ada)
    const client = on.as(on.ada, { fetch: cutting(3500) })
    const [plain, following]: [string[], string[]] = [[], []]
    const reading = Promise.all([
      (async () => {
        for await (const { content } of client.stream(opened.id)) plain.push(content)
      })(),
      (async () => {
        for await (const part of client.stream(opened.id, { follow: 'task' })) if (part.kind === 'TEXT') following.push(part.content)
      })(),
    ])
    const all = Array.from({ length: 180 }, (_, i) => `${i} `)
    // A message, or some, can come whole; two of these cannot.
    for (let from = 0; from < all.length; from += 30) {
      await append(on.world, on.ada, opened, from - 1, ...all.slice(from, from + 30))
      await expect.poll(() => [plain.length, following.length], { timeout: 20_000 }).toEqual([from + 30, from + 30])
    }
    await on.world.does(COMPLETE, { input: opened }, on.ada)
    await reading
    expect([plain, following]).toEqual([all, all])
  })

  describe('of a task whose attempt is lost', () => {
    const lost = async () => {
      const { id } = await create(on.world, on.ada, { retryPolicy: { initialSeconds: 0 } })
      await (await (await on.held.run(id)).task.openStream({})).write('TEXT', 'half a sent')
      const row = () => on.world.client.stream.findFirstOrThrow({ where: { producerTaskId: bare(id) } })
      await expect.poll(async () => (await row()).lastSeq).toBe(0)
      const lose = () =>
        transact(on.world.app.store, server, async (work) => {
          await work.db.$executeRaw`UPDATE "Task" SET "leaseExpiresAtMs" = 1 WHERE "id" = ${bare(id)}`
          await tasksRescue(work)
        })
      return { id, streamId: `Stream:${(await row()).id}`, lose }
    }

    it('throws, unless one follows the task: then it is told that the next one begins anew', async () => {
      const { id, streamId, lose } = await lost()
      const alone = ada.stream(streamId).text()
      const parts = ada.stream(streamId, { follow: 'task' })[Symbol.asyncIterator]()
      expect((await parts.next()).value).toMatchObject({ kind: 'TEXT', seq: 0, content: 'half a sent' })
      await Promise.all([lose(), expect(alone).rejects.toMatchObject({ status: 'INTERRUPTED', taskId: id })])
      const second = await on.held.run(id, 2)
      await (await second.task.openStream({})).write('TEXT', 'a whole sentence')
      const restart = (await parts.next()).value
      expect(restart).toMatchObject({ kind: 'RESTART', streamId: expect.stringMatching(/^Stream:/), ended: { streamId, status: 'INTERRUPTED', taskId: id } })
      expect((await parts.next()).value).toMatchObject({ kind: 'TEXT', seq: 0, content: 'a whole sentence' })
      second.complete({})
      expect(await parts.next()).toMatchObject({ done: true })
      expect(await ada.stream(streamId, { follow: 'task' }).text()).toBe('a whole sentence')
    })

    it('throws where there is no further attempt', async () => {
      const { id, streamId, lose } = await lost()
      await on.world.client.$executeRaw`UPDATE "Task" SET "maxAttempts" = 1 WHERE "id" = ${bare(id)}`
      const reading = ada.stream(streamId, { follow: 'task' }).text()
      await Promise.all([lose(), expect(reading).rejects.toThrow(StreamNotCompleted)])
    })
  })

  it('is not there where it is not one’s own', async () => {
    const { id } = await open(on.world, on.ada)
    await expect(on.as(on.bob).stream(id).text()).rejects.toThrow(NotFound)
    await expect(ada.stream(newStreamId()).text()).rejects.toThrow(NotFound)
    await expect(on.as(on.bob).stream(id, { follow: 'task' }).text()).rejects.toThrow(NotFound)
  })

  it('ends at a signal while it waits', async () => {
    const { id } = await open(on.world, on.ada)
    const leaving = new AbortController()
    const reading = all(ada.stream(id, { signal: leaving.signal }))
    leaving.abort()
    expect(await reading).toEqual([])
    expect(await all(ada.stream(id, { follow: 'task', signal: leaving.signal }))).toEqual([])
  })
})
