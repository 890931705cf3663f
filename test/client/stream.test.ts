import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Holdfast, NotFound, StreamNotCompleted } from '../../src/client/client.ts'
import { dialects } from '../kit/databases.ts'
import { append, COMPLETE, FAIL, newStreamId, open } from '../streams/stream.ts'
import { all, type ClientWorld, openClientWorld, take } from './server.ts'

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

  it('is not there where it is not one’s own', async () => {
    const { id } = await open(on.world, on.ada)
    await expect(on.as(on.bob).stream(id).text()).rejects.toThrow(NotFound)
    await expect(ada.stream(newStreamId()).text()).rejects.toThrow(NotFound)
  })

  it('ends at a signal while it waits', async () => {
    const { id } = await open(on.world, on.ada)
    const leaving = new AbortController()
    const reading = all(ada.stream(id, { signal: leaving.signal }))
    leaving.abort()
    expect(await reading).toEqual([])
  })
})
