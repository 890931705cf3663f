/** `npm run worker`, the real program, against the real server. */
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { buildSchema } from '../../src/graphql/schema.ts'
import { serve } from '../../src/server/serve.ts'
import { killAll, type Program, run } from '../examples/programs.ts'
import { dialects } from '../kit/databases.ts'
import { CANCEL, CREATE, kindsOf, openTaskWorld, read, type TaskWorld, whenStatus } from '../tasks/task.ts'
import { keyOf } from '../tasks/work/work.ts'

/** A site that answers when it is told to. */
class Site {
  readonly asked: ServerResponse[] = []
  readonly #watching = new Set<() => void>()
  readonly server: Server = createServer((_request, response) => {
    this.asked.push(response)
    for (const watch of this.#watching) watch()
  })

  async open(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve))
  }

  get host(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  async wasAsked(times: number): Promise<void> {
    while (this.asked.length < times) await new Promise<void>((resolve) => this.#watching.add(resolve))
  }

  async close(): Promise<void> {
    this.server.closeAllConnections()
    await new Promise((resolve) => this.server.close(resolve))
  }
}

const QUIET = { LOG_LEVEL: 'info', LOCAL_MODEL: 'off', HOLDFAST_SECRET: 'the secret of a server that is only tested' }

describe('npm run worker', () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'holdfast-worker-'))
  })
  afterAll(() => {
    killAll()
    rmSync(folder, { recursive: true, force: true })
  })
  const worker = (env: Record<string, string>) => run('src/worker.ts', { ...QUIET, DATA_DIR: folder, ...env })

  it.each([
    ['without a server to work for', {}, /A SQLite file belongs to one process\. Set HOLDFAST_URL and HOLDFAST_API_KEY/],
    ['without anything to do', { TASK_CONCURRENCY: '0' }, /TASK_CONCURRENCY is 0/],
    [
      'with types that it does not have',
      { WORKER_TYPES: 'text.generate,bake.bread', HOLDFAST_URL: 'http://127.0.0.1:9', HOLDFAST_API_KEY: 'x' },
      /cannot run: bake\.bread\. It can run .*http\.request/,
    ],
    ['with an address that is none', { HOLDFAST_URL: 'ftp://x' }, /HOLDFAST_URL: must begin with http/],
  ])('says what is wrong %s', async (_how, env, said) => {
    const program = worker(env)
    expect(await program.ended()).toBe(1)
    expect(program.output).toMatch(said)
  })

  describe.each(dialects())('for a server on %s', (dialect) => {
    let on: TaskWorld
    let server: Awaited<ReturnType<typeof serve>>
    const site = new Site()
    let env: Record<string, string>
    const programs: Program[] = []
    beforeAll(async () => {
      await site.open()
      on = await openTaskWorld(dialect, { env: { TASK_CONCURRENCY: '0', PORT: '0' } })
      server = await serve(on.world.app, buildSchema())
      const key = await keyOf(on.world, on.admin, ['TASKS_WORK', 'STREAMS_WRITE'])
      env = {
        HTTP_REQUEST_ALLOWED_HOSTS: site.host,
        WORKER_TYPES: 'http.request',
        // On PostgreSQL over the database, on SQLite over the API.
        ...(dialect === 'postgresql' ? { DATABASE_URL: on.world.url } : { HOLDFAST_URL: server.url, HOLDFAST_API_KEY: key }),
      }
    })
    beforeEach(() => {
      site.asked.length = 0
    })
    afterEach(async () => {
      await Promise.all(programs.splice(0).map((program) => program.kill()))
    })
    afterAll(async () => {
      await server.close()
      await on.world.close()
      await site.close()
    })
    const start = async (): Promise<Program> => {
      const program = worker(env)
      programs.push(program)
      await program.says(/Holdfast works/)
      return program
    }
    const create = async (input: object = {}) =>
      (await on.world.does(CREATE, { input: { type: 'http.request', params: { url: `http://${site.host}/` }, ...input } }, on.ada)).task

    it('runs the built-in tasks, and only those it shall', async () => {
      const other = await create({ type: 'test.held', params: {} })
      await start()
      const { id } = await create()
      await site.wasAsked(1)
      site.asked[0]!.end('hello')
      expect(await whenStatus(on.world, on.ada, id, 'COMPLETED')).toMatchObject({ result: { status: 200, body: 'hello' }, attempt: 1 })
      expect(await read(on.world, on.ada, other.id)).toMatchObject({ status: 'QUEUED', attempt: 0 })
      expect(await on.world.client.task.findUnique({ where: { id: id.slice(5) }, select: { lastWorker: true } })).toMatchObject({
        lastWorker: expect.stringMatching(/:\d+$/),
      })
    })

    it('stops what is cancelled', async () => {
      await start()
      const { id } = await create()
      await site.wasAsked(1)
      await on.world.does(CANCEL, { input: { id } }, on.ada)
      await whenStatus(on.world, on.ada, id, 'CANCELLED')
    })

    it('asked to stop gives its tasks back, ends with 0, and the next one takes them up', async () => {
      const program = await start()
      const { id } = await create({ maxAttempts: 1 })
      await site.wasAsked(1)
      program.signal('SIGTERM')
      expect(await program.ended()).toBe(0)
      const { attempt, maxAttempts, worker: holder } = await whenStatus(on.world, on.ada, id, 'QUEUED')
      expect([holder, maxAttempts]).toEqual([null, attempt + 1])
      await start()
      await site.wasAsked(2)
      site.asked[1]!.end('again')
      expect(await whenStatus(on.world, on.ada, id, 'COMPLETED')).toMatchObject({ result: { body: 'again' }, attempt: attempt + 1 })
    })

    it('killed with -9 loses its lease, and another takes the task up', async () => {
      const program = await start()
      const { id } = await create()
      await site.wasAsked(1)
      await program.kill()
      await start()
      await site.wasAsked(2)
      site.asked[1]!.end('again')
      expect(await whenStatus(on.world, on.ada, id, 'COMPLETED')).toMatchObject({ result: { body: 'again' }, attempt: 2 })
      expect(await kindsOf(on.world, id)).toEqual(['CREATED', 'STARTED', 'LEASE_LOST', 'STARTED', 'COMPLETED'])
    }, 90_000)
  })

  it('over the API is refused with a key that may not, and says so', async () => {
    const on = await openTaskWorld('sqlite', { env: { TASK_CONCURRENCY: '0', PORT: '0' } })
    const server = await serve(on.world.app, buildSchema())
    const program = worker({ HOLDFAST_URL: server.url, HOLDFAST_API_KEY: await keyOf(on.world, on.ada) })
    expect(await program.ended()).toBe(1)
    expect(program.output).toContain("is run by servers; only an ADMIN's worker may claim it.")
    await server.close()
    await on.world.close()
  })
})
