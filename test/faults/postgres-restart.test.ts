/**
 * PostgreSQL is restarted, properly and as by a power cut, while clients create, servers work and readers follow. All of it goes on by
 * itself: nothing that was acknowledged is lost, nothing is done twice, nobody misses an event, and no process ends for it.
 */
import { randomInt } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openDatabase } from '../../src/db/database.ts'
import { Prisma } from '../../src/generated/sqlite/client.ts'
import { killAll, type Program, run } from '../examples/programs.ts'
import { invariantsHold } from '../kit/invariants.ts'
import { ask, type Data, register } from './ask.ts'
import { Cluster, hasCluster } from './cluster.ts'
import { Effects } from './effects.ts'

const RESTARTS = Number(process.env.RESTARTS ?? (process.env.CI ? 6 : 3))
const CREATE = `mutation ($input: TaskCreateInput!) { taskCreate(input: $input) { task { id } userErrors { code message } } }`
const FOLLOW = `subscription ($after: Cursor) { tasksUpdated(after: $after) { cursor kind taskId } }`

describe.runIf(hasCluster)('a PostgreSQL that is restarted under load', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-restart-'))
  const programs: Program[] = []
  const urls: string[] = []
  let cluster: Cluster
  let effects: Effects
  let token: string

  beforeAll(async () => {
    cluster = await Cluster.start()
    effects = await Effects.start(20)
    for (let i = 0; i < 2; i++) {
      const program = run('src/main.ts', {
        DATABASE_URL: cluster.url,
        DATA_DIR: folder,
        HOLDFAST_SECRET: 'the secret of servers whose database goes away',
        HTTP_REQUEST_ALLOWED_HOSTS: effects.host,
        NODE_ENV: 'production',
        LOCAL_MODEL: 'off',
        RATE_LIMITS: 'off',
        ARGON2_MEMORY_KIB: '8192',
        ARGON2_TIME_COST: '1',
        ACCESS_TOKEN_MINUTES: '1440',
        PORT: '0',
      })
      programs.push(program)
      urls.push((await program.says(/"url":"([^"]+)"/))[1]!)
    }
    token = await register(urls[0]!)
  })
  afterAll(async () => {
    killAll()
    effects?.close()
    await cluster?.drop()
    rmSync(folder, { recursive: true, force: true })
  })

  /** What the clients were told. */
  const acknowledged = new Map<string, string>()
  const unanswered = new Set<string>()
  const refusals = new Set<string>()
  const told: { cursor: string; kind: string; taskId: string }[] = []
  let sent = 0
  let over = false

  /** Makes tasks one after the other; with a key it sends each until it is acknowledged, without it sends each once. */
  async function create(url: string, hasKey: boolean): Promise<void> {
    while (!over) {
      const name = `task-${++sent}`
      const input = { ...effects.task(name), maxAttempts: 100, ...(hasKey && { idempotencyKey: name }) }
      do {
        const { data, errors } = await ask(url, CREATE, { input }, token)
        for (const { code } of [...(errors ?? []).map((error) => error.extensions), ...(data?.taskCreate?.userErrors ?? [])]) refusals.add(code)
        const id = data?.taskCreate?.task?.id
        if (id) acknowledged.set(name, id)
        else unanswered.add(name)
      } while (hasKey && !acknowledged.has(name))
      unanswered.delete(acknowledged.has(name) ? name : '')
    }
  }

  /** Follows all tasks, and goes on where it was whenever that ends. */
  async function follow(url: string, after: string, leaving: AbortSignal): Promise<void> {
    while (!leaving.aborted) {
      try {
        const response = await fetch(`${url}/graphql`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', accept: 'text/event-stream', authorization: `Bearer ${token}` },
          body: JSON.stringify({ query: FOLLOW, variables: { after: told.at(-1)?.cursor ?? after } }),
          signal: leaving,
        })
        for await (const { data, errors } of eventsOf(response)) {
          if (errors) refusals.add(errors[0].extensions.code)
          else told.push(data.tasksUpdated)
        }
      } catch (error) {
        if (!leaving.aborted) throw error
      }
    }
  }

  test(`loses nothing and does nothing twice, through ${RESTARTS} restarts`, { timeout: 180_000 + RESTARTS * 20_000 }, async () => {
    const { data } = await ask(urls[0]!, '{ eventCursor }', {}, token)
    const leaving = new AbortController()
    const following = follow(urls[1]!, data.eventCursor, leaving.signal)
    const creating = Promise.all([...urls, ...urls].flatMap((url, i) => [create(url, i % 2 === 0), create(url, false)]))

    for (let restart = 0; restart < RESTARTS; restart++) {
      await pause(randomInt(300, 1500))
      const before = acknowledged.size
      await cluster.restart(restart % 2 ? 'fast' : 'immediate')
      // By itself, and on both servers.
      await expect.poll(() => acknowledged.size - before, { timeout: 30_000 }).toBeGreaterThan(20)
      for (const url of urls) expect((await fetch(`${url}/health/ready`)).status).toBe(200)
    }
    over = true
    await creating

    const database = await openDatabase({ url: cluster.url, poolSize: 2 })
    try {
      const open = () => database.rows(Prisma.sql`SELECT "id" FROM "Task" WHERE "status" <> 'COMPLETED' LIMIT 5`)
      await expect.poll(open, { timeout: 120_000, interval: 200 }).toEqual([])
      const tasks = await database.rows<{ id: string; params: { url: string }; result: Data; attempt: number }>(
        Prisma.sql`SELECT "id", "params", "result", "attempt" FROM "Task"`,
      )
      const nameOf = (task: (typeof tasks)[0]) => task.params.url.split('/').at(-1)!
      const byName = new Map(tasks.map((task) => [nameOf(task), `Task:${task.id}`]))
      expect(byName.size).toBe(tasks.length)
      for (const [name, id] of acknowledged) expect([name, byName.get(name)]).toEqual([name, id])
      // What was not answered has happened, or not.
      for (const name of byName.keys()) expect([name, acknowledged.has(name) || unanswered.has(name)]).toEqual([name, true])
      for (const task of tasks) expect([task.id, effects.isAnswer(nameOf(task), task.result)]).toEqual([task.id, true])

      const log = await database.rows<{ position: number; kind: string; subjectId: string; attempt: number }>(
        Prisma.sql`SELECT "position", "kind", "subjectId", CAST("data" ->> 'attempt' AS INTEGER) AS "attempt" FROM "Event" WHERE "subjectType" = 'Task' ORDER BY "position"`,
      )
      const each = (kind: string) => log.filter((event) => event.kind === kind).map(({ subjectId, attempt }) => `${subjectId} ${attempt}`)
      expect(new Set(each('TASK_STARTED')).size).toBe(each('TASK_STARTED').length)
      expect(each('TASK_COMPLETED').sort()).toEqual(tasks.map(({ id, attempt }) => `${id} ${attempt}`).sort())

      await expect.poll(() => told.length, { timeout: 20_000 }).toBeGreaterThanOrEqual(log.length)
      leaving.abort()
      await following
      expect(told.map(({ cursor, kind, taskId }) => [Number(cursor.split('.')[1]), `TASK_${kind}`, taskId])).toEqual(
        log.map(({ position, kind, subjectId }) => [position, kind, `Task:${subjectId}`]),
      )
    } finally {
      await database.close()
    }
    // Of a database that is away clients are told just that.
    expect([...refusals]).toEqual(['UNAVAILABLE'])
    for (const program of programs) {
      expect(program.output).not.toMatch(/nobody listened|not caught/)
      program.signal('SIGTERM')
      expect(await program.ended()).toBe(0)
    }
    await invariantsHold(cluster.url)
  })
})

async function* eventsOf(response: Response): AsyncGenerator<{ data: Data; errors?: Data[] }> {
  const decoder = new TextDecoder()
  let buffer = ''
  for await (const part of response.body as unknown as AsyncIterable<Uint8Array>) {
    buffer += decoder.decode(part, { stream: true })
    for (let end = buffer.indexOf('\n\n'); end >= 0; end = buffer.indexOf('\n\n')) {
      const text = /^data: (.+)$/m.exec(buffer.slice(0, end))?.[1]
      buffer = buffer.slice(end + 2)
      if (text) yield JSON.parse(text)
    }
  }
}
