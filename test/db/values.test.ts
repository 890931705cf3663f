import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newId } from '../../src/core/ids.ts'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { Prisma } from '../../src/generated/sqlite/client.ts'
import { dialects, type ScratchDatabase, scratchDatabase } from '../kit/databases.ts'
import { addUser, streamOf, taskOf } from './rows.ts'

describe.each(dialects())('values on %s', (dialect) => {
  let scratch: ScratchDatabase
  let database: Database
  let ownerId: string

  beforeAll(async () => {
    scratch = await scratchDatabase(dialect)
    database = await openDatabase({ url: scratch.url })
    ownerId = (await addUser(database.client)).id
  })
  afterAll(async () => {
    await database.close()
    await scratch.drop()
  })

  test.each([0n, 1n, -1n, 2n ** 31n, 2n ** 53n, 2n ** 53n + 1n, -(2n ** 53n) - 1n, 2n ** 63n - 1n, -(2n ** 63n)])(
    'the whole number %s comes back as it was written',
    async (value) => {
      const task = await database.client.task.create({ data: taskOf(ownerId, { runAtMs: value }) })
      expect(task.runAtMs).toBe(value)
      expect((await database.client.task.findUniqueOrThrow({ where: { id: task.id } })).runAtMs).toBe(value)
      expect(await database.client.task.count({ where: { id: task.id, runAtMs: value } })).toBe(1)
      const [raw] = await database.client.$queryRaw<{ runAtMs: bigint }[]>`SELECT "runAtMs" FROM "Task" WHERE "id" = ${task.id} AND "runAtMs" = ${value}`
      expect(raw).toEqual({ runAtMs: value })
      const [plain] = await database.rows(Prisma.sql`SELECT "runAtMs" FROM "Task" WHERE "id" = ${task.id} AND "runAtMs" = ${value}`)
      const exact = value >= -(2n ** 53n - 1n) && value <= 2n ** 53n - 1n
      expect(plain).toEqual({ runAtMs: exact ? Number(value) : value })
    },
  )

  test('any JSON comes back as it was written, through Prisma and past it', async () => {
    // PostgreSQL has no NUL in texts.
    const text = fc.string({ unit: 'grapheme' }).filter((value) => !value.includes('\u0000'))
    const json = fc.letrec((tie) => ({
      value: fc.oneof(
        fc.constant(null),
        fc.boolean(),
        fc.integer(),
        fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e15, max: 1e15 }).map((value) => (Object.is(value, -0) ? 0 : value)),
        text,
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(text, tie('value'), { maxKeys: 4 }),
      ),
    })).value
    const id = (await database.client.task.create({ data: taskOf(ownerId) })).id
    await fc.assert(
      // In a list: of a number that is a JSON value by itself, Prisma 7.10 loses the last digit one time in four.
      fc.asyncProperty(fc.array(json, { maxLength: 3 }), async (value) => {
        await database.client.task.update({ where: { id }, data: { result: value as Prisma.InputJsonArray } })
        expect((await database.client.task.findUniqueOrThrow({ where: { id } })).result).toEqual(value)
        const [plain] = await database.rows<{ result: unknown }>(Prisma.sql`SELECT "result" FROM "Task" WHERE "id" = ${id}`)
        expect(plain!.result).toEqual(value)
      }),
      { numRuns: 60 },
    )
  })

  test.each(['a text', '5', 5, 0, 0.5, -1e20, true, false, {}, []])('the JSON value %j by itself comes back as it was written', async (value) => {
    const { id } = await database.client.task.create({ data: taskOf(ownerId, { result: value }) })
    expect((await database.client.task.findUniqueOrThrow({ where: { id } })).result).toEqual(value)
    expect(await database.rows(Prisma.sql`SELECT "result" FROM "Task" WHERE "id" = ${id}`)).toEqual([{ result: value }])
  })

  test('no JSON and the JSON null are two things', async () => {
    const none = await database.client.task.create({ data: taskOf(ownerId, { result: Prisma.DbNull }) })
    const nothing = await database.client.task.create({ data: taskOf(ownerId, { result: Prisma.JsonNull }) })
    const found = await database.client.task.findMany({ where: { id: { in: [none.id, nothing.id] }, result: { equals: Prisma.DbNull } } })
    expect(found.map(({ id }) => id)).toEqual([none.id])
  })

  test('any bytes come back as they were written', async () => {
    const stream = await database.client.stream.create({ data: streamOf(ownerId) })
    let seq = 0
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
        seq++
        const content = new Uint8Array(bytes)
        await database.client.streamChunk.create({ data: { streamId: stream.id, seq, kind: 'TEXT', content, createdAtMs: 0n } })
        const where = { streamId_seq: { streamId: stream.id, seq } }
        expect([...(await database.client.streamChunk.findUniqueOrThrow({ where })).content]).toEqual([...bytes])
        const [plain] = await database.rows<{ content: Uint8Array }>(
          Prisma.sql`SELECT "content" FROM "StreamChunk" WHERE "streamId" = ${stream.id} AND "content" = ${content} AND "seq" = ${seq}`,
        )
        expect([...plain!.content]).toEqual([...bytes])
        const [raw] = await database.client.$queryRaw<{ content: Uint8Array }[]>`
          SELECT "content" FROM "StreamChunk" WHERE "streamId" = ${stream.id} AND "seq" = ${seq}`
        expect([...raw!.content]).toEqual([...bytes])
      }),
      { numRuns: 40 },
    )
  })

  test.each([0, 1, 0.1, 1 / 3, 1e-300])('the fraction %s comes back as it was written', async (progress) => {
    const task = await database.client.task.create({ data: taskOf(ownerId, { progress }) })
    expect((await database.client.task.findUniqueOrThrow({ where: { id: task.id } })).progress).toBe(progress)
    expect(await database.rows(Prisma.sql`SELECT "progress" FROM "Task" WHERE "id" = ${task.id}`)).toEqual([{ progress }])
  })

  test('null stays null in every kind of column', async () => {
    const { id } = await database.client.task.create({ data: taskOf(ownerId) })
    const nothing = { description: null, result: null, progress: null, timeoutSeconds: null, leaseExpiresAtMs: null }
    const select = { description: true, result: true, progress: true, timeoutSeconds: true, leaseExpiresAtMs: true } as const
    expect(await database.client.task.findUniqueOrThrow({ where: { id }, select })).toEqual(nothing)
    const columns = Prisma.sql`"description", "result", "progress", "timeoutSeconds", "leaseExpiresAtMs"`
    expect(await database.rows(Prisma.sql`SELECT ${columns} FROM "Task" WHERE "id" = ${id}`)).toEqual([nothing])
    expect(await database.client.$queryRaw`SELECT ${columns} FROM "Task" WHERE "id" = ${id}`).toEqual([nothing])
  })

  test('texts of every script come back as they were written', async () => {
    for (const displayName of ['', ' ', "it's", 'Ω≈ç√∫', '日本語', '👩‍👩‍👧', 'a\nb\tc', '\\%_', '{"a":1}', '123', '0x1F', '1e5']) {
      const { id } = await addUser(database.client, { displayName })
      expect((await database.client.user.findUniqueOrThrow({ where: { id } })).displayName).toBe(displayName)
      expect(await database.rows(Prisma.sql`SELECT "displayName" FROM "User" WHERE "id" = ${id}`)).toEqual([{ displayName }])
    }
  })

  test('times and truths in raw tables come back as they were written', async () => {
    const at = new Date('2026-02-03T04:05:06.789Z')
    const [time, truth] = dialect === 'sqlite' ? ['DATETIME', 'BOOLEAN'] : ['TIMESTAMP(3)', 'BOOLEAN']
    await database.client.$executeRawUnsafe(`CREATE TABLE "Odd" ("at" ${time}, "yes" ${truth}, "no" ${truth}, "none" ${truth})`)
    await database.client.$executeRaw`INSERT INTO "Odd" VALUES (${at}, ${true}, ${false}, ${null})`
    expect(await database.client.$queryRaw`SELECT * FROM "Odd" WHERE "yes" = ${true}`).toEqual([{ at, yes: true, no: false, none: null }])
    expect(await database.rows(Prisma.sql`SELECT "yes", "no", "none" FROM "Odd" WHERE "no" = ${false}`)).toEqual([{ yes: true, no: false, none: null }])
  })

  test('whole numbers are bound as whole numbers', async () => {
    const [halves] = await database.rows<{ half: number }>(Prisma.sql`SELECT CAST(${7} AS INTEGER) / CAST(${2} AS INTEGER) AS "half"`)
    expect(halves).toEqual({ half: 3 })
    if (dialect === 'sqlite')
      expect(await database.rows(Prisma.sql`SELECT ${7} / ${2} AS "half", typeof(${1}) AS "type"`)).toEqual([{ half: 3, type: 'integer' }])
  })

  test('what cannot be bound is an error and never a silent null', async () => {
    if (dialect !== 'sqlite') return
    for (const value of [undefined, Number.NaN, Symbol('s'), { a: 1 }, [1]])
      await expect(database.rows(Prisma.sql`SELECT ${value} AS "value"`)).rejects.toThrow(TypeError)
  })

  test('a count is a bigint through Prisma and a number past it', async () => {
    const id = newId()
    expect(await database.client.$queryRaw`SELECT count(*) AS "count" FROM "User" WHERE "id" = ${id}`).toEqual([{ count: 0n }])
    expect(await database.rows(Prisma.sql`SELECT count(*) AS "count" FROM "User" WHERE "id" = ${id}`)).toEqual([{ count: 0 }])
  })
})
