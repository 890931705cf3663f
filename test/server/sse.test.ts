import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Unauthenticated } from '../../src/core/errors.ts'
import { clientLeft, serverStops, untilEnded } from '../../src/graphql/subscribe.ts'
import { serve } from '../../src/server/serve.ts'
import { eventStream } from '../../src/server/sse.ts'
import { Puppet, tinyApp, tinySchema } from './tiny-app.ts'

const puppet = new Puppet()
let server: Awaited<ReturnType<typeof serve>>
beforeAll(async () => {
  server = await serve(tinyApp(puppet), tinySchema(puppet))
})
afterAll(() => server.close())

const follow = (query: string, { headers = {}, signal, url = server.url }: { headers?: Record<string, string>; signal?: AbortSignal; url?: string } = {}) =>
  fetch(`${url}/graphql?query=${encodeURIComponent(query)}`, { headers: { accept: 'text/event-stream', ...headers }, ...(signal && { signal }) })

const ticks = (text: string) => [...text.matchAll(/id: (.+)\ndata: (.+)\n/g)].map(([, id, data]) => [id, JSON.parse(data!).data])

/** Reads until the text holds `part`, or to the end. */
async function readUntil(reader: ReadableStreamDefaultReader<Uint8Array>, part?: string): Promise<string> {
  let text = ''
  while (part === undefined || !text.includes(part)) {
    const step = await reader.read()
    if (step.done) break
    text += Buffer.from(step.value).toString()
  }
  return text
}

describe('a subscription over server-sent events', () => {
  it('names each event by its cursor, also where none was selected, and ends with complete', async () => {
    const text = await (await follow('subscription { ticks(count: 2) { body } }')).text()
    expect(text.startsWith(':\n\n')).toBe(true)
    expect(ticks(text)).toEqual([
      ['1', { ticks: { body: 'x' } }],
      ['2', { ticks: { body: 'x' } }],
    ])
    expect(text.endsWith('event: complete\ndata:\n\n')).toBe(true)
    expect(text).not.toContain('sseId')
  })

  it('goes on after Last-Event-ID', async () => {
    const text = await (await follow('subscription { ticks(count: 2) { cursor } }', { headers: { 'last-event-id': '41' } })).text()
    expect(ticks(text)).toEqual([
      ['42', { ticks: { cursor: '42' } }],
      ['43', { ticks: { cursor: '43' } }],
    ])
  })

  it('masks the errors of each event, and those of its source', async () => {
    const each = await (await follow('subscription { ticks(count: 1) { broken } }')).text()
    expect(each).toContain('"code":"INTERNAL"')
    const failing = await (await follow('subscription { failing { body } }')).text()
    expect(failing).toMatch(/the last.*\n\nevent: next\ndata: \{"errors":\[.*"code":"INTERNAL".*\n\nevent: complete/s)
    expect(each + failing).not.toContain('hunter2')
  })

  it('tells as an event why it was refused', async () => {
    const text = await (await follow('subscription { refused { body } }')).text()
    expect(text).toMatch(/event: next\ndata: .*Not like this.*BAD_USER_INPUT.*\n\nevent: complete/)
  })

  it('ends its source when the client leaves', async () => {
    const { opened, closed } = puppet
    const leaving = new AbortController()
    const response = await follow('subscription { endless { body } }', { signal: leaving.signal })
    await readUntil(response.body!.getReader(), 'first')
    expect(puppet.opened).toBe(opened + 1)
    leaving.abort()
    await puppet.until(() => puppet.closed === closed + 1)
  })

  it('ends without complete when the server stops, so that clients come back', async () => {
    const stopping = await serve(tinyApp(puppet), tinySchema(puppet))
    const { closed } = puppet
    const opened = async (query: string) => (await follow(query, { url: stopping.url })).body!.getReader()
    const [lively, stuck] = [await opened('subscription { endless { body } }'), await opened('subscription { stuck { body } }')]
    await readUntil(lively, 'first')
    await stopping.close()
    expect(await readUntil(lively)).not.toContain('complete')
    expect(await readUntil(stuck)).not.toContain('complete')
    await puppet.until(() => puppet.closed === closed + 1)
  })

  it('reads its source no faster than the client reads', async () => {
    puppet.pulled = 0
    const leaving = new AbortController()
    await follow('subscription { ticks(count: 1000, bytes: 100000) { body } }', { signal: leaving.signal })
    // 100 MB wait to be read. What is pulled is what the buffers of both ends hold, and then no more.
    let before = -1
    while (before !== puppet.pulled) {
      before = puppet.pulled
      for (let i = 0; i < 20; i++) await fetch(`${server.url}/health/live`)
    }
    expect(puppet.pulled).toBeLessThan(300)
    leaving.abort()
  })

  it('is kept alive by comments', async () => {
    const parked = { next: () => new Promise<never>(() => {}), return: async () => ({ done: true as const, value: undefined }) }
    const reader = eventStream(parked, new AbortController().signal, 5).getReader()
    for (let i = 0; i < 3; i++) expect(Buffer.from((await reader.read()).value!).toString()).toBe(':\n\n')
    await reader.cancel()
  })
})

describe('what ends a subscription', () => {
  const parked = () => {
    const ending = new AbortController()
    const seen = { returned: 0, done: 0 }
    const source = {
      next: () => new Promise<never>(() => {}),
      return: () => {
        seen.returned++
        return new Promise<never>(() => {})
      },
    }
    const results = untilEnded(source, {
      signal: ending.signal,
      each: (result) => result,
      last: (error) => ({ data: { last: (error as Error).message } }),
      done: () => seen.done++,
    })
    return { ending, results, seen }
  }
  const over = { done: true, value: undefined }

  it('is told to the reader where it is the right that ended', async () => {
    const { ending, results, seen } = parked()
    const step = results.next()
    ending.abort(new Unauthenticated('It ended.'))
    expect(await step).toEqual({ done: false, value: { data: { last: 'It ended.' } } })
    expect(await results.next()).toEqual(over)
    expect(seen).toEqual({ returned: 1, done: 1 })
  })

  it.each([
    ['the client', clientLeft],
    ['the server', serverStops],
  ])('is not told where it is %s', async (_name, reason) => {
    const { ending, results, seen } = parked()
    const step = results.next()
    ending.abort(reason)
    expect(await step).toEqual(over)
    expect(seen).toEqual({ returned: 1, done: 1 })
  })

  it('frees the source at once, even while the reader is busy', async () => {
    const { ending, results, seen } = parked()
    ending.abort(new Unauthenticated('It ended.'))
    expect(seen).toEqual({ returned: 1, done: 1 })
    expect(await results.next()).toEqual({ done: false, value: { data: { last: 'It ended.' } } })
    expect(await results.next()).toEqual(over)
  })

  it('may be the reader itself, in the middle of waiting', async () => {
    const { results, seen } = parked()
    const step = results.next()
    expect(await results.return()).toEqual(over)
    expect(await step).toEqual(over)
    expect(seen).toEqual({ returned: 1, done: 1 })
  })
})
