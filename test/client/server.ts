/** A server with a socket, and clients of it. */
import { Holdfast, type HoldfastOptions } from '../../src/client/client.ts'
import type { Dialect } from '../../src/db/sql.ts'
import { buildSchema } from '../../src/graphql/schema.ts'
import { serve } from '../../src/server/serve.ts'
import type { TestUser } from '../kit/world.ts'
import { openTaskWorld, type TaskWorld } from '../tasks/task.ts'

export interface ClientWorld extends TaskWorld {
  url: string
  /** A client of the user's. */
  as(user: TestUser, options?: Partial<HoldfastOptions>): Holdfast
  close(): Promise<void>
}

export async function openClientWorld(dialect: Dialect, env: Record<string, string> = {}): Promise<ClientWorld> {
  const on = await openTaskWorld(dialect, { env: { PORT: '0', ...env } })
  const server = await serve(on.world.app, buildSchema())
  return {
    ...on,
    url: server.url,
    as: ({ email, password }, options) => new Holdfast({ url: server.url, login: { email, password }, patienceMs: 5_000, ...options }),
    close: async () => {
      await server.close()
      await on.world.close()
    },
  }
}

/** The first so many. */
export async function take<T>(from: AsyncIterable<T> | AsyncIterator<T>, count: number): Promise<T[]> {
  const iterator = Symbol.asyncIterator in from ? from[Symbol.asyncIterator]() : from
  const taken: T[] = []
  while (taken.length < count) {
    const step = await iterator.next()
    if (step.done) break
    taken.push(step.value)
  }
  return taken
}

export async function all<T>(from: AsyncIterable<T>): Promise<T[]> {
  const taken: T[] = []
  for await (const each of from) taken.push(each)
  return taken
}
