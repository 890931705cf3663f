import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AuthTokens, Forbidden, Holdfast, InvalidCredentials, RateLimited, Taken, Unauthenticated, Unavailable } from '../../src/client/client.ts'
import { dialects } from '../kit/databases.ts'
import { append, bare, open } from '../streams/stream.ts'
import { type ClientWorld, openClientWorld } from './server.ts'

const KEY = 'mutation ($input: ApiKeyCreateInput!) { apiKeyCreate(input: $input) { secret userErrors { code message } } }'

describe.each(dialects())('a client that comes in on %s', (dialect) => {
  let on: ClientWorld
  beforeAll(async () => {
    on = await openClientWorld(dialect)
  })
  afterAll(() => on.close())

  it('registers, logs in and logs out', async () => {
    const kept: (AuthTokens | null)[] = []
    const client = new Holdfast({ url: on.url, onTokens: (tokens) => kept.push(tokens) })
    await expect(client.ownerId()).rejects.toThrow(Unauthenticated)
    const login = ['cleo@example.com', 'a long and private sentence'] as const
    await client.register(...login, 'Cleo')
    const id = await client.ownerId()
    await expect(client.register(...login, 'Cleo')).rejects.toThrow(Taken)
    await client.logout()
    await expect(client.ownerId()).rejects.toThrow(Unauthenticated)
    await expect(client.login(login[0], 'something else')).rejects.toThrow(InvalidCredentials)
    await client.login(...login)
    expect(await client.ownerId()).toBe(id)
    expect(kept.map((tokens) => tokens && typeof tokens.refreshToken)).toEqual(['string', null, 'string'])
  })

  it('exchanges tokens that ran out, once for all who ask at that moment', async () => {
    const kept: AuthTokens[] = []
    const mine = await on.world.user()
    const first = new Holdfast({ url: on.url })
    const tokens = await first.login(mine.email, mine.password)
    // As good as one that ran out.
    const client = new Holdfast({
      url: on.url,
      tokens: { ...tokens, accessToken: `${tokens.accessToken.slice(0, -4)}AAAA` },
      onTokens: (now) => kept.push(now!),
    })
    await Promise.all(Array.from({ length: 5 }, (_, i) => client.dictionary('d').set(`${i}`, i)))
    expect(await client.dictionary('d').size).toBe(5)
    expect(kept).toHaveLength(1)
    const again = new Holdfast({ url: on.url, tokens: kept[0]! })
    expect(await again.ownerId()).toBe(mine.id)
  })

  it('logs in again once its session has ended, where it can', async () => {
    const mine = await on.world.user()
    const client = on.as(mine)
    await client.dictionary('d').set('a', 1)
    const end = () => on.world.client.$executeRaw`UPDATE "Session" SET "revokedAtMs" = 1 WHERE "userId" = ${bare(mine.id)}`
    await end()
    expect(await client.dictionary('d').get('a')).toBe(1)
    const other = new Holdfast({ url: on.url })
    await other.login(mine.email, mine.password)
    await end()
    await expect(other.dictionary('d').get('a')).rejects.toThrow(Unauthenticated)
  })

  it('watches on when its session ended and it could log in again', async () => {
    const mine = await on.world.user()
    const values = on.as(mine).dictionary('d')
    const watch = values.watch('a')
    expect((await watch.next()).value).toMatchObject({ kind: 'SNAPSHOT' })
    const told = watch.next()
    const other = on.as(mine)
    await other.request('mutation { sessionRevokeAll(input: { exceptCurrent: true }) { userErrors { code } } }')
    await other.dictionary('d').set('a', 1)
    expect((await told).value).toMatchObject({ kind: 'SET', value: 1 })
    await watch.return()
  })

  it('reads a stream on when its session ended, and is turned away where it cannot log in', async () => {
    const mine = await on.world.user()
    const opened = await open(on.world, mine)
    await append(on.world, mine, opened, -1, 'one')
    const tokens = await new Holdfast({ url: on.url }).login(mine.email, mine.password)
    const readers = [on.as(mine), on.as(mine), new Holdfast({ url: on.url, tokens }), new Holdfast({ url: on.url, tokens })]
    const reading = readers.map((client, i) => (i % 2 ? client.stream(opened.id, { follow: 'task' }) : client.stream(opened.id))[Symbol.asyncIterator]())
    for (const each of reading) expect((await each.next()).value).toMatchObject({ content: 'one' })
    const next = reading.map((each) => each.next().then(({ value }) => value))
    const other = new Holdfast({ url: on.url })
    await other.login(mine.email, mine.password)
    const turnedAway = next.slice(2).map((each) => expect(each).rejects.toThrow(Unauthenticated))
    await other.request('mutation { sessionRevokeAll(input: { exceptCurrent: true }) { userErrors { code } } }')
    await Promise.all(turnedAway)
    const input = { ...opened, afterSeq: 0, chunks: [{ content: 'two' }] }
    await other.request('mutation ($input: StreamAppendInput!) { streamAppend(input: $input) { userErrors { code } } }', { input })
    for (const each of next.slice(0, 2)) expect(await each).toMatchObject({ content: 'two' })
  })

  it('may do with a key what its scopes allow', async () => {
    const secretOf = async (...scopes: string[]) => (await on.world.does(KEY, { input: { name: 'k', scopes } }, on.ada)).secret as string
    const client = new Holdfast({ url: on.url, apiKey: await secretOf('ACCOUNT_READ', 'TASKS_READ', 'TASKS_WRITE') })
    await client.dictionary('keyed').set('a', 1)
    expect(await on.as(on.ada).dictionary('keyed').get('a')).toBe(1)
    const reader = new Holdfast({ url: on.url, apiKey: await secretOf('ACCOUNT_READ', 'TASKS_READ') })
    expect(await reader.dictionary('keyed').get('a')).toBe(1)
    await expect(reader.dictionary('keyed').set('a', 2)).rejects.toThrow(Forbidden)
    await expect(reader.dictionary('keyed').delete('a')).rejects.toThrow(Forbidden)
    expect(await reader.dictionary('keyed').get('a')).toBe(1)
    await expect(new Holdfast({ url: on.url, apiKey: 'hf_nobody' }).tasks.size).rejects.toThrow(Unauthenticated)
  })

  it('is told that nobody is there, after as long as its patience lasts', async () => {
    const client = new Holdfast({ url: 'http://127.0.0.1:9', apiKey: 'hf_x', patienceMs: 0 })
    await expect(client.tasks.size).rejects.toThrow(Unavailable)
    await expect(client.tasks.size).rejects.toMatchObject({ code: 'UNAVAILABLE', message: 'http://127.0.0.1:9/graphql cannot be reached.' })
  })

  it('asks again where no answer came and it does no harm, and does what it asked for once', async () => {
    let left = 3
    let asked = 0
    const lossy: typeof fetch = async (input, init) => {
      asked++
      const response = await fetch(input, init)
      // It was done, and the answer is lost.
      if (left-- > 0) throw new TypeError('The connection was cut.')
      return response
    }
    const tokens = await new Holdfast({ url: on.url }).login(on.bob.email, on.bob.password)
    const client = new Holdfast({ url: on.url, tokens, fetch: lossy })
    const watch = on.as(on.bob).dictionary('lossy').watch()
    await watch.ready
    await client.ownerId()
    left = 2
    await client.dictionary('lossy').set('a', 1)
    await client.dictionary('lossy').set('a', 2)
    expect([(await watch.next()).value, (await watch.next()).value]).toMatchObject([{ kind: 'SET' }, { kind: 'SET', value: 2 }])
    await watch.return()
    const risky = 'mutation { taskCreate(input: { type: "value.keep", params: { value: 1 }, runImmediately: false, domain: "risky" }) { userErrors { code } } }'
    left = 1
    asked = 0
    await expect(client.request(risky)).rejects.toThrow(Unavailable)
    expect([asked, await client.tasks.where({ domain: { eq: 'risky' } }).size]).toEqual([1, 1])
  })

  it('waits as long as it is told where too many come, and says so where that is too long', async () => {
    const answers = [new Response(JSON.stringify({ errors: [{ message: 'Slow down.', extensions: { code: 'RATE_LIMITED', retryAfterMs: 1 } }] })), null]
    const once: typeof fetch = async (input, init) => answers.shift() ?? fetch(input, init)
    const { email, password } = on.ada
    expect(await new Holdfast({ url: on.url, login: { email, password }, fetch: once }).ownerId()).toBe(on.ada.id)
    const always: typeof fetch = async () =>
      new Response(JSON.stringify({ errors: [{ message: 'Slow down.', extensions: { code: 'RATE_LIMITED', retryAfterMs: 60_000 } }] }))
    const refused = new Holdfast({ url: on.url, apiKey: 'hf_x', fetch: always }).tasks.size
    await expect(refused).rejects.toThrow(RateLimited)
    await expect(refused).rejects.toMatchObject({ retryAfterMs: 60_000 })
  })
})
