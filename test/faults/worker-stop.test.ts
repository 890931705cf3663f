/**
 * Workers that stand still longer than their leases and then go on as if nothing had been; and workers whose clocks are wrong. Nothing
 * happens twice, early or late: leases are by the database’s clock.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { isRetryable } from '../../src/db/constraints.ts'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { Prisma } from '../../src/generated/sqlite/client.ts'
import { buildSchema } from '../../src/graphql/schema.ts'
import { serve } from '../../src/server/serve.ts'
import { lanesOfTypes } from '../../src/tasks/lanes.ts'
import { killAll, type Program, run } from '../examples/programs.ts'
import { dialects, type ScratchDatabase, scratchDatabase } from '../kit/databases.ts'
import { Engine, type Row } from '../tasks/engine.ts'
import { bare, create, kindsOf, lapse, openTaskWorld, stateOf, type TaskWorld, whenStatus } from '../tasks/task.ts'
import { keyOf } from '../tasks/work/work.ts'
import { does, register } from './ask.ts'
import { Effects } from './effects.ts'
import { ServerProcess } from './server-process.ts'

// A taste of it on a developer's machine; fifty by hand.
const STOPS = Number(process.env.STOPS ?? (process.env.CI ? 6 : 3))
const SECRET = 'the secret of a server that is only tested'
const QUIET = { LOG_LEVEL: 'info', LOCAL_MODEL: 'off', HOLDFAST_SECRET: SECRET }
const SKEWED_CLOCK = path.join(import.meta.dirname, 'skewed-clock.mjs')
const CREATE = 'mutation ($input: TaskCreateInput!) { taskCreate(input: $input) { task { id } userErrors { code message } } }'
const MINUTE_MS = 60_000

let folder: string
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'holdfast-worker-stop-'))
})
afterAll(() => {
  killAll()
  rmSync(folder, { recursive: true, force: true })
})

describe.each(dialects())('a worker of a server on %s that stands still longer than its lease', (dialect) => {
  let on: TaskWorld
  let server: Awaited<ReturnType<typeof serve>>
  let effects: Effects
  /** By the names they go by. */
  const workers = new Map<string, Program>()

  beforeAll(async () => {
    effects = await Effects.start(100)
    on = await openTaskWorld(dialect, { env: { TASK_CONCURRENCY: '0', PORT: '0' } })
    server = await serve(on.world.app, buildSchema())
    const key = await keyOf(on.world, on.admin, ['TASKS_WORK', 'STREAMS_WRITE'])
    const env = {
      ...QUIET,
      DATA_DIR: folder,
      HTTP_REQUEST_ALLOWED_HOSTS: effects.host,
      TASK_CONCURRENCY: '8',
      // On PostgreSQL over the database, on SQLite over the API.
      ...(dialect === 'postgresql' ? { DATABASE_URL: on.world.url } : { HOLDFAST_URL: server.url, HOLDFAST_API_KEY: key }),
    }
    for (let i = 0; i < 2; i++) {
      const program = run('src/worker.ts', env)
      await program.says(/Holdfast works/)
      // The first one’s name is known by its being alone, the second one’s by its being another.
      for (let tries = 0; workers.size === i; tries++) {
        const [name] = [...(await mark(`${i} ${tries}`))].filter((each) => !workers.has(each))
        if (name) workers.set(name, program)
      }
    }
  })
  afterAll(async () => {
    await Promise.all([...workers.values()].map((program) => program.kill()))
    await server?.close()
    await on?.world.close()
    effects?.close()
  })

  const make = (name: string) => create(on.world, on.ada, { ...effects.task(encodeURIComponent(name)) })
  const row = (id: string) => on.world.client.task.findUniqueOrThrow({ where: { id: bare(id) } })

  /** More tasks than one of them works on at once, to the end. Answers who has worked on them. */
  async function mark(name: string): Promise<Set<string>> {
    const tasks = await Promise.all(Array.from({ length: 20 }, (_, i) => make(`mark ${name} ${i}`)))
    for (const { id } of tasks) await whenStatus(on.world, on.ada, id, 'COMPLETED')
    return new Set(await Promise.all(tasks.map(async ({ id }) => (await row(id)).lastWorker!)))
  }

  test(`does nothing twice when it goes on, in ${STOPS} tries`, { timeout: 60_000 + STOPS * 30_000 }, async () => {
    const ended = new Map<string, object>()
    const attempts = new Map<string, number>()
    for (let stop = 0; stop < STOPS; stop++) {
      const name = `stop-${stop}`
      const held = effects.hold(name)
      const { id } = await make(name)
      await held.arrived
      const stopped = (await row(id)).worker!
      workers.get(stopped)!.signal('SIGSTOP')
      await lapse(on.world, id)
      await on.world.app.runner.sweep()
      const done = await whenStatus(on.world, on.ada, id, 'COMPLETED')
      // A claim whose answer came too late for who claimed is a lost lease more, without a call.
      expect(done.attempt).toBeGreaterThanOrEqual(2)
      expect(effects.calls.get(`/${name}`)).toHaveLength(2)
      // What the other one was answered is what came of it; what this one is answered comes too late.
      expect(Number(done.result.body)).toBe(effects.calls.get(`/${name}`)![1])
      attempts.set(id, done.attempt)
      ended.set(id, await stateOf(on.world, id))
      held.answer()
      workers.get(stopped)!.signal('SIGCONT')
      // It lives and works again: whatever it had to say it has said.
      for (let tries = 0; !(await mark(`after ${stop} ${tries}`)).has(stopped); tries++) expect(tries).toBeLessThan(10)
    }
    for (const [id, state] of ended) {
      const { position: _then, ...was } = state as { position: number }
      const { position: _now, ...is } = (await stateOf(on.world, id)) as { position: number }
      expect(is).toEqual(was)
      const lost = Array.from({ length: attempts.get(id)! - 1 }, () => ['STARTED', 'LEASE_LOST']).flat()
      expect(await kindsOf(on.world, id)).toEqual(['CREATED', ...lost, 'STARTED', 'COMPLETED'])
    }
  })
})

describe.each(dialects())('a server on %s', (dialect) => {
  let scratch: ScratchDatabase
  let effects: Effects
  let server: ServerProcess | undefined

  beforeEach(async () => {
    scratch = await scratchDatabase(dialect)
    effects = await Effects.start(0)
  })
  afterEach(async () => {
    await server?.kill()
    effects.close()
    await scratch.drop()
  })

  const env = () => ({ DATABASE_URL: scratch.url, DATA_DIR: folder, HOLDFAST_SECRET: SECRET, HTTP_REQUEST_ALLOWED_HOSTS: effects.host })

  const looking = async <T>(look: (database: Database) => Promise<T>): Promise<T> => {
    const database = await openDatabase({ url: scratch.url, exclusive: false, poolSize: 1 })
    return look(database).finally(() => database.close())
  }
  const rowOf = async (database: Database, id: string) => (await database.rows<Row>(Prisma.sql`SELECT * FROM "Task" WHERE "id" = ${bare(id)}`))[0]!
  const isOver = (database: Database, id: string) =>
    expect.poll(async () => (await rowOf(database, id)).status, { timeout: 30_000, interval: 50 }).toBe('COMPLETED')

  test('that is alone and stands still longer than its leases goes on with its own tasks', { timeout: 60_000 + STOPS * 10_000 }, async () => {
    server = ServerProcess.launch(env())
    const url = await server.ready
    const token = await register(url)
    await looking(async (database) => {
      for (let stop = 0; stop < STOPS; stop++) {
        const held = effects.hold(`${stop}`)
        const { task } = await does(url, CREATE, effects.task(`${stop}`), token)
        await held.arrived
        await standStill(database, task.id)
        // What it waits for is there before it goes on, or comes after.
        if (stop % 2) held.answer()
        server!.child.kill('SIGCONT')
        if (stop % 2 === 0) held.answer()
        await isOver(database, task.id)
        expect(await rowOf(database, task.id)).toMatchObject({ attempt: 1 })
        const kinds = await database.rows<{ kind: string }>(Prisma.sql`SELECT "kind" FROM "Event" WHERE "subjectId" = ${bare(task.id)} ORDER BY "position"`)
        expect(kinds.map(({ kind }) => kind)).toEqual(['TASK_CREATED', 'TASK_STARTED', 'TASK_COMPLETED'])
        expect(effects.calls.get(`/${stop}`)).toHaveLength(1)
      }
    })
  })

  /** Stops it, and lets the lease run out. Not while it writes: then nobody else could. */
  async function standStill(database: Database, id: string): Promise<void> {
    for (;;) {
      server!.child.kill('SIGSTOP')
      try {
        await database.client.$executeRaw`UPDATE "Task" SET "leaseExpiresAtMs" = 1 WHERE "id" = ${bare(id)}`
        return
      } catch (error) {
        if (!isRetryable(error)) throw error
        server!.child.kill('SIGCONT')
      }
    }
  }

  test.each([
    ['fast', 5 * MINUTE_MS],
    ['slow', -5 * MINUTE_MS],
  ])('whose clock is five minutes %s takes over no lease early and none late, and begins nothing before its time', { timeout: 60_000 }, async (_, skewMs) => {
    const before = await Engine.open(dialect, scratch)
    before.types.register({ name: 'http.request', description: 'Is run by the server.', params: z.any(), run: async () => ({}) })
    const claim = { kind: 'OUTSIDE' as const, lanes: lanesOfTypes(['http.request']), leaseSeconds: 120 }
    const make = (name: string, more: object = {}) => before.create({ ...effects.task(name), ...more })
    const living = await make('living')
    expect((await before.claimOne(claim)).id).toBe(living)
    const lapsed = await make('lapsed')
    expect((await before.claimOne(claim)).id).toBe(lapsed)
    await before.age(lapsed, { leaseExpiresAtMs: (await before.row(lapsed)).createdAtMs })
    const later = await make('later', { runAt: new Date(Date.now() + 2 * MINUTE_MS) })
    const due = await make('due', { runAt: new Date(Date.now() + 1000) })
    await before.store.close()

    const own = effects.hold('own')
    const program = run('src/main.ts', { ...env(), ...QUIET, PORT: '0', NODE_OPTIONS: `--import ${SKEWED_CLOCK}`, CLOCK_SKEW_MS: String(skewMs) })
    const [, url] = (await program.says(/"url":"([^"]+)"/)) as unknown as [string, string]
    // It does go by another time.
    const [, logged] = /"time":(\d+)/.exec(program.output)!
    expect(Math.abs(Number(logged) - Date.now() - skewMs)).toBeLessThan(MINUTE_MS)
    const token = await register(url)
    const { task } = await does(url, CREATE, effects.task('own'), token)
    await own.arrived
    await looking(async (database) => {
      // Found by a sweep, and by a look at what is due, which saw the others too.
      await isOver(database, lapsed)
      await isOver(database, due)
      expect(await rowOf(database, lapsed)).toMatchObject({ attempt: 2 })
      expect(await rowOf(database, living)).toMatchObject({ status: 'RUNNING', attempt: 1, workerKind: 'OUTSIDE', worker: 'worker' })
      expect(await rowOf(database, later)).toMatchObject({ status: 'QUEUED', attempt: 0, readyAtMs: null })
      const { startedAtMs, leaseExpiresAtMs } = await rowOf(database, task.id)
      expect(Math.abs(startedAtMs! - Date.now())).toBeLessThan(MINUTE_MS)
      expect(Math.abs(leaseExpiresAtMs! - Date.now())).toBeLessThan(MINUTE_MS)
      own.answer()
      await isOver(database, task.id)
      expect(await rowOf(database, task.id)).toMatchObject({ attempt: 1 })
    })
    await program.kill()
  })
})
