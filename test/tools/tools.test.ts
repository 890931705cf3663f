import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTools } from '../../src/tools/create-tools.ts'
import type { Tool } from '../../src/tools/tool.ts'
import { dialects } from '../kit/databases.ts'
import { openWorld, type TestUser, type World } from '../kit/world.ts'
import { keyOf } from '../tasks/work/work.ts'

const TOOLS = '{ tools { name description inputSchema } }'

describe.each(dialects())('tools on %s', (dialect) => {
  let world: World
  let ada: TestUser
  beforeAll(async () => {
    world = await openWorld(dialect)
    ada = await world.user('ada')
  })
  afterAll(() => world.close())

  it('are listed by name, with what they do and what they take', async () => {
    const { tools } = (await world.ask(TOOLS, {}, ada)).data
    expect(tools.map(({ name }: { name: string }) => name)).toEqual(['conversation.search', 'http.get', 'task.create'])
    expect(tools[1]).toMatchObject({
      description: expect.stringContaining('Reads a URL'),
      inputSchema: { type: 'object', properties: { url: { type: 'string', description: 'What to read.' } }, required: ['url'], additionalProperties: false },
    })
  })

  it('are not told to strangers, nor to a key without the right', async () => {
    expect((await world.ask(TOOLS)).errors![0]!.extensions.code).toBe('UNAUTHENTICATED')
    expect((await world.ask(TOOLS, {}, await keyOf(world, ada, ['TASKS_READ']))).errors![0]!.extensions.code).toBe('FORBIDDEN')
    expect((await world.ask(TOOLS, {}, await keyOf(world, ada, ['STREAMS_READ']))).data.tools.length).toBe(3)
  })
})

describe('http.get', () => {
  let server: Server
  let host: string
  beforeAll(async () => {
    server = createServer((request, response) => {
      if (request.url === '/away') response.writeHead(302, { location: 'http://example.com/' }).end()
      else if (request.url === '/long') response.end('x'.repeat(60_000))
      else response.writeHead(404, { 'content-type': 'text/plain' }).end('Nothing here.')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterAll(() => void server.close())
  const get = (input: unknown, signal = new AbortController().signal) =>
    createTools({ allowedHosts: [host] })
      .required('http.get', [])
      .run(input, { signal } as never) as Promise<Record<string, unknown>>

  it('answers whatever the host does, cut where it is long', async () => {
    expect(await get({ url: `http://${host}/` })).toEqual({
      url: `http://${host}/`,
      status: 404,
      contentType: 'text/plain',
      body: 'Nothing here.',
      truncated: false,
    })
    expect(await get({ url: `http://${host}/long` })).toMatchObject({ truncated: true, body: 'x'.repeat(50_000) })
  })

  it.each([
    [{}, 'http.get does not take this input: url: '],
    [{ url: 'file:///etc/passwd' }, 'http.get does not take this input: url: Must be an http or https URL'],
    [{ url: 'http://a:b@example.com' }, 'http.get does not take this input: url: Must not hold a user name'],
    [{ url: 'http://example.com', method: 'POST' }, 'http.get does not take this input: '],
    [{ url: 'http://example.com' }, 'Requests to example.com are not allowed here'],
  ])('does not take %j', async (input, message) => {
    await expect(get(input)).rejects.toThrow(message)
  })

  it('is not led away from the hosts that are allowed', async () => {
    await expect(get({ url: `http://${host}/away` })).rejects.toThrow('Requests to example.com are not allowed here')
  })

  it('ends when its answer is no longer wanted', async () => {
    await expect(get({ url: `http://${host}/` }, AbortSignal.abort(new Error('No longer wanted.')))).rejects.toThrow('No longer wanted.')
  })
})

describe('a set of tools', () => {
  const tool = (name: string): Tool => ({ name, description: 'Does nothing.', inputSchema: {}, run: async () => null })

  it('has each name once, and only such that models can write', () => {
    const tools = createTools({ allowedHosts: [] })
    expect(() => tools.register(tool('http.get'))).toThrow('registered twice')
    for (const name of ['', 'a b', 'a_b', 'a.', '.a', 'ä', 'a'.repeat(65)]) expect(() => tools.register(tool(name))).toThrow('is no name for a tool')
  })

  it('searches conversations only where there is something to search', () => {
    expect(() => createTools({ allowedHosts: [] }).required('conversation.search', ['tools'])).toThrow('There is no tool "conversation.search"')
    expect(createTools({ allowedHosts: [], messagesSearch: async () => [] }).all.map(({ name }) => name)).toContain('conversation.search')
  })
})
