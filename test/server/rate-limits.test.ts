import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RateLimited } from '../../src/core/errors.ts'
import { addressOf } from '../../src/server/origin.ts'
import { createRateLimits } from '../../src/server/rate-limits.ts'
import { serve } from '../../src/server/serve.ts'
import { RawSocket } from './raw-socket.ts'
import { Puppet, poster, tinyApp, tinySchema } from './tiny-app.ts'

const settings = { RATE_LIMITS: true, RATE_LIMIT_REQUESTS_PER_SECOND: 2, RATE_LIMIT_REGISTRATIONS_PER_MINUTE: 1, RATE_LIMIT_LOGINS_PER_MINUTE: 1 }

describe('rate limits', () => {
  it('let so many through and say how long to wait', async () => {
    const limits = createRateLimits(settings)
    await limits.consume('login', '203.0.113.9')
    await limits.consume('login', '203.0.113.10')
    await limits.consume('registration', '203.0.113.9')
    const refusal = await limits.consume('login', '203.0.113.9').catch((error) => error)
    expect(refusal).toBeInstanceOf(RateLimited)
    expect(refusal.retryAfterMs).toBeGreaterThan(50_000)
  })

  it('count an IPv6 network as one address', async () => {
    const limits = createRateLimits(settings)
    await limits.consume('login', '2001:db8:1:2::1')
    await expect(limits.consume('login', '2001:db8:1:2:ffff::9')).rejects.toThrow(RateLimited)
    await limits.consume('login', '2001:db8:1:3::1')
    await limits.consume('login', '::1')
  })

  it('may be off', async () => {
    const limits = createRateLimits({ ...settings, RATE_LIMITS: false })
    for (let i = 0; i < 10; i++) await limits.consume('login', 'a')
  })
})

describe('a client that asks too often', () => {
  let server: Awaited<ReturnType<typeof serve>>
  const puppet = new Puppet()
  beforeAll(async () => {
    server = await serve(tinyApp(puppet, { RATE_LIMITS: 'on', RATE_LIMIT_REQUESTS_PER_SECOND: '1', TRUST_PROXY: '1' }), tinySchema(puppet))
  })
  afterAll(() => server.close())

  it('is told by code, header and status', async () => {
    const ask = (address: string, accept: string) => poster(server.url)({ query: '{ hello }' }, { 'x-forwarded-for': address, accept })
    const [first, second] = await Promise.all([ask('203.0.113.1', '*/*'), ask('203.0.113.1', '*/*')])
    const answers = [first, second].sort((a, b) => Number('errors' in a.body) - Number('errors' in b.body))
    expect(answers[0]!.body.data.hello).toBe('hello world')
    const { status, headers, body } = answers[1]!
    expect([status, headers.get('retry-after'), body.errors[0].extensions.code]).toEqual([200, '1', 'RATE_LIMITED'])
    expect(body.errors[0].extensions.retryAfterMs).toBeGreaterThan(0)
    const newer = await Promise.all([ask('203.0.113.2', 'application/graphql-response+json'), ask('203.0.113.2', 'application/graphql-response+json')])
    expect(newer.map((answer) => answer.status).sort()).toEqual([200, 429])
  })

  it('is told over a socket, and for guessing tokens', async () => {
    const socket = await RawSocket.open(server.url, { headers: { 'x-forwarded-for': '203.0.113.3' } })
    socket.subscribe('a', '{ hello }')
    expect((await socket.all('a'))[0]!.payload[0].extensions.code).toBe('RATE_LIMITED')
    socket.ws.terminate()
    const guess = () => poster(server.url)({ query: '{ hello }' }, { 'x-forwarded-for': '203.0.113.4', authorization: 'Bearer x' })
    const codes = (await Promise.all([guess(), guess()])).map((answer) => answer.body.errors[0].extensions.code)
    expect(codes.sort()).toEqual(['RATE_LIMITED', 'UNAUTHENTICATED'])
  })
})

describe('the address of a client', () => {
  it.each([
    ['its own, without proxies', '198.51.100.1', '6.6.6.6', 0, '198.51.100.1'],
    ['its own, where no proxy said anything', '198.51.100.1', undefined, 1, '198.51.100.1'],
    ['what the one proxy saw', '10.0.0.1', '6.6.6.6, 203.0.113.9', 1, '203.0.113.9'],
    ['what the outer of two proxies saw', '10.0.0.1', '6.6.6.6, 203.0.113.9, 10.0.0.2', 2, '203.0.113.9'],
    ['the first there is, where proxies are missing', '10.0.0.1', '203.0.113.9', 3, '203.0.113.9'],
    ['without a port', '10.0.0.1', '203.0.113.9:4711', 1, '203.0.113.9'],
    ['without brackets', '10.0.0.1', '[2001:db8::1]:4711', 1, '2001:db8::1'],
    ['IPv4 as such', '::ffff:198.51.100.1', undefined, 0, '198.51.100.1'],
    ['its own, where the proxy wrote nonsense', '10.0.0.1', 'unknown', 1, '10.0.0.1'],
  ])('is %s', (_name, remote, forwarded, hops, address) => {
    expect(addressOf(remote, forwarded, hops)).toBe(address)
  })
})
