import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { serve } from '../../src/server/serve.ts'
import { openWorld, type TestUser, type World } from '../kit/world.ts'
import { RawSocket } from './raw-socket.ts'
import { Puppet, tinySchema } from './tiny-app.ts'

/** Real users, and a schema that only shows who asks. */
const puppet = new Puppet()
let world: World
let server: Awaited<ReturnType<typeof serve>>
beforeAll(async () => {
  world = await openWorld('sqlite', { env: { PORT: '0', TASK_CONCURRENCY: '0' } })
  server = await serve(world.app, tinySchema(puppet))
})
afterAll(async () => {
  await server.close()
  await world.close()
})

const revoke = (user: TestUser) => world.does('mutation { sessionRevoke(input: {}) { userErrors { code message } } }', {}, user)
const endless = 'subscription { endless { body } }'

describe('a right that ends', () => {
  it('closes the socket with 4403', async () => {
    const user = await world.user()
    const socket = await RawSocket.open(server.url, { init: { authorization: `Bearer ${user.accessToken}` } })
    socket.subscribe('who', '{ me }')
    expect((await socket.all('who'))[0]!.payload.data.me).toBe('session')
    socket.subscribe('a', endless)
    await socket.next()
    const { closed } = puppet
    await revoke(user)
    expect((await socket.closed).code).toBe(4403)
    await puppet.until(() => puppet.closed > closed)
  })

  it('is told as the last event over server-sent events', async () => {
    const user = await world.user()
    const response = await fetch(`${server.url}/graphql?query=${encodeURIComponent(endless)}`, {
      headers: { accept: 'text/event-stream', authorization: `Bearer ${user.accessToken}` },
    })
    const { closed } = puppet
    await revoke(user)
    const text = await response.text()
    expect(text).toMatch(/data: \{"errors":\[\{.*"code":"UNAUTHENTICATED".*\n\nevent: complete\ndata:\n\n$/)
    await puppet.until(() => puppet.closed > closed)
  })

  it('ends only the operation that brought it along, as GraphiQL does', async () => {
    const user = await world.user()
    const socket = await RawSocket.open(server.url)
    const extensions = { headers: { Authorization: `Bearer ${user.accessToken}` } }
    socket.subscribe('who', '{ me }', { extensions })
    expect((await socket.all('who'))[0]!.payload.data.me).toBe('session')
    socket.subscribe('a', endless, { extensions })
    await socket.next()
    await revoke(user)
    const [last, complete] = await socket.all('a')
    expect([last!.payload.errors[0].extensions.code, complete!.type]).toEqual(['UNAUTHENTICATED', 'complete'])
    socket.subscribe('who', '{ me }')
    expect((await socket.all('who'))[0]!.payload.data.me).toBe('stranger')
    socket.ws.close()
    await socket.closed
  })

  it('is asked again by every request', async () => {
    const user = await world.user()
    const ask = async () => {
      const response = await fetch(`${server.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${user.accessToken}` },
        body: '{"query":"{ me }"}',
      })
      return (await response.json()) as { data?: { me: string }; errors?: { extensions: { code: string } }[] }
    }
    expect((await ask()).data?.me).toBe('session')
    await revoke(user)
    expect((await ask()).errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED')
  })
})
