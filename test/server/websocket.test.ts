import { once } from 'node:events'
import { createClient } from 'graphql-ws'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import WebSocket from 'ws'
import { createHttpServer } from '../../src/server/http.ts'
import { serve } from '../../src/server/serve.ts'
import { type SocketTimes, serveSockets } from '../../src/server/websocket.ts'
import { createGraphQL } from '../../src/server/yoga.ts'
import { RawSocket, refusedWith } from './raw-socket.ts'
import { Puppet, tinyApp, tinySchema } from './tiny-app.ts'

const puppet = new Puppet()
let server: Awaited<ReturnType<typeof serve>>
const sockets: RawSocket[] = []
const open = async (options?: Parameters<typeof RawSocket.open>[1], url = server.url) => {
  const socket = await RawSocket.open(url, options)
  sockets.push(socket)
  return socket
}
beforeAll(async () => {
  server = await serve(
    tinyApp(puppet, { CORS_ORIGINS: 'https://app.example', MAX_BODY_BYTES: '20000', MAX_SUBSCRIPTIONS_PER_SOCKET: '3', NODE_ENV: 'production' }),
    tinySchema(puppet),
  )
})
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.ws.terminate()
  // Whatever a test did, nothing goes on for a client that is gone.
  await puppet.until(() => puppet.closed === puppet.opened)
})
afterAll(() => server.close())

describe('a socket', () => {
  it('carries queries, mutations and subscriptions of the common client', async () => {
    const client = createClient({ url: `${server.url.replace('http', 'ws')}/graphql`, webSocketImpl: WebSocket })
    const all = async (query: string) => {
      const results = []
      for await (const result of client.iterate({ query })) results.push(result.data)
      return results
    }
    expect(await all('{ hello }')).toEqual([{ hello: 'hello world' }])
    expect(await all('mutation { __typename }')).toEqual([{ __typename: 'Mutation' }])
    expect(await all('subscription { ticks(count: 2) { cursor } }')).toEqual([{ ticks: { cursor: '1' } }, { ticks: { cursor: '2' } }])
    await client.dispose()
  })

  it('tells errors of an operation and goes on', async () => {
    const socket = await open()
    const codes = async (query: string) => {
      socket.subscribe('a', query)
      const [first] = await socket.all('a')
      return [first!.type, (first!.payload.errors ?? first!.payload)[0].extensions.code]
    }
    expect(await codes('{ hello')).toEqual(['error', 'BAD_USER_INPUT'])
    expect(await codes('{ nope }')).toEqual(['error', 'BAD_USER_INPUT'])
    expect(await codes(`{ thing ${'{ parent '.repeat(15)} { id } ${'}'.repeat(15)} }`)).toEqual(['error', 'QUERY_TOO_COMPLEX'])
    expect(await codes('{ __schema { queryType { name } } }')).toEqual(['error', 'BAD_USER_INPUT'])
    expect(await codes('query A { hello } query B { hello }')).toEqual(['error', 'BAD_USER_INPUT'])
    expect(await codes('subscription { refused { body } }')).toEqual(['next', 'BAD_USER_INPUT'])
    expect(await codes('{ missing }')).toEqual(['next', 'NOT_FOUND'])
    expect(await codes('{ broken }')).toEqual(['next', 'INTERNAL'])
    expect(await codes('subscription { ticks(count: 1) { broken } }')).toEqual(['next', 'INTERNAL'])
  })

  it('masks every event, and the failure of a source', async () => {
    const socket = await open()
    socket.subscribe('a', 'subscription { ticks(count: 1) { broken } }')
    const messages = await socket.all('a')
    socket.subscribe('b', 'subscription { failing { body } }')
    messages.push(...(await socket.all('b')))
    expect(messages.map((message) => message.type)).toEqual(['next', 'complete', 'next', 'next', 'complete'])
    expect(messages[3]!.payload.errors[0].extensions.code).toBe('INTERNAL')
    expect(JSON.stringify(messages)).not.toContain('hunter2')
  })

  it('tells the cost of an operation that asks for it', async () => {
    const socket = await open()
    socket.subscribe('a', '{ hello }', { extensions: { cost: true } })
    expect((await socket.all('a'))[0]!.payload.extensions).toEqual({ cost: { requested: 1, limit: 10_000 } })
  })

  it('holds so many operations at once and no more', async () => {
    const socket = await open()
    for (const id of ['a', 'b', 'c', 'd']) socket.subscribe(id, 'subscription { endless { body } }')
    let refused = await socket.next()
    while (refused.type === 'next') refused = await socket.next()
    expect([refused.id, refused.type, refused.payload[0].extensions.code]).toEqual(['d', 'error', 'RATE_LIMITED'])
    expect(refused.payload[0].extensions.retryAfterMs).toBeGreaterThan(0)
  })

  it('ends the source of a subscription that is given up, and those of a socket that is gone', async () => {
    const { closed, opened } = puppet
    const socket = await open()
    socket.subscribe('a', 'subscription { endless { body } }')
    socket.subscribe('b', 'subscription { endless { body } }')
    await puppet.until(() => puppet.opened === opened + 2)
    socket.send({ type: 'complete', id: 'a' })
    await puppet.until(() => puppet.closed === closed + 1)
    socket.ws.terminate()
    await puppet.until(() => puppet.closed === closed + 2)
  })

  it('is not opened by pages of other origins, on other paths or in other tongues', async () => {
    const at = (path: string, protocol: string, origin?: string) => refusedWith(server.url, path, protocol, origin ? { origin } : {})
    expect(await at('/graphql', 'graphql-transport-ws', 'https://evil.example')).toBe(403)
    expect(await at('/graphql', 'graphql-transport-ws', 'null')).toBe(403)
    expect(await at('/graphql', 'graphql-transport-ws', 'https://app.example')).toBe('opened')
    expect(await at('/graphql', 'graphql-transport-ws', server.url)).toBe('opened')
    expect(await at('/graphql', 'graphql-transport-ws')).toBe('opened')
    expect(await at('/elsewhere', 'graphql-transport-ws')).toBe(404)
    expect(await at('/graphql', 'graphql-ws')).toBe(400)
  })

  it('is closed with 4403 for a token that is none, bare or not', async () => {
    for (const authorization of ['Bearer nonsense', 'nonsense', 7]) {
      const socket = await open({ init: null })
      socket.send({ type: 'connection_init', payload: { authorization } })
      expect((await socket.closed).code).toBe(4403)
    }
  })

  it('may ask before it is initialised for nothing', async () => {
    const socket = await open({ init: null })
    socket.subscribe('a', '{ hello }')
    expect((await socket.closed).code).toBe(4401)
  })

  it('is closed for a message that is too large, or none', async () => {
    const large = await open()
    large.subscribe('a', `{ hello } #${'x'.repeat(30_000)}`)
    expect((await large.closed).code).toBe(1009)
    const wrong = await open()
    wrong.ws.send('{')
    expect((await wrong.closed).code).toBe(4400)
    expect((await fetch(`${server.url}/health/live`)).status).toBe(200)
  })

  it('refuses parameters that are none', async () => {
    const socket = await open()
    socket.subscribe('a', '{ hello }', { variables: { a: '\u0000' } })
    expect((await socket.all('a'))[0]!.payload[0].extensions.code).toBe('BAD_USER_INPUT')
  })

  it('pulls no faster than its client reads', async () => {
    const socket = await open()
    puppet.pulled = 0
    socket.ws.pause()
    socket.subscribe('a', 'subscription { ticks(count: 2000, bytes: 100000) { body } }')
    await puppet.until(() => puppet.pulled > 5)
    let before = -1
    while (before !== puppet.pulled) {
      before = puppet.pulled
      for (let i = 0; i < 20; i++) await fetch(`${server.url}/health/live`)
    }
    expect(puppet.pulled).toBeLessThan(300)
    socket.ws.resume()
    await puppet.until(() => puppet.pulled > before + 20)
  })
})

describe('a socket that falls silent', () => {
  const start = async (times: SocketTimes) => {
    const app = tinyApp(puppet)
    const graphql = createGraphQL(app, tinySchema(puppet))
    const http = createHttpServer(app, graphql, () => 'serving')
    const open = serveSockets(app, http, graphql.performer, times)
    http.listen(0, '127.0.0.1')
    await once(http, 'listening')
    const url = `http://127.0.0.1:${(http.address() as { port: number }).port}`
    const stop = async () => {
      await open.close(10)
      http.close()
    }
    return { url, stop }
  }

  it('is closed where it does not initialise', async () => {
    const { url, stop } = await start({ initTimeoutMs: 20 })
    expect((await (await open({ init: null }, url)).closed).code).toBe(4408)
    await stop()
  })

  it('is dropped where it does not answer pings, and kept where it does', async () => {
    const { url, stop } = await start({ pingEveryMs: 30 })
    const kept = await open({}, url)
    const dropped = await open({ autoPong: false }, url)
    expect((await dropped.closed).code).toBe(1006)
    expect(kept.ws.readyState).toBe(WebSocket.OPEN)
    await stop()
  })
})

describe('a server that stops', () => {
  it('closes its sockets with 1012 and completes nothing, so that clients come back', async () => {
    const stopping = await serve(tinyApp(puppet), tinySchema(puppet))
    const { closed } = puppet
    const socket = await open({}, stopping.url)
    socket.subscribe('a', 'subscription { endless { body } }')
    await socket.next()
    const late = socket.next()
    await stopping.close()
    expect((await socket.closed).code).toBe(1012)
    expect(await Promise.race([late, 'nothing'])).toBe('nothing')
    await puppet.until(() => puppet.closed === closed + 1)
  })
})
