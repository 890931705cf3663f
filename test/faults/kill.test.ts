/**
 * The real program, killed again and again at random moments while clients write, tasks stream and readers follow: what
 * was acknowledged is there, nobody misses a word or reads one twice, and what ran is taken up again.
 */
import { randomInt } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { Prisma } from '../../src/generated/sqlite/client.ts'
import { dialects, type ScratchDatabase, scratchDatabase } from '../kit/databases.ts'
import { invariantsHold } from '../kit/invariants.ts'
import { Clients, Gate } from './clients.ts'
import { ServerProcess } from './server-process.ts'
import { SlowModel, wordsOf } from './slow-model.ts'

// A taste of it on a developer's machine, more in CI; 30 and more by hand.
const KILLS = Number(process.env.KILLS ?? (process.env.CI ? 12 : 4))
/** Every so many kills the leases of the dead are left to run out by themselves; otherwise they are aged. */
const PATIENT_EVERY = 10
/** Every so many kills it is hit while it starts. */
const EARLY_EVERY = 5
const TAKEN_UP_WITHIN_MS = 15_000

interface StreamRow {
  id: string
  status: string
  lastSeq: number
  chunks: number
  firstSeq: number | null
  finalSeq: number | null
}

describe.each(dialects())('a server on %s that is killed again and again', (dialect) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-kill-'))
  const gate = new Gate()
  const clients = new Clients(gate)
  const { book } = clients
  let scratch: ScratchDatabase
  let model: SlowModel
  let server: ServerProcess

  beforeAll(async () => {
    scratch = await scratchDatabase(dialect)
    model = await SlowModel.start()
  })
  afterAll(async () => {
    await server?.kill()
    model.close()
    await scratch.drop()
    rmSync(folder, { recursive: true, force: true })
  })

  const launch = () =>
    ServerProcess.launch({
      DATABASE_URL: scratch.url,
      DATA_DIR: folder,
      OPENAI_BASE_URL: model.baseUrl,
      TASK_CONCURRENCY: '50',
      ACCESS_TOKEN_MINUTES: '600',
    })
  const wordsRead = () => [...book.read].reduce((sum, [id, chunks]) => (book.written.has(id) ? sum : sum + chunks.length), 0)

  async function aWordComes(): Promise<void> {
    const before = wordsRead()
    const deadline = performance.now() + 20_000
    while (wordsRead() === before && performance.now() < deadline) await pause(20)
  }

  const worker = () => `${hostname()}:${server.child.pid}`

  /** Only while it is looked: who keeps a SQLite file open across a kill does the dead one's recovery for it. */
  async function looking<T>(look: (database: Database) => Promise<T>): Promise<T> {
    const database = await openDatabase({ url: scratch.url, exclusive: false, poolSize: 2 })
    try {
      return await look(database)
    } finally {
      await database.close()
    }
  }

  async function everythingAcknowledgedIsThere(database: Database, contents: Map<string, string[]>): Promise<void> {
    const idsOf = async (query: Prisma.Sql) => new Set((await database.rows<{ id: string }>(query)).map((row) => row.id))
    const users = await idsOf(Prisma.sql`SELECT "email" AS "id" FROM "User"`)
    expect(book.users.filter((email) => !users.has(email))).toEqual([])
    const tasks = await idsOf(Prisma.sql`SELECT 'Task:' || "id" AS "id" FROM "Task"`)
    expect([...book.tasks.keys()].filter((id) => !tasks.has(id))).toEqual([])
    for (const [id, acknowledged] of book.written) expect([id, contents.get(id)?.slice(0, acknowledged.length) ?? []]).toEqual([id, acknowledged])
    for (const [id, read] of book.read) expect([id, contents.get(id)?.slice(0, read.length) ?? []]).toEqual([id, read])
  }

  const chunksOf = async (database: Database): Promise<Map<string, string[]>> => {
    const rows = await database.rows<{ streamId: string; content: Uint8Array }>(
      Prisma.sql`SELECT "streamId", "content" FROM "StreamChunk" ORDER BY "streamId", "seq"`,
    )
    const contents = new Map<string, string[]>()
    for (const { streamId, content } of rows) {
      const id = `Stream:${streamId}`
      const list = contents.get(id) ?? []
      list.push(Buffer.from(content).toString())
      contents.set(id, list)
    }
    return contents
  }

  async function noStreamHasAHole(database: Database): Promise<StreamRow[]> {
    const rows = await database.rows<StreamRow>(
      Prisma.sql`SELECT "Stream"."id", "status", "lastSeq", COUNT("seq") AS "chunks", MIN("seq") AS "firstSeq", MAX("seq") AS "finalSeq"
        FROM "Stream" LEFT JOIN "StreamChunk" ON "streamId" = "Stream"."id" GROUP BY "Stream"."id", "status", "lastSeq"`,
    )
    for (const row of rows) {
      const expected = row.lastSeq < 0 ? { chunks: 0, firstSeq: null, finalSeq: null } : { chunks: row.lastSeq + 1, firstSeq: 0, finalSeq: row.lastSeq }
      expect(row).toMatchObject(expected)
    }
    return rows
  }

  /** Tasks that neither ended nor are held by the server that runs now. */
  const leftAlone = (database: Database) =>
    database.rows<{ id: string }>(
      Prisma.sql`SELECT "id", "status", "worker" FROM "Task" WHERE "status" IN ('CREATED', 'QUEUED') OR ("status" = 'RUNNING' AND ("worker" <> ${worker()} OR "leaseExpiresAtMs" < ${database.sql.nowMs}))`,
    )

  async function everythingIsTakenUp(database: Database, patient: boolean): Promise<void> {
    const deadline = performance.now() + TAKEN_UP_WITHIN_MS
    if (!patient)
      await database.client
        .$executeRaw`UPDATE "Task" SET "leaseExpiresAtMs" = "leaseExpiresAtMs" - 10000 WHERE "status" = 'RUNNING' AND "worker" <> ${worker()}`
    for (;;) {
      const tasks = await leftAlone(database)
      if (!tasks.length) return
      if (performance.now() > deadline) expect(tasks).toEqual([])
      await pause(50)
    }
  }

  const finalContents = new Map<string, string>()
  function whatEndedStaysAsItWas(streams: StreamRow[], contents: Map<string, string[]>): void {
    for (const { id, status } of streams) {
      if (['PENDING', 'STREAMING'].includes(status)) continue
      const now = `${status} ${(contents.get(`Stream:${id}`) ?? []).join('')}`
      expect(now).toBe(finalContents.get(id) ?? now)
      finalContents.set(id, now)
    }
  }

  test(`keeps what it acknowledged, through ${KILLS} kills`, { timeout: 120_000 + KILLS * 40_000 }, async () => {
    server = launch()
    gate.open(await server.ready)
    await clients.enter()
    const working = clients.work()
    for (let kill = 1; kill <= KILLS; kill++) {
      if (kill % EARLY_EVERY !== 0) {
        // Every other time in the middle of what a model says: a server that has just started says its first word late.
        if (kill % 2 === 0) await aWordComes()
        await pause(randomInt(0, kill % 2 === 0 ? 300 : 1500))
        gate.shut()
        await server.kill()
      } else {
        gate.shut()
        await server.kill()
        server = launch()
        await pause(randomInt(0, 2500))
        await server.kill()
      }
      server = launch()
      const url = await server.ready
      expect(book.faults).toEqual([])
      await looking(async (database) => {
        // The streams first: what ended before their chunks are read is read whole.
        const streams = await noStreamHasAHole(database)
        const contents = await chunksOf(database)
        await everythingAcknowledgedIsThere(database, contents)
        whatEndedStaysAsItWas(streams, contents)
        await everythingIsTakenUp(database, kill % PATIENT_EVERY === 0)
      })
      expect(book.faults).toEqual([])
      gate.open(url)
    }
    clients.stop()
    await working

    // All comes to its end now, and every reader with it.
    await looking(async (database) => {
      const open = () => database.rows(Prisma.sql`SELECT "id" FROM "Task" WHERE "status" NOT IN ('COMPLETED', 'FAILED', 'CANCELLED')`)
      await expect.poll(open, { timeout: 60_000, interval: 100 }).toEqual([])
      const [last] = await database.rows<{ position: number }>(Prisma.sql`SELECT MAX("position") AS "position" FROM "Event" WHERE "subjectType" = 'Task'`)
      await expect.poll(() => Number(book.events[book.events.length - 1]?.cursor.split('.')[1]), { timeout: 10_000 }).toBe(last!.position)
      await clients.readToEnd()
      await clients.leave()
      expect(book.faults).toEqual([])

      const streams = await noStreamHasAHole(database)
      const contents = await chunksOf(database)
      await everythingAcknowledgedIsThere(database, contents)
      whatEndedStaysAsItWas(streams, contents)
      for (const [id, read] of book.read) expect([id, read]).toEqual([id, contents.get(id) ?? []])
      for (const id of book.completed) expect([id, book.written.get(id)]).toEqual([id, contents.get(id)])

      const log = await database.rows<{ position: number; kind: string; subjectId: string }>(
        Prisma.sql`SELECT "position", "kind", "subjectId" FROM "Event" WHERE "subjectType" = 'Task' ORDER BY "position"`,
      )
      expect(book.events.map(({ cursor, kind, taskId }) => [Number(cursor.split('.')[1]), `TASK_${kind}`, taskId])).toEqual(
        log.map(({ position, kind, subjectId }) => [position, kind, `Task:${subjectId}`]),
      )
      await eachTaskWasDoneInTheEnd(database, contents)
    })
    await invariantsHold(scratch.url)
  })

  /** COMPLETED, with the whole text in the last attempt's stream; each attempt before it left one that was INTERRUPTED. */
  async function eachTaskWasDoneInTheEnd(database: Database, contents: Map<string, string[]>): Promise<void> {
    const tasks = await database.rows<{ id: string; status: string; attempt: number }>(Prisma.sql`SELECT "id", "status", "attempt" FROM "Task"`)
    const streams = await database.rows<{ id: string; producerTaskId: string; status: string; attempt: number }>(
      Prisma.sql`SELECT "id", "producerTaskId", "status", "attempt" FROM "Stream" WHERE "producerTaskId" IS NOT NULL`,
    )
    let interrupted = 0
    for (const task of tasks) {
      const whole = wordsOf(book.tasks.get(`Task:${task.id}`)!)
      expect(task.status).toBe('COMPLETED')
      for (const stream of streams.filter((each) => each.producerTaskId === task.id)) {
        const text = (contents.get(`Stream:${stream.id}`) ?? []).join('')
        if (stream.status === 'COMPLETED') expect([stream.attempt, text]).toEqual([task.attempt, whole])
        else {
          interrupted++
          expect(stream.status).toBe('INTERRUPTED')
          expect(stream.attempt).toBeLessThan(task.attempt)
          expect(text.length).toBeGreaterThan(0)
          expect(whole.startsWith(text)).toBe(true)
        }
      }
      expect(streams.filter((each) => each.producerTaskId === task.id && each.status === 'COMPLETED')).toHaveLength(1)
    }
    // Else nothing was tried here.
    expect(interrupted).toBeGreaterThan(KILLS / 5)
  }
})
