import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hostAllowed } from '../../src/core/hosts.ts'
import { dialects } from '../kit/databases.ts'
import { CREATE, create, openTaskWorld, type TaskWorld, whenStatus, whenTask } from './task.ts'

describe.each(dialects().slice(0, 1))('http.request on %s', (dialect) => {
  let on: TaskWorld
  let host: Server
  let stranger: Server
  let url: string
  let strangerUrl: string
  const seen: { method: string; url: string; headers: IncomingMessage['headers']; body: string }[] = []
  const routes: Record<string, (request: IncomingMessage, response: ServerResponse) => void> = {}

  const serve = async () => {
    const server = createServer(async (request, response) => {
      let body = ''
      for await (const part of request) body += part
      seen.push({ method: request.method!, url: request.url!, headers: request.headers, body })
      const route = routes[request.url!]
      if (route) route(request, response)
      else response.end('hello')
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
  }
  beforeAll(async () => {
    ;({ server: host, url } = await serve())
    ;({ server: stranger, url: strangerUrl } = await serve())
    on = await openTaskWorld(dialect, { env: { HTTP_REQUEST_ALLOWED_HOSTS: new URL(url).host } })
  })
  afterAll(async () => {
    await on.world.close()
    for (const server of [host, stranger]) {
      server.closeAllConnections()
      server.close()
    }
  })

  const request = (params: object, input: object = {}) => create(on.world, on.ada, { type: 'http.request', params, maxAttempts: 1, ...input })
  const ended = async (params: object) => whenStatus(on.world, on.ada, (await request(params)).id, 'COMPLETED', 'FAILED')
  const refused = (params: object) => on.world.refused(CREATE, { input: { type: 'http.request', params } }, on.ada)

  it('keeps what the host answered', async () => {
    routes['/ok'] = (_request, response) => response.writeHead(201, { 'x-answer': 'yes' }).end('Grüße 🌞')
    const { status, result } = await ended({ url: `${url}/ok`, method: 'POST', headers: { 'x-ask': 'please' }, body: 'the body' })
    expect(status).toBe('COMPLETED')
    expect(result).toMatchObject({ url: `${url}/ok`, status: 201, body: 'Grüße 🌞', truncated: false, headers: { 'x-answer': 'yes' } })
    expect(seen[seen.length - 1]).toMatchObject({ method: 'POST', body: 'the body', headers: { 'x-ask': 'please' } })
  })

  it('takes 404 for an answer like another', async () => {
    routes['/missing'] = (_request, response) => response.writeHead(404).end('not here')
    expect(await ended({ url: `${url}/missing` })).toMatchObject({ status: 'COMPLETED', result: { status: 404, body: 'not here' } })
  })

  it('calls no host that the operator has not allowed', async () => {
    const count = seen.length
    for (const each of [strangerUrl, url.replace('127.0.0.1', 'localhost'), 'http://169.254.169.254/']) {
      expect(await ended({ url: each })).toMatchObject({ status: 'FAILED', attempt: 1, error: expect.stringContaining('HTTP_REQUEST_ALLOWED_HOSTS') })
    }
    expect(seen).toHaveLength(count)
  })

  it('follows redirects on the allowed host, and not to others', async () => {
    routes['/there'] = (_request, response) => response.writeHead(302, { location: '/ok' }).end()
    expect(await ended({ url: `${url}/there`, method: 'POST', body: 'x' })).toMatchObject({ result: { url: `${url}/ok`, status: 201 } })
    expect(seen[seen.length - 1]).toMatchObject({ method: 'GET', body: '' })
    routes['/again'] = (_request, response) => response.writeHead(307, { location: '/ok' }).end()
    await ended({ url: `${url}/again`, method: 'POST', body: 'kept' })
    expect(seen[seen.length - 1]).toMatchObject({ method: 'POST', body: 'kept' })
    routes['/away'] = (_request, response) => response.writeHead(302, { location: `${strangerUrl}/secret` }).end()
    const count = seen.length
    expect(await ended({ url: `${url}/away` })).toMatchObject({ status: 'FAILED', error: expect.stringContaining('not allowed') })
    expect(seen).toHaveLength(count + 1)
    routes['/file'] = (_request, response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end()
    expect(await ended({ url: `${url}/file` })).toMatchObject({ status: 'FAILED', error: expect.stringContaining('not allowed') })
    routes['/nowhere'] = (_request, response) => response.writeHead(302, { location: 'http://[' }).end()
    expect(await ended({ url: `${url}/nowhere` })).toMatchObject({ status: 'FAILED', error: expect.stringContaining('redirects to what is no URL') })
    routes['/round'] = (_request, response) => response.writeHead(302, { location: '/round' }).end()
    expect(await ended({ url: `${url}/round` })).toMatchObject({ status: 'FAILED', error: 'More than 5 redirects.' })
  })

  it('tries again when the host is at fault, or says that it is busy', async () => {
    let calls = 0
    routes['/flaky'] = (_request, response) => {
      calls++
      response.writeHead(calls === 1 ? 500 : calls === 2 ? 429 : 200).end('now')
    }
    const { id } = await request({ url: `${url}/flaky` }, { maxAttempts: 3 })
    for (const [attempt, code] of [
      [1, 500],
      [2, 429],
    ] as const) {
      // biome-ignore format: one look
      const task = await whenTask(on.world, on.ada, id, (now) => now.attempt === attempt && now.status === 'QUEUED')
      expect(task.error).toBe(`${new URL(url).host} answered ${code}: now`)
      await on.world.client.$executeRaw`UPDATE "Task" SET "runAtMs" = 1 WHERE "id" = ${id.slice(5)}`
      await on.world.app.runner.claim()
    }
    expect(await whenStatus(on.world, on.ada, id, 'COMPLETED')).toMatchObject({ attempt: 3, result: { status: 200 } })
  })

  it('gives up in time, be it before the answer or in the middle of it', async () => {
    routes['/silent'] = () => {}
    routes['/stalled'] = (_request, response) => {
      response.writeHead(200)
      response.write('the beginning')
    }
    for (const path of ['/silent', '/stalled']) {
      expect(await ended({ url: `${url}${path}`, timeoutSeconds: 1 })).toMatchObject({
        status: 'FAILED',
        error: `${new URL(url).host} did not answer in time.`,
      })
    }
  })

  it('says that the answer broke off, or that nobody answers', async () => {
    routes['/broken'] = (_request, response) => {
      response.writeHead(200, { 'content-length': '100' })
      response.write('the beginning')
      setImmediate(() => response.destroy())
    }
    expect(await ended({ url: `${url}/broken` })).toMatchObject({ status: 'FAILED', error: expect.stringContaining('could not be reached') })
    const closed = await serve()
    closed.server.close()
    on.world.app.config.HTTP_REQUEST_ALLOWED_HOSTS.push(new URL(closed.url).host)
    expect(await ended({ url: closed.url })).toMatchObject({ status: 'FAILED', error: expect.stringContaining('ECONNREFUSED') })
  })

  it('cuts what is over a megabyte', async () => {
    routes['/big'] = (_request, response) => response.end('x'.repeat(3_000_000))
    const { result } = await ended({ url: `${url}/big` })
    expect(result).toMatchObject({ truncated: true, status: 200 })
    expect(result.body).toHaveLength(1_000_000)
  })

  it('keeps an answer of null characters and broken UTF-8', async () => {
    routes['/odd'] = (_request, response) => response.end(Buffer.from([0x61, 0x00, 0xff, 0x62]))
    expect(await ended({ url: `${url}/odd` })).toMatchObject({ status: 'COMPLETED', result: { body: 'a\ufffd\ufffdb' } })
  })

  it('stops when it is cancelled', async () => {
    const { id } = await request({ url: `${url}/silent` })
    await whenStatus(on.world, on.ada, id, 'RUNNING')
    await on.world.ask('mutation ($id: ID!) { taskCancel(input: { id: $id }) { task { status } } }', { id }, on.ada)
    expect(await whenStatus(on.world, on.ada, id, 'CANCELLED', 'FAILED')).toMatchObject({ status: 'CANCELLED' })
  })

  it.each([
    [{}, 'url'],
    [{ url: 'nonsense' }, 'url'],
    [{ url: 'file:///etc/passwd' }, 'url'],
    [{ url: 'http://user:password@127.0.0.1/' }, 'url'],
    [{ url: 'http://a/', method: 'TRACE' }, 'method'],
    [{ url: 'http://a/', headers: { 'bad name': 'x' } }, 'headers'],
    [{ url: 'http://a/', headers: { 'x-a': 'two\nlines' } }, 'headers'],
    [{ url: 'http://a/', headers: { 'x-a': '你好' } }, 'headers'],
    [{ url: 'http://a/', body: 'x' }, 'body'],
    [{ url: 'http://a/', timeoutSeconds: 601 }, 'timeoutSeconds'],
  ])('refuses what cannot be sent: %j', async (params, field) => {
    const errors = await refused(params)
    expect(errors).toMatchObject([{ code: 'BAD_USER_INPUT' }])
    expect(errors[0]!.path!.slice(0, 3)).toEqual(['input', 'params', field])
  })

  it('knows which hosts an entry allows', () => {
    const allowed = (entry: string, address: string) => hostAllowed(new URL(address), [entry])
    expect(allowed('example.com', 'https://example.com/x')).toBe(true)
    expect(allowed('Example.com', 'https://EXAMPLE.com:443/')).toBe(true)
    expect(allowed('example.com', 'http://example.com:8080/')).toBe(false)
    expect(allowed('example.com:8080', 'http://example.com:8080/')).toBe(true)
    expect(allowed('example.com', 'https://a.example.com/')).toBe(false)
    expect(allowed('*.example.com', 'https://a.b.example.com/')).toBe(true)
    expect(allowed('*.example.com', 'https://example.com/')).toBe(false)
    expect(allowed('*.example.com', 'https://notexample.com/')).toBe(false)
    expect(allowed('*.example.com', 'https://a.example.com:8443/')).toBe(false)
  })
})
