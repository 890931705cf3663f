/** The server with a schema of its own: what is tested here is the same whatever the rooms are. */
import { EventEmitter, on, once } from 'node:events'
import { GraphQLError, GraphQLInt, GraphQLList, GraphQLNonNull, GraphQLObjectType, GraphQLSchema, GraphQLString } from 'graphql'
import pino from 'pino'
import { type Config, readConfig } from '../../src/config.ts'
import { BadUserInput, NotFound } from '../../src/core/errors.ts'
import { live } from '../../src/events/live.ts'
import type { App, Context } from '../../src/graphql/context.ts'
import { openSecrets } from '../../src/secrets.ts'
import { createRateLimits } from '../../src/server/rate-limits.ts'

/** What a test drives and looks at. */
export class Puppet extends EventEmitter {
  opened = 0
  closed = 0
  pulled = 0
  calls = 0
  lines: Record<string, unknown>[] = []
  down = false
  heads = 0
  release: () => void = () => {}

  /** Resolves once there are so many open subscriptions. */
  async until(done: () => boolean): Promise<void> {
    while (!done()) await once(this, 'changed')
  }

  changed(): void {
    this.emit('changed')
  }
}

const thing: GraphQLObjectType = new GraphQLObjectType({
  name: 'Thing',
  fields: () => ({
    id: { type: GraphQLString, resolve: () => 'Thing:1' },
    name: { type: GraphQLString, resolve: () => 'a thing' },
    parent: { type: thing, resolve: () => ({}) },
    things: { type: thingConnection, args: { first: { type: GraphQLInt }, last: { type: GraphQLInt } }, resolve: () => ({ nodes: [{}] }) },
    parts: { type: new GraphQLList(thing), resolve: () => [{}] },
  }),
})

const thingConnection: GraphQLObjectType = new GraphQLObjectType({
  name: 'ThingConnection',
  fields: () => ({ nodes: { type: new GraphQLList(thing) }, totalCount: { type: GraphQLInt, resolve: () => 1 } }),
})

export function tinySchema(puppet: Puppet): GraphQLSchema {
  const text = { text: { type: GraphQLString } }
  const query = new GraphQLObjectType<unknown, Context>({
    name: 'Query',
    fields: {
      hello: { type: new GraphQLNonNull(GraphQLString), args: text, resolve: (_, { text }) => `hello ${text ?? 'world'}` },
      me: { type: GraphQLString, resolve: (_, __, ctx) => ctx.actor.kind },
      address: { type: GraphQLString, resolve: (_, __, ctx) => ctx.origin.address },
      eventCursor: { type: GraphQLString, resolve: (_, __, ctx) => ctx.eventCursor },
      thing: { type: thing, resolve: () => ({}) },
      things: { type: thingConnection, args: { first: { type: GraphQLInt }, last: { type: GraphQLInt } }, resolve: () => ({ nodes: [{}] }) },
      missing: {
        type: GraphQLString,
        resolve: () => {
          throw new NotFound('Thing')
        },
      },
      broken: {
        type: GraphQLString,
        resolve: () => {
          throw new Error('password=hunter2')
        },
      },
      leaky: {
        type: GraphQLString,
        resolve: () => {
          throw new GraphQLError('refused', { extensions: { code: 'SECRET', detail: 'hunter2' } })
        },
      },
      waits: {
        type: GraphQLString,
        resolve: async (_, __, ctx) => {
          puppet.calls++
          puppet.changed()
          await new Promise<void>((resolve) => {
            puppet.release = resolve
            ctx.signal.addEventListener('abort', () => {
              puppet.closed++
              puppet.changed()
              resolve()
            })
          })
          return 'done'
        },
      },
    },
  })
  const mutation = new GraphQLObjectType({ name: 'Mutation', fields: { touch: { type: GraphQLInt, args: text, resolve: () => ++puppet.calls } } })
  const tick = new GraphQLObjectType({
    name: 'Tick',
    fields: {
      cursor: { type: GraphQLString },
      body: { type: GraphQLString },
      broken: {
        type: GraphQLString,
        resolve: () => {
          throw new Error('password=hunter2')
        },
      },
    },
  })
  const counted = (ctx: Context, make: (signal: AbortSignal) => AsyncGenerator<unknown, void, void>) => {
    puppet.opened++
    puppet.changed()
    return live(ctx.signal, async function* (signal) {
      try {
        yield* make(signal)
      } finally {
        puppet.closed++
        puppet.changed()
      }
    })
  }
  const subscription = new GraphQLObjectType<unknown, Context>({
    name: 'Subscription',
    fields: {
      ticks: {
        type: tick,
        args: { count: { type: GraphQLInt }, bytes: { type: GraphQLInt } },
        resolve: (value) => value,
        subscribe: (_, { count, bytes }, ctx) =>
          counted(ctx, async function* () {
            const start = Number(ctx.lastEventId ?? 0)
            for (let i = start + 1; i <= start + (count ?? 3); i++) {
              puppet.pulled = i
              puppet.changed()
              yield { sseId: String(i), cursor: String(i), body: 'x'.repeat(bytes ?? 1) }
            }
          }),
      },
      endless: {
        type: tick,
        resolve: (value) => value,
        subscribe: (_, __, ctx) =>
          counted(ctx, async function* (signal) {
            yield { sseId: '1', cursor: '1', body: 'first' }
            try {
              for await (const [body] of on(puppet, 'tick', { signal })) yield { sseId: '2', cursor: '2', body }
            } catch (error) {
              if (!signal.aborted) throw error
            }
          }),
      },
      failing: {
        type: tick,
        resolve: (value) => value,
        subscribe: (_, __, ctx) =>
          counted(ctx, async function* () {
            yield { sseId: '1', cursor: '1', body: 'the last' }
            throw new Error('password=hunter2')
          }),
      },
      refused: {
        type: tick,
        subscribe: () => {
          throw new BadUserInput('Not like this.')
        },
      },
      stuck: {
        type: tick,
        subscribe: async function* () {
          puppet.opened++
          puppet.changed()
          // Parked for ever: only the server can end it.
          await new Promise(() => {})
          yield {}
        },
      },
    },
  })
  return new GraphQLSchema({ query, mutation, subscription })
}

/** Opens no database: authentication of strangers, the log's head and readiness are all that is asked of it here. */
export function tinyApp(puppet: Puppet, settings: Record<string, string> = {}): App {
  const config: Config = readConfig({ PORT: '0', RATE_LIMITS: 'off', ...settings })
  const log = pino({ level: 'debug' }, { write: (line: string) => puppet.lines.push(JSON.parse(line)) })
  const database = {
    ready: async () => {
      if (puppet.down) throw new Error('postgresql://user:hunter2@host')
    },
    rows: async () => {
      puppet.heads++
      return [{ logId: '0123456789ab', position: 7, expiredThrough: 0 }]
    },
  }
  const secrets = openSecrets({ given: 'the secret of a server that is only tested', folder: config.DATA_DIR })
  const figures = { gauges: async () => [], apiCalls: { count: () => {}, fold: async () => {} } }
  // Nobody keeps a trail of it.
  const audit = { call: () => null, succeeded: () => {}, refused: () => {} }
  return { config, log, secrets, store: { database }, limits: createRateLimits(config), figures, audit } as unknown as App
}

// biome-ignore lint/suspicious/noExplicitAny: a test says itself what it expects of an answer
export type Answering = (body: unknown, headers?: Record<string, string>) => Promise<{ status: number; headers: Headers; body: any }>

/** A client that sees status, headers and body of what it posts. */
export const poster =
  (url: string): Answering =>
  async (body, headers = {}) => {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, body: text.startsWith('{') ? JSON.parse(text) : text }
  }
