/**
 * A thousand tasks, and servers that are killed again and again while they run them: all end, each once, none is left lying longer than
 * a lease and a sweep, and what a dead worker held is worth nothing any more.
 */
import { randomInt } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { Prisma } from '../../src/generated/sqlite/client.ts'
import { SERVER_LEASE_SECONDS, SWEEP_EVERY_MS } from '../../src/tasks/task.ts'
import { dialects, type ScratchDatabase, scratchDatabase } from '../kit/databases.ts'
import { invariantsHold } from '../kit/invariants.ts'
import { ask, type Data, does, register } from './ask.ts'
import { Effects } from './effects.ts'
import { ServerProcess } from './server-process.ts'

const TASKS = 1000
// A taste of it on a developer's machine, more in CI; a hundred by hand.
const KILLS = Number(process.env.KILLS ?? (process.env.CI ? 12 : 4))
/** Every so many kills the leases of the dead are left to run out by themselves; otherwise they are aged. */
const PATIENT_EVERY = 6
/** How long a task takes: the fewer there are to each kill, the longer, so that most kills come while some run. */
const EFFECT_MS = Math.max(150, 6 * KILLS)
/** What a busy machine may take longer than it should. */
const SLACK_MS = 5000
const SECRET = 'the secret of servers that are only killed'

const CREATE_MANY = `mutation ($input: TaskCreateManyInput!) { taskCreateMany(input: $input) { tasks { id } userErrors { code message } } }`
const COMPLETE = `mutation ($input: TaskCompleteInput!) { taskComplete(input: $input) { userErrors { code path } } }`

interface Held {
  id: string
  leaseToken: string
}

describe.each(dialects())('workers on %s that are killed again and again', (dialect) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-worker-kill-'))
  let scratch: ScratchDatabase
  let effects: Effects
  const servers: ServerProcess[] = []

  beforeAll(async () => {
    scratch = await scratchDatabase(dialect)
    effects = await Effects.start(EFFECT_MS)
  })
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.kill()))
    effects?.close()
    await scratch?.drop()
    rmSync(folder, { recursive: true, force: true })
  })

  const launch = () =>
    ServerProcess.launch({
      DATABASE_URL: scratch.url,
      DATA_DIR: folder,
      HOLDFAST_SECRET: SECRET,
      HTTP_REQUEST_ALLOWED_HOSTS: effects.host,
      TASK_CONCURRENCY: '20',
      ACCESS_TOKEN_MINUTES: '1440',
    })

  /** Only while it is looked: who keeps a SQLite file open across a kill does the dead one's recovery for it. */
  async function looking<T>(look: (database: Database) => Promise<T>): Promise<T> {
    const database = await openDatabase({ url: scratch.url, exclusive: false, poolSize: 2 })
    try {
      return await look(database)
    } finally {
      await database.close()
    }
  }

  const heldBy = (worker: string) => (database: Database) =>
    database.rows<Held>(Prisma.sql`SELECT "id", "leaseToken" FROM "Task" WHERE "status" = 'RUNNING' AND "worker" = ${worker}`)

  /** Until the dead one's tasks are somebody else's. */
  async function takenOver(worker: string, patient: boolean): Promise<void> {
    await looking(async (database) => {
      if (!patient)
        await database.client
          .$executeRaw`UPDATE "Task" SET "leaseExpiresAtMs" = "leaseExpiresAtMs" - ${SERVER_LEASE_SECONDS * 1000} WHERE "status" = 'RUNNING' AND "worker" = ${worker}`
      const lying = async () => (await heldBy(worker)(database)).length
      await expect.poll(lying, { timeout: SERVER_LEASE_SECONDS * 1000 + SWEEP_EVERY_MS + SLACK_MS, interval: 50 }).toBe(0)
    })
  }

  test(`lose nothing and do nothing twice, through ${KILLS} kills`, { timeout: 120_000 + KILLS * 20_000 }, async () => {
    servers.push(...Array.from({ length: dialect === 'postgresql' ? 3 : 1 }, launch))
    const urls = await Promise.all(servers.map((server) => server.ready))
    const token = await register(urls[0]!)
    const names = new Map<string, string>()
    const slice = Math.ceil(TASKS / KILLS)
    const zombies: Held[] = []

    for (let kill = 0; kill < KILLS; kill++) {
      const count = Math.min(slice, TASKS - names.size)
      const batch = Array.from({ length: count }, (_, i) => String(names.size + i))
      // A worker may be lost any number of times without its tasks failing for it.
      const tasks = batch.map((name) => ({ ...effects.task(name), maxAttempts: 100 }))
      const made = (await does(urls[0]!, CREATE_MANY, { tasks }, token)).tasks as { id: string }[]
      for (const [i, { id }] of made.entries()) names.set(id, batch[i]!)

      const victim = randomInt(servers.length)
      const worker = `${hostname()}:${servers[victim]!.child.pid}`
      await pause(randomInt(20, 800))
      zombies.push(...(await looking(heldBy(worker))))
      await pause(randomInt(0, 50))
      await servers[victim]!.kill()
      servers[victim] = launch()
      urls[victim] = await servers[victim]!.ready
      await takenOver(worker, dialect === 'postgresql' && kill % PATIENT_EVERY === PATIENT_EVERY - 1)

      for (const { id, leaseToken } of zombies.splice(0)) {
        const { data, errors } = await ask(urls[0]!, COMPLETE, { input: { id: `Task:${id}`, leaseToken, result: { zombie: true } } }, token)
        expect(errors).toBeUndefined()
        expect(data.taskComplete.userErrors).toEqual([{ code: 'TASK_NOT_LEASED', path: ['input', 'leaseToken'] }])
      }
    }
    expect(names.size).toBe(TASKS)

    await looking(async (database) => {
      const open = async () =>
        Number((await database.rows<{ count: number }>(Prisma.sql`SELECT COUNT(*) AS "count" FROM "Task" WHERE "status" <> 'COMPLETED'`))[0]!.count)
      await expect.poll(open, { timeout: 90_000, interval: 100 }).toBe(0)

      const results = await database.rows<{ id: string; result: Data; attempt: number }>(Prisma.sql`SELECT "id", "result", "attempt" FROM "Task"`)
      expect(results).toHaveLength(TASKS)
      for (const { id, result } of results) expect([id, effects.isAnswer(names.get(`Task:${id}`)!, result)]).toEqual([id, true])

      const log = await database.rows<{ kind: string; subjectId: string; attempt: number; occurredAtMs: number }>(
        Prisma.sql`SELECT "kind", "subjectId", CAST("data" ->> 'attempt' AS INTEGER) AS "attempt", "occurredAtMs" FROM "Event" WHERE "subjectType" = 'Task' ORDER BY "position"`,
      )
      const each = (kind: string) => log.filter((event) => event.kind === kind).map(({ subjectId, attempt }) => `${subjectId} ${attempt}`)
      // Each attempt began once, and ended once: as the one that completed the task, or as a lost one.
      const started = each('TASK_STARTED')
      expect(new Set(started).size).toBe(started.length)
      expect([...each('TASK_COMPLETED'), ...each('TASK_LEASE_LOST')].sort()).toEqual([...started].sort())
      expect(each('TASK_COMPLETED').sort()).toEqual(results.map(({ id, attempt }) => `${id} ${attempt}`).sort())
      expect(new Set(log.map(({ kind }) => kind))).toEqual(new Set(['TASK_CREATED', 'TASK_STARTED', 'TASK_COMPLETED', 'TASK_LEASE_LOST']))
      // Else nothing was tried here.
      expect(each('TASK_LEASE_LOST').length).toBeGreaterThan(KILLS)
    })
    await Promise.all(servers.map((server) => server.kill()))
    await invariantsHold(scratch.url)
  })
})
