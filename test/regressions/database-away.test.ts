import net from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hasPostgres, type ScratchDatabase, scratchDatabase } from '../kit/databases.ts'
import { invariantsHold } from '../kit/invariants.ts'
import { openWorld, type TestUser, type World } from '../kit/world.ts'

/** Stands between a server and its database, and can be told to let nobody through. */
class Wire {
  readonly #open = new Set<net.Socket>()
  #isCut = false
  readonly #server: net.Server

  constructor(to: URL) {
    this.#server = net.createServer((near) => {
      if (this.#isCut) return near.resetAndDestroy()
      const far = net.connect(Number(to.port || 5432), to.hostname)
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#open.add(one)
        one.pipe(other)
        one.on('error', () => {})
        one.on('close', () => {
          this.#open.delete(one)
          other.destroy()
        })
      }
    })
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return (this.#server.address() as net.AddressInfo).port
  }

  cut(): void {
    this.#isCut = true
    for (const socket of this.#open) socket.destroy()
  }

  mend(): void {
    this.#isCut = false
  }

  close(): void {
    this.cut()
    this.#server.close()
  }
}

describe.skipIf(!hasPostgres)('while PostgreSQL is away', () => {
  let scratch: ScratchDatabase
  let wire: Wire
  let world: World
  let ada: TestUser
  beforeAll(async () => {
    scratch = await scratchDatabase('postgresql')
    const url = new URL(scratch.url)
    wire = new Wire(new URL(scratch.url))
    url.host = `127.0.0.1:${await wire.listen()}`
    world = await openWorld('postgresql', { url: url.href })
    ada = await world.user('ada')
  })
  afterAll(async () => {
    wire.mend()
    await world.close()
    wire.close()
    await invariantsHold(scratch.url)
    await scratch.drop()
  })

  const CREATE =
    'mutation ($key: String) { taskCreate(input: { type: "http.request", params: { url: "http://a.b/" }, runImmediately: false, idempotencyKey: $key }) { task { id } userErrors { code } } }'
  const codes = async (query: string, variables = {}, user: TestUser | null = ada) =>
    (await world.ask(query, variables, user)).errors?.map((error) => error.extensions.code)

  it('whoever asks is told to try again, and afterwards all is as it was', async () => {
    expect(await codes('{ viewer { id } }')).toBeUndefined()
    wire.cut()
    for (let round = 0; round < 3; round++) {
      expect(await codes('{ viewer { id } }')).toEqual(['UNAVAILABLE'])
      expect(await codes(CREATE, { key: 'once' })).toEqual(['UNAVAILABLE'])
      expect(await codes('mutation { sessionCreate(input: { email: "a@b.c", password: "x" }) { userErrors { code } } }', {}, null)).toEqual(['UNAVAILABLE'])
    }
    const { status } = await world.fetch({ query: '{ viewer { id } }' }, ada, { accept: 'application/graphql-response+json' })
    expect(status).toBe(503)
    wire.mend()
    await expect.poll(() => codes('{ viewer { id } }')).toBeUndefined()
    await world.does(CREATE, { key: 'once' }, ada)
    expect(await world.client.task.count()).toBe(1)
  })
})
