import { once } from 'node:events'
import { get } from 'node:http'
import { DefaultChatTransport, readUIMessageStream, type UIMessage } from 'ai'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { server as serverActor } from '../../src/core/actor.ts'
import { transact } from '../../src/events/transact.ts'
import { buildSchema } from '../../src/graphql/schema.ts'
import { serve } from '../../src/server/serve.ts'
import { streamTicket } from '../../src/streams/stream-ticket.ts'
import { streamsCompact } from '../../src/streams/streams-compact.ts'
import { streamsExpire } from '../../src/streams/streams-expire.ts'
import { tasksRescue } from '../../src/tasks/tasks-rescue.ts'
import { dialects } from '../kit/databases.ts'
import type { TestUser } from '../kit/world.ts'
import { APPEND, append, bare, CANCEL, COMPLETE, create, FAIL, newStreamId, type Opened, open, openTaskWorld, type TaskWorld } from '../streams/stream.ts'

interface Event {
  event: string | undefined
  id: string | undefined
  // biome-ignore lint/suspicious/noExplicitAny: a test says itself what it expects
  data: any
}

const TICKET = 'mutation ($input: StreamTicketCreateInput!) { streamTicketCreate(input: $input) { ticket expiresAt userErrors { code path message } } }'

/** The events of a response, as they come. */
async function* eventsOf(response: Response): AsyncGenerator<Event, void, void> {
  const decoder = new TextDecoder()
  let buffer = ''
  for await (const part of response.body as unknown as AsyncIterable<Uint8Array>) {
    buffer += decoder.decode(part, { stream: true })
    for (let end = buffer.indexOf('\n\n'); end >= 0; end = buffer.indexOf('\n\n')) {
      const fields = new Map(
        buffer
          .slice(0, end)
          .split('\n')
          .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trimStart()]),
      )
      buffer = buffer.slice(end + 2)
      if (fields.has('data')) yield { event: fields.get('event'), id: fields.get('id'), data: JSON.parse(fields.get('data')!) }
    }
  }
}

const all = async (response: Response): Promise<Event[]> => {
  const events: Event[] = []
  for await (const event of eventsOf(response)) events.push(event)
  return events
}
const wordsOf = (events: Event[]) => events.map(({ event, data }) => (event === 'chunk' ? data.content : '')).join('')

describe.each(dialects())('the plain doors of a stream on %s', (dialect) => {
  let on: TaskWorld
  let server: Awaited<ReturnType<typeof serve>>
  beforeAll(async () => {
    on = await openTaskWorld(dialect, { env: { PORT: '0', CORS_ORIGINS: 'https://app.example', MAX_EVENT_STREAMS_PER_USER: '4' } })
    server = await serve(on.world.app, buildSchema())
  })
  afterAll(async () => {
    await server.close()
    await on.world.close()
  })

  const bearer = (user: TestUser | null = on.ada): Record<string, string> => (user ? { authorization: `Bearer ${user.accessToken}` } : {})
  const door = (path: string, headers: Record<string, string> = bearer(), more: RequestInit = {}) =>
    fetch(`${server.url}/streams/${path}`, { headers, ...more })
  const complete = (stream: Opened) => on.world.does(COMPLETE, { input: stream }, on.ada)
  const ticketOf = async (stream: Opened, user = on.ada, idempotencyKey?: string): Promise<string> =>
    (await on.world.does(TICKET, { input: { streamId: stream.id, idempotencyKey } }, user)).ticket
  const filled = async (count: number, end = true) => {
    const stream = await open(on.world, on.ada)
    for (let from = 0; from < count; from += 500)
      await append(on.world, on.ada, stream, from - 1, ...Array.from({ length: Math.min(500, count - from) }, (_, i) => `${from + i} ü\n`))
    if (end) await complete(stream)
    return stream
  }
  const textFrom = (from: number, count: number) => Array.from({ length: count - from }, (_, i) => `${from + i} ü\n`).join('')
  const codeOf = async (response: Response) => [
    response.status,
    ((await response.json()) as { errors: { extensions: { code: string } }[] }).errors[0]!.extensions.code,
  ]

  it('tell each chunk with its seq as it comes, and the final status', async () => {
    const stream = await open(on.world, on.ada)
    const response = await door(stream.id)
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8'])
    const events = eventsOf(response)
    await append(on.world, on.ada, stream, -1, 'Hello\n', 'wörld')
    expect((await events.next()).value).toEqual({
      event: 'chunk',
      id: '0',
      data: { seq: 0, kind: 'TEXT', content: 'Hello\n', createdAt: expect.stringMatching(/Z$/) },
    })
    expect((await events.next()).value).toMatchObject({ id: '1', data: { seq: 1, content: 'wörld' } })
    await complete(stream)
    expect((await events.next()).value).toEqual({ event: 'status', id: '1.end', data: { status: 'COMPLETED', lastSeq: 1, error: null, taskId: null } })
    expect(await events.next()).toMatchObject({ done: true })
  })

  it('go on after a cut, by Last-Event-ID or by after, byte for byte', async () => {
    const stream = await filled(1200)
    for (const id of [stream.id, bare(stream.id), encodeURIComponent(stream.id)]) expect(wordsOf(await all(await door(id)))).toBe(textFrom(0, 1200))
    expect(wordsOf(await all(await door(`${stream.id}?after=3`)))).toBe(textFrom(4, 1200))
    expect(wordsOf(await all(await door(`${stream.id}?after=3`, { ...bearer(), 'last-event-id': '700' })))).toBe(textFrom(701, 1200))
    let [text, last] = ['', '']
    for (let cut = 0; !last.endsWith('.end'); cut++) {
      const leaving = new AbortController()
      let left = 100 + 37 * cut
      const response = await door(stream.id, { ...bearer(), ...(last && { 'last-event-id': last }) }, { signal: leaving.signal })
      for await (const { id, event, data } of eventsOf(response)) {
        if (event === 'chunk') text += data.content
        last = id!
        if (--left === 0) break
      }
      leaving.abort()
    }
    expect(text).toBe(textFrom(0, 1200))
    await streamsCompact(on.world.app.store, { afterMinutes: 0 })
    expect(wordsOf(await all(await door(`${stream.id}?after=3`)))).toBe(textFrom(4, 1200))
  })

  it('tell whoever knows the end that there is no more, so that a browser does not come back for ever', async () => {
    const stream = await filled(3)
    expect((await door(stream.id, { ...bearer(), 'last-event-id': '2.end' })).status).toBe(204)
    expect((await all(await door(stream.id, { ...bearer(), 'last-event-id': '2' }))).map(({ event }) => event)).toEqual(['status'])
  })

  it('tell why a stream failed', async () => {
    const stream = await filled(1, false)
    await on.world.does(FAIL, { input: { ...stream, error: 'The model is gone.' } }, on.ada)
    expect((await all(await door(stream.id))).at(-1)).toMatchObject({ event: 'status', data: { status: 'FAILED', error: 'The model is gone.' } })
  })

  it('are shut to others, to strangers, to keys without the scope, and know of nothing that is not yours', async () => {
    const stream = await filled(1)
    const answers = await Promise.all([
      door(newStreamId()),
      door(stream.id, bearer(on.bob)),
      door('nonsense'),
      door(`Task:${bare(stream.id)}`),
      door(`${stream.id}/ui`, bearer(on.bob)),
    ])
    const bodies = await Promise.all(answers.map(async (answer) => [answer.status, await answer.text()]))
    expect(bodies).toEqual(Array(5).fill([404, '{"errors":[{"message":"Stream not found.","extensions":{"code":"NOT_FOUND"}}]}']))
    expect((await door(stream.id, bearer(on.admin))).status).toBe(200)
    expect(await codeOf(await door(stream.id, {}))).toEqual([401, 'UNAUTHENTICATED'])
    expect(await codeOf(await door(stream.id, { authorization: 'Bearer nonsense' }))).toEqual([401, 'UNAUTHENTICATED'])
    const { secret } = await on.world.does(
      'mutation { apiKeyCreate(input: { name: "k", scopes: [TASKS_READ] }) { secret userErrors { code message } } }',
      {},
      on.ada,
    )
    expect(await codeOf(await door(stream.id, { authorization: `Bearer ${secret}` }))).toEqual([403, 'FORBIDDEN'])
  })

  it('refuse a place that is none, and one beyond the end', async () => {
    const stream = await filled(3)
    for (const after of ['x', '1.5', '-2', '3', '99999999999']) expect(await codeOf(await door(`${stream.id}?after=${after}`))).toEqual([400, 'BAD_USER_INPUT'])
  })

  it('answer other methods properly', async () => {
    const stream = await filled(1)
    const head = await door(stream.id, bearer(), { method: 'HEAD' })
    expect([head.status, head.headers.get('content-type'), await head.text()]).toEqual([200, 'text/event-stream; charset=utf-8', ''])
    expect((await door(newStreamId(), bearer(), { method: 'HEAD' })).status).toBe(404)
    const post = await door(stream.id, bearer(), { method: 'POST', body: '{}' })
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD, OPTIONS'])
    const origin = { origin: 'https://app.example' }
    const preflight = await door(stream.id, origin, { method: 'OPTIONS' })
    expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([204, 'https://app.example'])
    expect(preflight.headers.get('access-control-allow-headers')).toContain('last-event-id')
    expect((await door(stream.id, { ...bearer(), origin: 'https://evil.example' })).headers.get('access-control-allow-origin')).toBeNull()
  })

  it('end for the reader whose right ends, and for nobody else', async () => {
    const stream = await filled(1, false)
    const user = await on.world.user()
    const mine = await open(on.world, user)
    const [gone, stays] = [eventsOf(await door(mine.id, bearer(user))), eventsOf(await door(stream.id))]
    expect((await stays.next()).value).toMatchObject({ id: '0' })
    await on.world.does('mutation { sessionRevoke(input: {}) { userErrors { code message } } }', {}, user)
    expect((await gone.next()).value).toMatchObject({ event: 'refused', data: { code: 'UNAUTHENTICATED' } })
    expect(await gone.next()).toMatchObject({ done: true })
    await append(on.world, on.ada, stream, 0, 'more')
    expect((await stays.next()).value).toMatchObject({ id: '1', data: { content: 'more' } })
    await stays.return()
  })

  it('let so many in at once for one user and no more', async () => {
    const stream = await filled(1, false)
    const leaving = new AbortController()
    const opened = []
    for (let n = 0; n < 4; n++) {
      let response: Response
      // Those of the tests before may be leaving still.
      do response = await door(stream.id, bearer(), { signal: leaving.signal })
      while (response.status === 429)
      opened.push(response)
    }
    const refused = await door(stream.id)
    expect([refused.headers.get('retry-after'), ...(await codeOf(refused))]).toEqual(['5', 429, 'RATE_LIMITED'])
    expect((await door(stream.id, bearer(on.admin))).status).toBe(200)
    leaving.abort()
    while ((await door(stream.id, bearer(), { method: 'GET', signal: AbortSignal.timeout(60_000) })).status === 429);
  })

  it('say that what was said was removed by age', async () => {
    const stream = await filled(3)
    await on.world.client.$executeRaw`UPDATE "Stream" SET "completedAtMs" = 1 WHERE "id" = ${bare(stream.id)}`
    await streamsExpire(on.world.app.store, { retentionDays: 30 })
    expect(await codeOf(await door(stream.id))).toEqual([410, 'STREAM_EXPIRED'])
    expect(await codeOf(await door(`${stream.id}/ui`))).toEqual([410, 'STREAM_EXPIRED'])
  })

  describe('of a task whose attempt is lost', () => {
    /** A task's worker is taken its lease in the middle of its words; the next attempt is in the test's hands. */
    const lost = async (words = 'half a sent') => {
      const { id } = await create(on.world, on.ada, { retryPolicy: { initialSeconds: 0 } })
      const first = await on.held.run(id)
      await (await first.task.openStream({})).write('TEXT', words)
      const row = () => on.world.client.stream.findFirstOrThrow({ where: { producerTaskId: bare(id) } })
      await expect.poll(async () => (await row()).lastSeq).toBe(0)
      const stream = await row()
      const lose = () =>
        transact(on.world.app.store, serverActor, async (work) => {
          await work.db.$executeRaw`UPDATE "Task" SET "leaseExpiresAtMs" = 1 WHERE "id" = ${bare(id)}`
          await tasksRescue(work)
        })
      return { id, stream: `Stream:${stream.id}`, lose, second: () => on.held.run(id, 2) }
    }

    it('say so and end, where nobody follows the task', async () => {
      const { id, stream, lose, second } = await lost()
      const reading = door(stream).then(all)
      await lose()
      expect((await reading).at(-1)).toMatchObject({ event: 'status', data: { status: 'INTERRUPTED', taskId: id } })
      ;(await second()).complete({})
    })

    it('go on in the stream of the next attempt, told that it begins anew, where one follows the task', async () => {
      const { id, stream, lose, second } = await lost()
      const events = eventsOf(await door(`${stream}?follow=task`))
      expect((await events.next()).value).toMatchObject({ event: 'chunk', id: '0', data: { content: 'half a sent' } })
      await lose()
      const run = await second()
      await (await run.task.openStream({})).write('TEXT', 'a whole ')
      const restart = (await events.next()).value!
      expect(restart).toMatchObject({
        event: 'restart',
        data: { streamId: expect.stringMatching(/^Stream:/), ended: { streamId: stream, status: 'INTERRUPTED', lastSeq: 0, taskId: id } },
      })
      const next = bare(restart.data.streamId)
      expect(restart.id).toBe(`${next}:-1`)
      expect((await events.next()).value).toMatchObject({ event: 'chunk', id: `${next}:0`, data: { seq: 0, content: 'a whole ' } })
      await events.return()
      // Whoever was cut off goes on in the stream that it had come to.
      const again = eventsOf(await door(`${stream}?follow=task`, { ...bearer(), 'last-event-id': `${next}:0` }))
      await (await run.task.openStream({})).write('TEXT', 'a stream that is another one of this attempt')
      run.complete({})
      expect((await again.next()).value).toMatchObject({ event: 'status', id: `${next}:0.end`, data: { status: 'COMPLETED', lastSeq: 0 } })
      expect((await door(`${stream}?follow=task`, { ...bearer(), 'last-event-id': `${next}:0.end` })).status).toBe(204)
      // And whoever comes late is told all of it.
      expect((await all(await door(`${stream}?follow=task`))).map(({ event }) => event)).toEqual(['chunk', 'restart', 'chunk', 'status'])
    })

    it('end with what became of it, where the task has no further attempt', async () => {
      const { id, stream, lose } = await lost()
      await on.world.client.$executeRaw`UPDATE "Task" SET "maxAttempts" = 1 WHERE "id" = ${bare(id)}`
      const reading = door(`${stream}?follow=task`).then(all)
      await lose()
      expect((await reading).map(({ event }) => event)).toEqual(['chunk', 'status'])
    })

    it('go on for useChat in a further step, behind a part that says so', async () => {
      const { stream, lose, second } = await lost()
      const transport = new DefaultChatTransport<UIMessage>({
        prepareReconnectToStreamRequest: ({ id }) => ({ api: `${server.url}/streams/${id}/ui?open=1&follow=task`, headers: bearer() }),
      })
      const reading = transport.reconnectToStream({ chatId: stream }).then(async (parts) => {
        let last: UIMessage | undefined
        for await (const message of readUIMessageStream({ stream: parts!, terminateOnError: true })) last = message
        return last!
      })
      await lose()
      // One that comes now has something to resume, for the task goes on.
      expect((await door(`${stream}/ui?open=1`)).status).toBe(204)
      const late = await door(`${stream}/ui?open=1&follow=task`)
      expect(late.status).toBe(200)
      const run = await second()
      await (await run.task.openStream({})).write('TEXT', 'a whole sentence')
      run.complete({})
      const { id, parts } = await reading
      expect(id).toBe(stream)
      expect(parts).toMatchObject([
        { type: 'step-start' },
        { type: 'text', text: 'half a sent' },
        { type: 'data-restart', data: { streamId: expect.stringMatching(/^Stream:/), ended: { streamId: stream, status: 'INTERRUPTED' } } },
        { type: 'step-start' },
        { type: 'text', text: 'a whole sentence', state: 'done' },
      ])
      expect(await late.text()).toContain('a whole sentence')
      expect((await door(`${stream}/ui?open=1&follow=task`)).status).toBe(204)
    })

    it('let go of a reader who leaves while it waits, and of one whose right ends', async () => {
      const user = await on.world.user()
      const { id } = await create(on.world, user, { runImmediately: false })
      const opened = await open(on.world, user, { taskId: id })
      await append(on.world, user, opened, -1, 'words')
      // As if an attempt at the task had written it, and was lost; no other one comes.
      await on.world.client
        .$executeRaw`UPDATE "Stream" SET "producerTaskId" = ${bare(id)}, "attempt" = 0, "status" = 'INTERRUPTED', "leaseExpiresAtMs" = NULL, "completedAtMs" = 1, "producer" = 'TASK' WHERE "id" = ${bare(opened.id)}`
      const leaving = new AbortController()
      const left = eventsOf(await door(`${opened.id}?follow=task`, bearer(user), { signal: leaving.signal }))
      expect((await left.next()).value).toMatchObject({ event: 'chunk' })
      leaving.abort()
      const events = eventsOf(await door(`${opened.id}?follow=task`, bearer(user)))
      expect((await events.next()).value).toMatchObject({ event: 'chunk' })
      const told = events.next()
      await on.world.does('mutation { sessionRevoke(input: {}) { userErrors { code message } } }', {}, user)
      expect((await told).value).toMatchObject({ event: 'refused', data: { code: 'UNAUTHENTICATED' } })
    })

    it('refuse a place in a stream of another task, and what nobody knows', async () => {
      const [stream, other] = [await filled(1), await filled(1)]
      const elsewhere = { ...bearer(), 'last-event-id': `${bare(other.id)}:0` }
      expect(await codeOf(await door(`${stream.id}?follow=task`, elsewhere))).toEqual([400, 'BAD_USER_INPUT'])
      expect(await codeOf(await door(stream.id, elsewhere))).toEqual([400, 'BAD_USER_INPUT'])
      expect(await codeOf(await door(`${stream.id}?follow=me`))).toEqual([400, 'BAD_USER_INPUT'])
    })
  })

  describe('by ticket', () => {
    const by = (stream: Opened, ticket: string, path = '') => door(`${stream.id}${path}?ticket=${ticket}`, {})

    it('open to whoever holds one, and only the stream it is for', async () => {
      const [stream, other] = [await filled(3), await filled(3)]
      const ticket = await ticketOf(stream)
      expect(wordsOf(await all(await by(stream, ticket)))).toBe(textFrom(0, 3))
      expect((await by(stream, ticket, '/ui')).status).toBe(200)
      expect(await codeOf(await by(other, ticket))).toEqual([401, 'UNAUTHENTICATED'])
      // It opens nothing else.
      const viewer = await on.world.ask('{ viewer { id } }', {}, ticket)
      expect(viewer.errors![0]!.extensions.code).toBe('UNAUTHENTICATED')
    })

    it('are given to nobody for what is not theirs', async () => {
      const stream = await filled(1)
      expect(await on.world.refused(TICKET, { input: { streamId: stream.id } }, on.bob)).toMatchObject([{ code: 'NOT_FOUND', path: ['input', 'streamId'] }])
      expect((await on.world.ask(TICKET, { input: { streamId: stream.id } }, null)).errors![0]!.extensions.code).toBe('UNAUTHENTICATED')
    })

    it('are the same for the same key', async () => {
      const stream = await filled(1)
      const ticket = await ticketOf(stream, on.ada, 'a ticket')
      expect(await ticketOf(stream, on.ada, 'a ticket')).toBe(ticket)
      const [kept] = await on.world.client.idempotencyKey.findMany({ where: { mutation: 'streamTicketCreate', key: 'a ticket' } })
      expect(JSON.stringify(kept, (_, value) => (typeof value === 'bigint' ? String(value) : value))).not.toContain(ticket)
    })

    it('stay shut to one that expired, was tampered with, is another user’s or of a session that ended', async () => {
      const stream = await filled(1)
      const user = await on.world.user()
      const theirs = await open(on.world, user)
      const { secrets } = on.world.app
      const session = await on.world.client.session.findFirstOrThrow({ where: { userId: bare(user.id) } })
      const actor = { kind: 'session', userId: bare(user.id), role: 'USER', sessionId: session.id, expiresAtMs: 0 } as const
      const expired = await streamTicket(secrets, actor, bare(theirs.id), Date.now() - 1000)
      expect(await codeOf(await by(theirs, expired))).toEqual([401, 'UNAUTHENTICATED'])
      const ticket = await ticketOf(theirs, user)
      const [head, body, mac] = ticket.split('.') as [string, string, string]
      const claims = JSON.parse(Buffer.from(body, 'base64url').toString())
      const forged = [head, Buffer.from(JSON.stringify({ ...claims, stream: bare(stream.id) })).toString('base64url'), mac].join('.')
      expect(await codeOf(await by(stream, forged))).toEqual([401, 'UNAUTHENTICATED'])
      const foreign = await streamTicket(secrets, actor, bare(stream.id), Date.now() + 60_000)
      expect(await codeOf(await by(stream, foreign))).toEqual([404, 'NOT_FOUND'])
      const mismatched = await streamTicket(secrets, { ...actor, userId: bare(on.ada.id) }, bare(stream.id), Date.now() + 60_000)
      expect(await codeOf(await by(stream, mismatched))).toEqual([401, 'UNAUTHENTICATED'])
      const events = eventsOf(await by(theirs, ticket))
      const told = events.next()
      await append(on.world, user, theirs, -1, 'still open')
      expect((await told).value).toMatchObject({ data: { content: 'still open' } })
      await on.world.does('mutation { sessionRevoke(input: {}) { userErrors { code message } } }', {}, user)
      expect((await events.next()).value).toMatchObject({ event: 'refused' })
      expect(await codeOf(await by(theirs, ticket))).toEqual([401, 'UNAUTHENTICATED'])
    })

    it('leave no ticket in the log', async () => {
      const lines: string[] = []
      const log = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) })
      const loud = await serve({ ...on.world.app, config: { ...on.world.app.config, PORT: 0 }, log }, buildSchema())
      const stream = await filled(1)
      const ticket = await ticketOf(stream)
      for (const path of [`${stream.id}?ticket=${ticket}`, `${stream.id}/ui?ticket=${ticket}`, `${newStreamId()}?ticket=${ticket}`])
        await (await fetch(`${loud.url}/streams/${path}`)).text()
      await fetch(`${loud.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...bearer() },
        body: JSON.stringify({ query: TICKET, variables: { input: { streamId: stream.id } } }),
      })
      await loud.close()
      expect(lines.join('')).toContain('Operation')
      expect(lines.join('')).not.toMatch(/eyJ[\w-]+\.[\w-]+\.[\w-]+/)
    })
  })

  describe('in the tongue of useChat', () => {
    const resume = async (stream: Opened, query = '') => {
      const transport = new DefaultChatTransport<UIMessage>({
        prepareReconnectToStreamRequest: ({ id }) => ({ api: `${server.url}/streams/${id}/ui${query}`, headers: bearer() }),
      })
      return transport.reconnectToStream({ chatId: stream.id })
    }
    const messageOf = async (parts: Awaited<ReturnType<typeof resume>>) => {
      let last: UIMessage | undefined
      const errors: string[] = []
      for await (const message of readUIMessageStream({ stream: parts!, onError: (error) => errors.push((error as Error).message) })) last = message
      return { message: last!, errors }
    }

    it('are read by the SDK’s own transport: text, reasoning, tools and data, in order', async () => {
      const stream = await open(on.world, on.ada)
      const reading = resume(stream).then(messageOf)
      const chunks = [
        { kind: 'REASONING', content: 'Let me ' },
        { kind: 'REASONING', content: 'think.' },
        { kind: 'TOOL_CALL', content: JSON.stringify({ callId: 'c1', name: 'http.get', input: { url: 'x' } }) },
        { kind: 'TOOL_RESULT', content: JSON.stringify({ callId: 'c1', name: 'http.get', output: { status: 200 }, isError: false }) },
        { kind: 'TOOL_CALL', content: JSON.stringify({ toolCallId: 'c2', toolName: 'add', input: {} }) },
        { kind: 'TOOL_RESULT', content: JSON.stringify({ callId: 'c2', name: 'add', output: 'No.', isError: true }) },
        { kind: 'TEXT', content: 'Grüße, ' },
        { kind: 'TEXT', content: '漢字' },
        { kind: 'DATA', content: '{"a":1}' },
        { kind: 'TEXT', content: '!' },
      ]
      for (const [i, chunk] of chunks.entries()) await on.world.does(APPEND, { input: { ...stream, afterSeq: i - 1, chunks: [chunk] } }, on.ada)
      await complete(stream)
      const expected = [
        { type: 'step-start' },
        { type: 'reasoning', text: 'Let me think.', state: 'done' },
        { type: 'dynamic-tool', toolName: 'http.get', toolCallId: 'c1', state: 'output-available', input: { url: 'x' }, output: { status: 200 } },
        { type: 'dynamic-tool', toolName: 'add', toolCallId: 'c2', state: 'output-error', errorText: 'No.' },
        { type: 'text', text: 'Grüße, 漢字', state: 'done' },
        { type: 'data-data', data: { a: 1 } },
        { type: 'text', text: '!', state: 'done' },
      ]
      const { message, errors } = await reading
      expect([message.id, errors]).toEqual([stream.id, []])
      expect(message.parts).toMatchObject(expected)
      // Whoever comes back after a cut builds the same message anew.
      expect((await messageOf(await resume(stream))).message.parts).toMatchObject(expected)
    })

    it('end with [DONE] under the protocol’s header, and only then', async () => {
      const stream = await filled(2)
      const response = await door(`${stream.id}/ui`)
      expect(response.headers.get('x-vercel-ai-ui-message-stream')).toBe('v1')
      expect(await response.text()).toMatch(/data: \{"type":"finish","finishReason":"stop"\}\n\ndata: \[DONE\]\n\n$/)
    })

    it('have nothing to resume once the stream has ended, where only that is asked for', async () => {
      const stream = await filled(2, false)
      const parts = await resume(stream, '?open=1')
      await complete(stream)
      expect((await messageOf(parts)).message.parts.at(-1)).toMatchObject({ type: 'text', text: textFrom(0, 2) })
      expect(await resume(stream, '?open=1')).toBeNull()
    })

    it('tell that a stream failed or was cancelled, and keep its text', async () => {
      const [failed, cancelled] = [await filled(1, false), await filled(1, false)]
      await on.world.does(FAIL, { input: { ...failed, error: 'The model is gone.' } }, on.ada)
      await on.world.does(CANCEL, { input: { id: cancelled.id } }, on.ada)
      const { message, errors } = await messageOf(await resume(failed))
      expect([message.parts.at(-1), errors]).toMatchObject([{ type: 'text', text: textFrom(0, 1) }, ['The model is gone.']])
      expect(await (await door(`${cancelled.id}/ui`)).text()).toContain('"type":"abort"')
    })
  })

  it('end without a word when the server stops, so that clients come back', async () => {
    const stream = await filled(1, false)
    const stopping = await serve({ ...on.world.app, config: { ...on.world.app.config, PORT: 0 } }, buildSchema())
    const events = eventsOf(await fetch(`${stopping.url}/streams/${stream.id}`, { headers: bearer(on.admin) }))
    expect((await events.next()).value).toMatchObject({ id: '0' })
    const request = get(`${stopping.url}/streams/${stream.id}/ui`, { headers: bearer(on.admin) })
    const [ui] = (await once(request, 'response')) as [import('node:http').IncomingMessage]
    await once(ui, 'data')
    let rest = ''
    ui.on('data', (part) => {
      rest += part
    })
    const cut = new Promise<void>((resolve) => ui.once('close', resolve))
    ui.on('error', () => {})
    await stopping.close()
    await cut
    expect(await events.next()).toMatchObject({ done: true })
    expect(rest).not.toContain('[DONE]')
    expect(ui.complete).toBe(false)
  })
})
