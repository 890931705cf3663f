/** A whole server without a socket, on a scratch database, and ways to ask it things as a user would. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { GraphQLSchema } from 'graphql'
import { pino } from 'pino'
import { readConfig } from '../../src/config.ts'
import type { Dialect } from '../../src/db/sql.ts'
import { buildSchema } from '../../src/graphql/schema.ts'
import { type OpenApp, openApp } from '../../src/server/open.ts'
import { createGraphQL } from '../../src/server/yoga.ts'
import type { TaskTypes } from '../../src/tasks/task-type.ts'
import { scratchDatabase } from './databases.ts'
import { invariantsHold } from './invariants.ts'

export interface WorldOptions {
  /** Environment variables on top of the tests' own. */
  env?: Record<string, string>
  /** A database that is there already: a second server on it. */
  url?: string
  /** More task types. */
  extend?: (types: TaskTypes) => void
  /** Why what must never be may be here: left out, the world is closed only if all that must hold does. */
  invariants?: `broken on purpose: ${string}`
}

export interface TestUser {
  /** Global. */
  id: string
  email: string
  password: string
  accessToken: string
  refreshToken: string
}

// biome-ignore lint/suspicious/noExplicitAny: a test says itself what it expects of an answer
type Data = any

export interface Answer {
  data: Data
  errors?: { message: string; path?: (string | number)[]; extensions: { code: string; [key: string]: unknown } }[]
  extensions?: Record<string, unknown>
}

export interface LiveMessage extends Answer {
  /** The SSE id: what `Last-Event-ID` takes. */
  id: string | undefined
}

export interface Follower extends AsyncIterableIterator<LiveMessage> {
  /** The data of the next message. */
  take(): Promise<Data>
  /** Messages until one fulfils the condition, that one included. */
  until(condition: (data: Data) => boolean): Promise<Data[]>
  stop(): Promise<void>
}

const TEST_ENV = {
  LOG_LEVEL: process.env.TEST_LOG ?? 'silent',
  HOLDFAST_SECRET: 'the secret of a server that is only tested',
  ARGON2_MEMORY_KIB: '8192',
  ARGON2_TIME_COST: '1',
  RATE_LIMITS: 'off',
  LOCAL_MODEL: 'off',
  PROVIDER_SYNC_MINUTES: '0',
  // Tests write rows past the log, which nobody is told of.
  CACHE_SECONDS: '0',
}

let schema: GraphQLSchema | undefined
let made = 0

export class World {
  readonly #graphql: ReturnType<typeof createGraphQL>

  private constructor(
    readonly app: OpenApp,
    readonly url: string,
    readonly dispose: () => Promise<void>,
  ) {
    schema ??= buildSchema()
    this.#graphql = createGraphQL(app, schema)
  }

  static async open(dialect: Dialect, options: WorldOptions = {}): Promise<World> {
    const scratch = options.url ? null : await scratchDatabase(dialect)
    const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-world-'))
    const url = options.url ?? scratch!.url
    const config = readConfig({ ...TEST_ENV, DATABASE_URL: url, DATA_DIR: folder, ...options.env })
    const app = await openApp(config, { log: pino({ level: config.LOG_LEVEL }), ...(options.extend && { extend: options.extend }) })
    return new World(app, url, async () => {
      await app.close()
      rmSync(folder, { recursive: true, force: true })
      try {
        // Now that nothing is under way any more; by the one that the database belongs to, for others may still be at work.
        if (scratch && !options.invariants) await invariantsHold(url)
      } finally {
        await scratch?.drop()
      }
    })
  }

  get client() {
    return this.app.store.database.client
  }

  /** One operation over HTTP. */
  async ask(query: string, variables: Record<string, unknown> = {}, token?: string | TestUser | null, headers: Record<string, string> = {}): Promise<Answer> {
    const response = await this.fetch({ query, variables }, token, headers)
    return (await response.json()) as Answer
  }

  /** What a mutation answered; fails where it was refused. */
  async does(query: string, variables: Record<string, unknown>, token?: string | TestUser | null): Promise<Data> {
    const answer = await this.ask(query, variables, token)
    if (answer.errors) throw new Error(`${answer.errors[0]!.extensions.code}: ${answer.errors[0]!.message} (${answer.errors[0]!.path?.join('.')})`)
    const payload = Object.values(answer.data)[0] as { userErrors?: { code: string; message: string }[] }
    if (payload?.userErrors?.length) throw new Error(`${payload.userErrors[0]!.code}: ${payload.userErrors[0]!.message}`)
    return payload
  }

  /** The user errors a mutation was refused with. It must ask for `userErrors { code path message }`. */
  async refused(
    query: string,
    variables: Record<string, unknown>,
    token?: string | TestUser | null,
  ): Promise<{ code: string; path: string[] | null; message: string }[]> {
    const answer = await this.ask(query, variables, token)
    if (answer.errors) throw new Error(`${answer.errors[0]!.extensions.code}: ${answer.errors[0]!.message}`)
    return (Object.values(answer.data)[0] as { userErrors: { code: string; path: string[] | null; message: string }[] }).userErrors
  }

  fetch(body: unknown, token?: string | TestUser | null, headers: Record<string, string> = {}, signal?: AbortSignal): Promise<Response> {
    const bearer = typeof token === 'string' ? token : token?.accessToken
    return Promise.resolve(
      this.#graphql.yoga.fetch('http://test/graphql', {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json', ...(bearer && { authorization: `Bearer ${bearer}` }), ...headers },
        body: JSON.stringify(body),
        ...(signal && { signal }),
      }),
    )
  }

  /** A subscription over SSE. */
  async follow(
    query: string,
    variables: Record<string, unknown> = {},
    token?: string | TestUser | null,
    headers: Record<string, string> = {},
  ): Promise<Follower> {
    const abort = new AbortController()
    const response = await this.fetch({ query, variables }, token, { accept: 'text/event-stream', ...headers }, abort.signal)
    const messages = readEvents(response)
    const take = async (): Promise<Data> => {
      const step = await messages.next()
      if (step.done) throw new Error('The subscription has ended.')
      if (step.value.errors) throw new Error(`${step.value.errors[0]!.extensions.code}: ${step.value.errors[0]!.message}`)
      return Object.values(step.value.data)[0]
    }
    return Object.assign(messages, {
      take,
      until: async (condition: (data: Data) => boolean) => {
        const taken: Data[] = []
        do taken.push(await take())
        while (!condition(taken[taken.length - 1]))
        return taken
      },
      stop: async () => {
        abort.abort()
        await messages.return()
      },
    }) as Follower
  }

  /** A new user, logged in. The first one of a world is its ADMIN. */
  async user(name = 'user'): Promise<TestUser> {
    const email = `${name}-${++made}@example.com`
    const password = `correct horse ${made}`
    const payload = await this.does(
      `mutation ($input: UserRegisterInput!) { userRegister(input: $input) { user { id } tokens { accessToken refreshToken } userErrors { code message } } }`,
      { input: { email, password, displayName: name } },
    )
    return { id: payload.user.id, email, password, ...payload.tokens }
  }

  close(): Promise<void> {
    return this.dispose()
  }
}

/** What a stream of server-sent events says, until `complete`. */
async function* readEvents(response: Response): AsyncGenerator<LiveMessage, void, void> {
  if (!response.headers.get('content-type')?.startsWith('text/event-stream')) {
    yield { id: undefined, ...((await response.json()) as Answer) }
    return
  }
  const decoder = new TextDecoder()
  let buffer = ''
  for await (const part of response.body as unknown as AsyncIterable<Uint8Array>) {
    buffer += decoder.decode(part, { stream: true })
    for (let end = buffer.indexOf('\n\n'); end >= 0; end = buffer.indexOf('\n\n')) {
      const block = buffer.slice(0, end)
      buffer = buffer.slice(end + 2)
      const fields = new Map(block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trimStart()]))
      if (fields.get('event') === 'complete') return
      if (fields.has('data')) yield { id: fields.get('id'), ...(JSON.parse(fields.get('data')!) as Answer) }
    }
  }
}

export const openWorld = (dialect: Dialect, options?: WorldOptions): Promise<World> => World.open(dialect, options)
