import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newId } from '../../src/core/ids.ts'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { StatementNames } from '../../src/db/statement-names.ts'
import { Prisma } from '../../src/generated/sqlite/client.ts'
import { dialects, type ScratchDatabase, scratchDatabase } from '../kit/databases.ts'
import { addUser, running, streamOf, taskOf } from './rows.ts'

const { sql } = Prisma

describe.each(dialects())('the database on %s', (dialect) => {
  let scratch: ScratchDatabase
  let database: Database
  let ownerId: string
  const warnings: Error[] = []

  beforeAll(async () => {
    scratch = await scratchDatabase(dialect)
    database = await openDatabase({ url: scratch.url, poolSize: 3, warn: (problem) => warnings.push(problem) })
    ownerId = (await addUser(database.client)).id
  })
  afterAll(async () => {
    await database.close()
    await scratch.drop()
  })

  test('is ready, and tells its dialect', async () => {
    await database.ready()
    expect(database.dialect).toBe(dialect)
    expect(warnings).toEqual([])
  })

  test('its clock goes in milliseconds, whatever the time zone', async () => {
    const [{ now } = { now: 0 }] = await database.rows<{ now: number }>(sql`SELECT ${database.sql.nowMs} AS now`)
    expect(Math.abs(now - Date.now())).toBeLessThan(5_000)
    const { id } = await database.client.task.create({ data: taskOf(ownerId, running) })
    await database.client.$executeRaw`UPDATE "Task" SET "leaseExpiresAtMs" = ${database.sql.nowMs} + ${60_000} WHERE "id" = ${id}`
    const { leaseExpiresAtMs } = await database.client.task.findUniqueOrThrow({ where: { id } })
    expect(Math.abs(Number(leaseExpiresAtMs) - 60_000 - Date.now())).toBeLessThan(5_000)
  })

  test('reads past Prisma see what was committed the moment before', async () => {
    for (let turn = 0; turn < 20; turn++) {
      const { id } = await addUser(database.client)
      expect(await database.rows(sql`SELECT "id" FROM "User" WHERE "id" = ${id}`)).toEqual([{ id }])
    }
  })

  test('reads past Prisma do not see an open transaction', async () => {
    await database.client.$transaction(async (tx) => {
      const { id } = await addUser(tx)
      expect(await database.rows(sql`SELECT "id" FROM "User" WHERE "id" = ${id}`)).toEqual([])
    })
  })

  test('reads aside are as the others: of what was committed the moment before, with the same values, and an error is an error', async () => {
    for (let turn = 0; turn < 10; turn++) {
      const { id } = await addUser(database.client)
      const statement = sql`SELECT "id", "preferences", "createdAtMs", "disabledAtMs", "createdAtMs" > ${5} AS "isLater", ${0.5} AS "half" FROM "User" WHERE "id" = ${id}`
      const [row, ...others] = await database.rowsAside(statement)
      expect(row).toEqual((await database.rows(statement))[0])
      expect(row).toMatchObject({ id, preferences: {} })
      expect(others).toEqual([])
    }
    await expect(database.rowsAside(sql`SELECT "nonsense" FROM "User"`)).rejects.toThrow(/nonsense/)
    expect(await Promise.all([1, 2, 3].map((n) => database.rowsAside(sql`SELECT CAST(${n} AS INTEGER) AS n`)))).toEqual([[{ n: 1 }], [{ n: 2 }], [{ n: 3 }]])
  })

  test('a read aside that takes long leaves the process free for everything else', async () => {
    let isDone = false
    const slow = database
      .rowsAside<{ n: number }>(
        sql`WITH RECURSIVE "count"("n") AS (SELECT 1 UNION ALL SELECT "n" + 1 FROM "count" WHERE "n" < 3000000) SELECT CAST(MAX("n") AS BIGINT) AS n FROM "count"`,
      )
      .finally(() => {
        isDone = true
      })
    for (let turn = 0; turn < 5; turn++) await addUser(database.client)
    expect(isDone).toBe(false)
    expect(await slow).toEqual([{ n: 3_000_000 }])
  })

  test('closed in the midst of a read aside, that fails and nothing is held up', async () => {
    const other = await openDatabase({ url: scratch.url, exclusive: false })
    const slow = other.rowsAside(
      sql`WITH RECURSIVE "count"("n") AS (SELECT 1 UNION ALL SELECT "n" + 1 FROM "count" WHERE "n" < 300000) SELECT MAX("n") FROM "count"`,
    )
    const answered = slow.then(
      () => 'answered',
      () => 'failed',
    )
    await other.close()
    expect(await answered).toBe(dialect === 'sqlite' ? 'failed' : 'answered')
    await expect(other.rowsAside(sql`SELECT 1`)).rejects.toThrow()
  })

  test('an error in a read past Prisma is an error', async () => {
    await expect(database.rows(sql`SELECT "nonsense" FROM "User"`)).rejects.toThrow(/nonsense/)
    await database.ready()
  })

  test('many rows are written by one statement, with every kind of value', async () => {
    const { id: streamId } = await database.client.stream.create({ data: streamOf(ownerId) })
    const contents = ['first', '', 'Ω'].map((text) => Buffer.from(text))
    const table = database.sql.table('chunk', {
      seq: { kind: 'integer', values: [0, 1, 2] },
      kind: { kind: 'text', values: ['TEXT', 'DATA', 'TEXT'] },
      content: { kind: 'bytes', values: contents },
      contentType: { kind: 'text', values: [null, 'application/json', null] },
      createdAtMs: { kind: 'bigint', values: [1n, 2n ** 53n + 1n, 3n] },
    })
    const count = await database.client.$executeRaw`
      INSERT INTO "StreamChunk" ("streamId", "seq", "kind", "content", "contentType", "createdAtMs")
      SELECT ${streamId}, "seq", ${database.sql.asEnum('ChunkKind', sql`"kind"`)}, "content", "contentType", "createdAtMs" FROM ${table}`
    expect(count).toBe(3)
    const chunks = await database.client.streamChunk.findMany({
      where: { streamId },
      orderBy: { seq: 'asc' },
      omit: { streamId: true, throughSeq: true, merged: true },
    })
    expect(chunks.map((chunk) => ({ ...chunk, content: Buffer.from(chunk.content).toString() }))).toEqual([
      { seq: 0, kind: 'TEXT', content: 'first', contentType: null, createdAtMs: 1n },
      { seq: 1, kind: 'DATA', content: '', contentType: 'application/json', createdAtMs: 2n ** 53n + 1n },
      { seq: 2, kind: 'TEXT', content: 'Ω', contentType: null, createdAtMs: 3n },
    ])
  })

  test('a table of values can be joined, in reads past Prisma too', async () => {
    const ids = [newId(), newId(), newId()]
    for (const id of ids) await addUser(database.client, { id, displayName: 'Joined' })
    const table = database.sql.table('wanted', { id: { kind: 'text', values: ids.slice(1) }, rank: { kind: 'float', values: [0.5, 2] } })
    const found = await database.rows(sql`SELECT u."id", wanted."rank" FROM ${table} JOIN "User" u ON u."id" = wanted."id" ORDER BY wanted."rank"`)
    expect(found).toEqual([
      { id: ids[1], rank: 0.5 },
      { id: ids[2], rank: 2 },
    ])
  })

  test('each queued task is claimed once, whoever else is claiming', async () => {
    await database.client.task.updateMany({ where: { status: 'QUEUED' }, data: { status: 'CREATED' } })
    await database.client.task.createMany({ data: Array.from({ length: 20 }, (_, priority) => taskOf(ownerId, { priority })) })
    const claim = (worker: string) => database.client.$queryRaw<{ id: string; worker: string }[]>`
      UPDATE "Task" SET "status" = ${database.sql.asEnum('TaskStatus', 'RUNNING')}, "worker" = ${worker}, "workerKind" = ${database.sql.asEnum('WorkerKind', 'SERVER')}, "leaseToken" = 'secret',
        "leaseExpiresAtMs" = ${database.sql.nowMs} + 60000
      WHERE "id" IN (SELECT "id" FROM "Task" WHERE "status" = 'QUEUED' ORDER BY "priority" DESC, "runAtMs", "id" LIMIT 7 ${database.sql.forUpdateSkipLocked})
      RETURNING "id", "worker"`
    const claimed = (await Promise.all(['a', 'b', 'c', 'd'].map(claim))).flat()
    expect(new Set(claimed.map(({ id }) => id)).size).toBe(claimed.length)
    while ((await claim('e')).length);
    expect(await database.client.task.count({ where: { status: 'QUEUED' } })).toBe(0)
  })

  test.each([
    [
      'next',
      'Task_ready_idx',
      sql`SELECT "id" FROM "Task" WHERE "status" = 'QUEUED' AND "readyAtMs" IS NOT NULL AND "lane" = 'echo' ORDER BY "priority" DESC, "runAtMs", "id" LIMIT 1`,
    ],
    ['overdue', 'Task_running_idx', sql`SELECT "id" FROM "Task" WHERE "status" = 'RUNNING' AND "leaseExpiresAtMs" < 5`],
    ['silent', 'Stream_open_idx', sql`SELECT "id" FROM "Stream" WHERE "status" IN ('PENDING', 'STREAMING') AND "leaseExpiresAtMs" < 5`],
  ])('the %s are found by their own index', async (_, index, query) => {
    const plan = await database.client.$transaction(async (tx) => {
      if (dialect === 'postgresql') await tx.$executeRaw`SET LOCAL enable_seqscan = off`
      return tx.$queryRaw`EXPLAIN ${dialect === 'sqlite' ? sql`QUERY PLAN` : Prisma.empty} ${query}`
    })
    expect(JSON.stringify(plan, (_key, value) => (typeof value === 'bigint' ? Number(value) : value))).toContain(index)
  })

  test('is closed once for all', async () => {
    const own = await scratchDatabase(dialect)
    const other = await openDatabase({ url: own.url })
    await addUser(other.client)
    await other.close()
    await expect(other.ready()).rejects.toThrow()
    await own.drop()
  })
})

test('a database without a known kind of URL is refused', async () => {
  await expect(openDatabase({ url: 'mysql://root@localhost/x' })).rejects.toThrow(/begins with file: \(SQLite\) or postgresql:/)
})

test('a file that is no database is refused', async () => {
  await expect(openDatabase({ url: `file:${import.meta.filename}`, exclusive: false })).rejects.toThrow(/not a database/)
})

describe('names of statements', () => {
  test('a text is named when it comes again and again, always the same', () => {
    const names = new StatementNames()
    expect([names.of('SELECT 1'), names.of('SELECT 1')]).toEqual([undefined, undefined])
    const name = names.of('SELECT 1')
    expect(name).toMatch(/^h[\w-]{20}$/)
    expect(names.of('SELECT 1')).toBe(name)
  })

  test('not more than 500 texts are named', () => {
    const names = new StatementNames()
    const given = new Set<string | undefined>()
    for (let text = 0; text < 3_000; text++) for (let run = 0; run < 3; run++) given.add(names.of(`SELECT ${text}`))
    given.delete(undefined)
    expect(given.size).toBe(500)
  })
})

describe.each(dialects().filter((dialect) => dialect === 'postgresql'))('connections to %s', (dialect) => {
  let scratch: ScratchDatabase

  beforeAll(async () => {
    scratch = await scratchDatabase(dialect)
    // What an installation may have set, and what must not matter.
    await withClient(scratch.url, (client) => client.query(`ALTER DATABASE ${new URL(scratch.url).pathname.slice(1)} SET TimeZone = 'Asia/Tokyo'`))
  })
  afterAll(() => scratch.drop())

  test('are in UTC and in the schema public, know who they are, and do not wait for ever', async () => {
    const database = await openDatabase({ url: `${scratch.url}?options=-c%20work_mem%3D8MB&schema=public` })
    const settings = ['TimeZone', 'search_path', 'application_name', 'statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'work_mem']
    const shown = await Promise.all(settings.map(async (name) => Object.values((await database.rows<object>(Prisma.raw(`SHOW ${name}`)))[0]!)[0]))
    expect(shown).toEqual(['UTC', 'public', 'holdfast', '30s', '10s', '30s', '8MB'])
    await database.close()
  })

  test('in another schema than public are refused', async () => {
    await expect(openDatabase({ url: `${scratch.url}?schema=other` })).rejects.toThrow(/schema public/)
  })

  test('that are lost while idle or in use are replaced, and the process lives', async () => {
    const warnings: Error[] = []
    const database = await openDatabase({ url: scratch.url, poolSize: 2, warn: (problem) => warnings.push(problem) })
    await Promise.all([database.ready(), database.ready()])
    const kill = () =>
      withClient(scratch.url, (client) =>
        client.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'holdfast' AND datname = current_database()`),
      )
    await kill()
    while (!warnings.length) await sleep(5)
    expect(warnings[0]!.message).toBe('A connection to PostgreSQL was lost.')
    const inUse = Promise.allSettled([
      database.rows(sql`SELECT 1 FROM pg_sleep(5)`),
      database.client.$transaction(async (tx) => tx.$queryRaw`SELECT 1 FROM pg_sleep(5)`),
    ])
    await sleep(200)
    await kill()
    expect((await inUse).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    const { id } = await addUser(database.client)
    expect(await database.client.user.count({ where: { id } })).toBe(1)
    await database.close()
  })

  test('are not taken as ready while the server is gone', async () => {
    const database = await openDatabase({ url: 'postgres://nobody@127.0.0.1:1/nothing' })
    await expect(database.ready()).rejects.toThrow()
    await database.close()
  })

  test('that are all in use make it not ready within its time', async () => {
    const database = await openDatabase({ url: scratch.url, poolSize: 1 })
    const busy = database.rows(sql`SELECT 1 FROM pg_sleep(3)`)
    await expect(database.ready()).rejects.toThrow(/did not answer within 2000 ms/)
    await busy
    await database.close()
  })
})

async function withClient(url: string, work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: url, application_name: 'test' })
  await client.connect()
  await work(client).finally(() => client.end())
}
