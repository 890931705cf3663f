import http from 'node:http'
import net from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { serve } from '../../src/server/serve.ts'
import { type Answering, Puppet, poster, tinyApp, tinySchema } from './tiny-app.ts'

const GRAPHQL_RESPONSE = 'application/graphql-response+json'
const puppet = new Puppet()
let server: Awaited<ReturnType<typeof serve>>
let post: Answering
beforeAll(async () => {
  server = await serve(tinyApp(puppet, { CORS_ORIGINS: 'https://app.example', MAX_BODY_BYTES: '2000', TRUST_PROXY: '1' }), tinySchema(puppet))
  post = poster(server.url)
})
afterAll(() => server.close())

const get = (path: string, headers: Record<string, string> = {}) => fetch(`${server.url}${path}`, { headers, redirect: 'manual' })
const code = (body: { errors: { extensions: { code: string } }[] }) => body.errors[0]!.extensions.code

describe('a request to /graphql', () => {
  it('is answered as application/json with 200, whatever the operation comes to', async () => {
    for (const query of ['{ hello }', '{ missing }', '{ nope }', '{ hello', '{ broken }']) {
      const answer = await post({ query })
      expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/json; charset=utf-8'])
    }
  })

  it.each([
    ['{ hello }', 200],
    ['{ missing }', 200],
    ['{ broken }', 200],
    ['{ nope }', 400],
    ['{ hello', 400],
    ['query ($n: Int!) { things(first: $n) { totalCount } }', 400],
    ['query A { hello } query B { hello }', 400],
  ])('is answered by its meaning where the newer media type is accepted: %s %i', async (query, status) => {
    const answer = await post({ query }, { accept: GRAPHQL_RESPONSE })
    expect([answer.status, answer.headers.get('content-type')]).toEqual([status, `${GRAPHQL_RESPONSE}; charset=utf-8`])
  })

  it.each([
    ['text that is no JSON', 'secret {', {}, 400],
    ['bytes that are no text', Buffer.from([0xff, 0xfe, 0, 1]).toString('latin1'), {}, 400],
    ['a batch', [{ query: '{ hello }' }], {}, 400],
    ['a body that is no object', '"{ hello }"', {}, 400],
    ['null', 'null', {}, 400],
    ['no query', {}, {}, 400],
    ['a query that is no text', { query: 1 }, {}, 400],
    ['variables that are no object', { query: '{ hello }', variables: [1] }, {}, 400],
    ['an operation name that is no text', { query: '{ hello }', operationName: {} }, {}, 400],
    ['a form', 'query={hello}', { 'content-type': 'application/x-www-form-urlencoded' }, 415],
    ['a multipart form', '--x', { 'content-type': 'multipart/form-data; boundary=x' }, 415],
    ['plain text', '{"query":"{ hello }"}', { 'content-type': 'text/plain' }, 415],
    ['GraphQL as such', '{ hello }', { 'content-type': 'application/graphql' }, 415],
    ['another charset', '{"query":"{ hello }"}', { 'content-type': 'application/json; charset=utf-16' }, 415],
    ['a compressed body', '{"query":"{ hello }"}', { 'content-encoding': 'gzip' }, 415],
    ['a large body', { query: '{ hello }', extensions: { pad: 'x'.repeat(3000) } }, {}, 413],
    ['a subscription that could not be answered', { query: 'subscription { ticks { body } }' }, { accept: 'application/json' }, 406],
    ['an answer in XML', { query: '{ hello }' }, { accept: 'application/xml' }, 406],
  ])('is refused for %s, coded, and without a word of it', async (_name, body, headers, status) => {
    const answer = await post(body, headers as unknown as Record<string, string>)
    expect(answer.status).toBe(status)
    expect(code(answer.body)).toBe('BAD_USER_INPUT')
    expect(JSON.stringify(answer.body)).not.toMatch(/secret|stack|originalError|Unexpected token/)
    expect(Object.keys(answer.body)).toEqual(['errors'])
  })

  it('is refused for a large body that does not tell its length', async () => {
    const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
      const req = http.request(`${server.url}/graphql`, { method: 'POST', headers: { 'content-type': 'application/json' } }, resolve)
      req.on('error', reject)
      for (let i = 0; i < 100; i++) req.write('x'.repeat(1000))
      req.end()
    })
    response.resume()
    expect(response.statusCode).toBe(413)
  })

  it('is refused for a large body once that was sent, so that a client that does not read meanwhile comes to know why', async () => {
    const { hostname, port } = new URL(server.url)
    const socket = net.connect(Number(port), hostname)
    let answer = ''
    const ended = new Promise((resolve, reject) =>
      socket
        .setEncoding('utf8')
        .on('data', (text: string) => (answer += text))
        .on('end', resolve)
        .on('error', reject),
    )
    const head = ['POST /graphql HTTP/1.1', `host: ${hostname}`, 'content-type: application/json', 'content-length: 5000', 'connection: close']
    await new Promise((sent) => socket.write(`${head.join('\r\n')}\r\n\r\n${'x'.repeat(3000)}`, sent))
    // Time enough for an answer that does not wait.
    for (let i = 0; i < 5; i++) await get('/health/live')
    expect(answer).toBe('')
    socket.write('x'.repeat(2000))
    await ended
    expect(answer).toMatch(/^HTTP\/1\.1 413 /)
  })

  it('may be a GET for a query, with its variables', async () => {
    const variables = encodeURIComponent('{"t":"you"}')
    const response = await get(`/graphql?query=query($t:String){hello(text:$t)}&variables=${variables}`)
    expect([response.status, await response.json()]).toEqual([200, { data: { hello: 'hello you' } }])
  })

  it.each([
    ['variables that are no JSON', '/graphql?query={hello}&variables={', 400],
    ['variables that are no object', '/graphql?query={hello}&variables=[]', 400],
    ['no query', '/graphql', 400],
    ['a mutation', '/graphql?query=mutation{touch}', 405],
  ])('by GET is refused for %s', async (_name, path, status) => {
    const calls = puppet.calls
    const response = await get(path)
    expect(response.status).toBe(status)
    expect(code((await response.json()) as never)).toBe('BAD_USER_INPUT')
    expect(puppet.calls).toBe(calls)
    if (status === 405) expect(response.headers.get('allow')).toBe('POST')
  })

  it('is refused by other methods', async () => {
    for (const method of ['PUT', 'DELETE', 'PATCH']) expect((await fetch(`${server.url}/graphql`, { method })).status).toBe(405)
  })

  it('carries its request id through answer, masked errors and log', async () => {
    const answer = await post({ query: '{ broken }' }, { 'x-request-id': 'abc-123' })
    expect(answer.headers.get('x-request-id')).toBe('abc-123')
    expect(answer.body.errors[0].extensions).toEqual({ code: 'INTERNAL', requestId: 'abc-123' })
    expect(JSON.stringify(answer.body)).not.toContain('hunter2')
    const line = puppet.lines.find((each) => each.requestId === 'abc-123' && each.err)
    expect(line?.err).toMatchObject({ message: 'password=hunter2' })
  })

  it('is given an id where it brings none that can stand in a log', async () => {
    for (const given of ['', 'a b', 'x'.repeat(200)]) {
      expect((await post({ query: '{ hello }' }, { 'x-request-id': given })).headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
    }
  })

  it('logs no token', async () => {
    await post({ query: '{ broken }' }, { authorization: 'Bearer very-secret-token' })
    expect(JSON.stringify(puppet.lines)).not.toContain('very-secret-token')
  })

  it('with a token that is none is UNAUTHENTICATED', async () => {
    const answer = await post({ query: '{ hello }' }, { authorization: 'Basic abc' })
    expect([answer.status, code(answer.body), 'data' in answer.body]).toEqual([200, 'UNAUTHENTICATED', false])
    const newer = await post({ query: '{ hello }' }, { authorization: 'Basic abc', accept: GRAPHQL_RESPONSE })
    expect([newer.status, newer.headers.get('www-authenticate')]).toEqual([401, 'Bearer'])
  })

  it('answers fields in the order in which they were asked for, whichever is ready first', async () => {
    const { calls } = puppet
    const answer = post({ query: '{ waits hello me }' })
    await puppet.until(() => puppet.calls > calls)
    puppet.release()
    expect(Object.keys((await answer).body.data)).toEqual(['waits', 'hello', 'me'])
  })

  it('reads the head of the log first where eventCursor is asked for, and only there', async () => {
    const heads = puppet.heads
    expect((await post({ query: '{ hello }' })).body.data.hello).toBe('hello world')
    expect(puppet.heads).toBe(heads)
    expect((await post({ query: '{ ...A } fragment A on Query { at: eventCursor }' })).body.data.at).toBe('0123456789ab.7')
    expect(puppet.heads).toBe(heads + 1)
  })

  it('knows the client by the entry that the trusted proxy wrote', async () => {
    const answer = await post({ query: '{ address }' }, { 'x-forwarded-for': '6.6.6.6, 203.0.113.9' })
    expect(answer.body.data.address).toBe('203.0.113.9')
  })

  it('ends what it began when the client leaves', async () => {
    const { calls, closed } = puppet
    const leaving = new AbortController()
    const left = fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"query":"{ waits }"}',
      signal: leaving.signal,
    }).catch(() => 'left')
    await puppet.until(() => puppet.calls > calls)
    leaving.abort()
    expect(await left).toBe('left')
    await puppet.until(() => puppet.closed > closed)
  })
})

describe('pages elsewhere', () => {
  it('may call if their origin is listed', async () => {
    const answer = await post({ query: '{ hello }' }, { origin: 'https://app.example' })
    expect(answer.headers.get('access-control-allow-origin')).toBe('https://app.example')
    const preflight = await fetch(`${server.url}/graphql`, {
      method: 'OPTIONS',
      headers: { origin: 'https://app.example', 'access-control-request-method': 'POST' },
    })
    expect([preflight.status, preflight.headers.get('access-control-allow-methods')]).toEqual([204, 'GET, POST'])
    expect(preflight.headers.get('access-control-allow-headers')).toContain('authorization')
  })

  it('may not otherwise, and none with credentials', async () => {
    for (const method of ['OPTIONS', 'POST']) {
      const { headers } = await fetch(`${server.url}/graphql`, { method, headers: { origin: 'https://evil.example', 'content-type': 'application/json' } })
      expect([
        headers.get('access-control-allow-origin'),
        headers.get('access-control-allow-headers'),
        headers.get('access-control-allow-credentials'),
      ]).toEqual([null, null, null])
    }
    expect((await post({ query: '{ hello }' }, { origin: 'https://app.example' })).headers.get('access-control-allow-credentials')).toBeNull()
  })
})

describe('GraphiQL', () => {
  it('is one page that loads nothing from elsewhere and cannot be framed', async () => {
    expect((await get('/', { accept: 'text/html' })).headers.get('location')).toBe('/graphql')
    const page = await get('/graphql', { accept: 'text/html,*/*' })
    expect(page.status).toBe(200)
    expect(page.headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
    const html = await page.text()
    expect(html).not.toMatch(/<(script|link)[^>]+(src|href)="https?:/)
    expect(html).toContain('"subscriptionsProtocol":"WS"')
  })

  it('is off in production, with introspection and suggestions for strangers', async () => {
    const production = await serve(tinyApp(puppet, { NODE_ENV: 'production' }), tinySchema(puppet))
    try {
      const ask = poster(production.url)
      expect((await fetch(`${production.url}/graphql`, { headers: { accept: 'text/html' } })).status).toBe(400)
      expect(await (await fetch(production.url)).json()).toMatchObject({ graphql: '/graphql' })
      for (const query of [
        '{ __schema { queryType { name } } }',
        '{ __type(name: "Query") { name } }',
        '{ ...A } fragment A on Query { x: __schema { queryType { name } } }',
      ])
        expect(code((await ask({ query })).body)).toBe('BAD_USER_INPUT')
      expect((await ask({ query: '{ __typename }' })).body).toEqual({ data: { __typename: 'Query' } })
      expect((await ask({ query: '{ hallo }' })).body.errors[0].message).toBe('Cannot query field "hallo" on type "Query".')
      expect((await post({ query: '{ hallo }' })).body.errors[0].message).toContain('Did you mean "hello"')
    } finally {
      await production.close()
    }
  })
})

describe('health', () => {
  it('is live while the process runs, and ready while the database answers', async () => {
    expect((await get('/health/live')).status).toBe(200)
    expect((await get('/health/ready')).status).toBe(200)
    puppet.down = true
    const down = await get('/health/ready')
    expect([down.status, await down.json()]).toEqual([503, { status: 'unavailable', part: 'database', reason: 'does not answer' }])
    expect((await get('/health/live')).status).toBe(200)
    puppet.down = false
  })
})

describe('the server', () => {
  it('says so when its port is taken', async () => {
    await expect(serve(tinyApp(puppet, { PORT: String(server.port) }), tinySchema(puppet))).rejects.toThrow(/is taken.*set PORT/)
  })

  it('answers what is under way before it stops, and takes nothing new', async () => {
    const stopping = await serve(tinyApp(puppet), tinySchema(puppet))
    const { calls } = puppet
    const answer = poster(stopping.url)({ query: '{ waits }' })
    await puppet.until(() => puppet.calls > calls)
    const closed = stopping.close()
    await expect(poster(stopping.url)({ query: '{ hello }' })).rejects.toThrow()
    puppet.release()
    expect((await answer).body).toEqual({ data: { waits: 'done' } })
    await closed
  })
})
