import { readdirSync, readlinkSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { isRetryable } from '../../src/db/constraints.ts'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { filePath } from '../../src/db/sqlite.ts'
import { Prisma } from '../../src/generated/sqlite/client.ts'
import { type ScratchDatabase, scratchDatabase } from '../kit/databases.ts'
import { addUser } from './rows.ts'

const { sql } = Prisma
let scratch: ScratchDatabase
let database: Database

beforeEach(async () => {
  scratch = await scratchDatabase('sqlite')
  database = await openDatabase({ url: scratch.url })
})
afterEach(async () => {
  await database.close()
  await scratch.drop()
})

/** A promise and the function that fulfils it. */
function signal() {
  let send!: () => void
  const sent = new Promise<void>((resolve) => {
    send = resolve
  })
  return { send, sent }
}

const nameOf = async (id: string) => (await database.client.user.findUniqueOrThrow({ where: { id } })).displayName

/** Opens a transaction that renames a user and then stays open until told to end. */
function renaming(id: string, end: 'commit' | 'rollback') {
  const renamed = signal()
  const goOn = signal()
  const done = database.client
    .$transaction(async (tx) => {
      await tx.user.update({ where: { id }, data: { displayName: 'Inside' } })
      renamed.send()
      await goOn.sent
      if (end === 'rollback') throw new Error('rolled back on purpose')
    })
    .catch((error: Error) => error.message)
  const finish = () => {
    goOn.send()
    return done
  }
  return { renamed: renamed.sent, finish }
}

describe('isolation on SQLite', () => {
  test('what an open transaction has written is seen by nobody else', async () => {
    const { id } = await addUser(database.client)
    const open = renaming(id, 'commit')
    await open.renamed
    expect(await nameOf(id)).toBe('Ada')
    const rows = await database.rows<{ displayName: string }>(sql`SELECT "displayName" FROM "User" WHERE "id" = ${id}`)
    expect(rows).toEqual([{ displayName: 'Ada' }])
    await open.finish()
    expect(await nameOf(id)).toBe('Inside')
  })

  test('a write outside waits for the open transaction, and survives its rollback', async () => {
    const { id } = await addUser(database.client)
    const open = renaming(id, 'rollback')
    await open.renamed
    const order: string[] = []
    const outside = addUser(database.client, { email: 'outside@example.org' }).then(() => order.push('outside'))
    // Long enough for a write that did not wait.
    await sleep(50)
    expect(order).toEqual([])
    expect(await open.finish()).toBe('rolled back on purpose')
    await outside
    expect(await nameOf(id)).toBe('Ada')
    expect(await database.client.user.count({ where: { email: 'outside@example.org' } })).toBe(1)
  })

  test('a raw INSERT … RETURNING outside waits as well, and so does a WITH that writes', async () => {
    const { id } = await addUser(database.client)
    const open = renaming(id, 'rollback')
    await open.renamed
    const returning = database.client.$queryRaw<{ id: number }[]>`INSERT INTO "Installation" ("id") VALUES (7) RETURNING "id"`
    const withWrite = database.client.$queryRaw<{ id: number }[]>`
      WITH wanted AS (SELECT 8 AS "id") INSERT INTO "Installation" ("id") SELECT "id" FROM wanted RETURNING "id"`
    await open.finish()
    expect(await returning).toEqual([{ id: 7 }])
    expect(await withWrite).toEqual([{ id: 8 }])
    expect(await database.client.installation.count()).toBe(2)
  })

  test('a read with a WITH does not wait for the writer', async () => {
    const { id } = await addUser(database.client)
    const open = renaming(id, 'commit')
    await open.renamed
    expect(await database.client.$queryRaw`WITH names AS (SELECT "displayName" FROM "User") SELECT * FROM names`).toEqual([{ displayName: 'Ada' }])
    await open.finish()
  })

  test('transactions take their turns in the order in which they came', async () => {
    const order: number[] = []
    await Promise.all(
      [1, 2, 3, 4, 5].map((turn) =>
        database.client.$transaction(async (tx) => {
          await tx.user.count()
          order.push(turn)
        }),
      ),
    )
    expect(order).toEqual([1, 2, 3, 4, 5])
  })

  test('increments from many transactions at once are all counted', async () => {
    await database.client.installation.create({ data: { id: 1, adminUserId: '0' } })
    await Promise.all(
      Array.from({ length: 50 }, () =>
        database.client.$transaction(async (tx) => {
          const { adminUserId } = await tx.installation.findUniqueOrThrow({ where: { id: 1 } })
          await tx.installation.update({ where: { id: 1 }, data: { adminUserId: String(Number(adminUserId) + 1) } })
        }),
      ),
    )
    expect((await database.client.installation.findUniqueOrThrow({ where: { id: 1 } })).adminUserId).toBe('50')
  })

  test('a transaction that runs out of time is undone, and the next write gets its turn', async () => {
    const { id } = await addUser(database.client)
    const forgotten = signal()
    const slow = database.client
      .$transaction(
        async (tx) => {
          await tx.user.update({ where: { id }, data: { displayName: 'Too late' } })
          await forgotten.sent
          await tx.user.count()
        },
        { timeout: 100 },
      )
      .catch((error: { code: string }) => error.code)
    await database.client.user.update({ where: { id }, data: { email: 'next@example.org' } })
    forgotten.send()
    expect(await slow).toBe('P2028')
    expect(await nameOf(id)).toBe('Ada')
  })

  test('a transaction that waited too long for its turn leaves the turn to the next', async () => {
    const { id } = await addUser(database.client)
    const open = renaming(id, 'commit')
    await open.renamed
    const impatient = database.client.$transaction(async (tx) => tx.user.count(), { maxWait: 20 }).catch((error: unknown) => error)
    expect(isRetryable(await impatient)).toBe(true)
    await open.finish()
    await database.client.user.update({ where: { id }, data: { displayName: 'After' } })
    expect(await nameOf(id)).toBe('After')
  })

  test('a savepoint takes back its own part only', async () => {
    const kept = await database.client.$transaction(async (tx) => {
      const { id } = await addUser(tx, { displayName: 'Kept' })
      await tx.$executeRaw`SAVEPOINT part`
      await addUser(tx, { displayName: 'Taken back' })
      await tx.$executeRaw`ROLLBACK TO part`
      await tx.$executeRaw`RELEASE part`
      return id
    })
    expect((await database.client.user.findMany()).map(({ id, displayName }) => [id, displayName])).toEqual([[kept, 'Kept']])
  })

  test('a statement that fails within a transaction leaves the rest of it whole', async () => {
    await database.client.$transaction(async (tx) => {
      await addUser(tx, { email: 'once@example.org' })
      await expect(addUser(tx, { email: 'once@example.org' })).rejects.toThrow()
      await addUser(tx, { email: 'twice@example.org' })
    })
    expect(await database.client.user.count()).toBe(2)
  })

  test('a transaction that SQLite has ended by itself is not reported as committed', async () => {
    const attempt = database.client.$transaction(async (tx) => {
      await addUser(tx)
      await tx.$executeRaw`ROLLBACK`
    })
    await expect(attempt).rejects.toThrow(/nothing of it was kept/)
    await expect(
      database.client.$transaction(async (tx) => {
        await tx.$executeRaw`ROLLBACK`
        await addUser(tx)
      }),
    ).rejects.toThrow(/nothing of it was kept/)
    expect(await database.client.user.count()).toBe(0)
  })

  test('a BEGIN sent as a plain statement does not swallow what comes after it', async () => {
    await database.client.$executeRaw`BEGIN`
    const { id } = await addUser(database.client)
    expect(await nameOf(id)).toBe('Ada')
  })

  test('EXPLAIN leaves no snapshot behind, neither on the reader nor on the writer', async () => {
    await database.client.$queryRaw`EXPLAIN QUERY PLAN SELECT * FROM "User"`
    await database.client.$queryRaw`EXPLAIN QUERY PLAN UPDATE "User" SET "displayName" = ''`
    await database.rows(sql`EXPLAIN SELECT * FROM "User"`)
    const { id } = await addUser(database.client)
    await database.client.$transaction(async (tx) => {
      await tx.$queryRaw`EXPLAIN UPDATE "User" SET "displayName" = ''`
      await tx.user.update({ where: { id }, data: { displayName: 'Seen' } })
    })
    expect(await nameOf(id)).toBe('Seen')
  })

  test('the reader refuses to write', async () => {
    await expect(database.rows(sql`INSERT INTO "Installation" ("id") VALUES (1)`)).rejects.toThrow(/readonly/)
  })

  test('a thousand transactions open no further files', async () => {
    const { id } = await addUser(database.client)
    const file = filePath(scratch.url)
    const before = openFiles(file)
    for (let turn = 0; turn < 1_000; turn++)
      await database.client.$transaction(async (tx) => tx.user.update({ where: { id }, data: { displayName: `Name ${turn}` } }))
    expect(openFiles(file)).toBe(before)
  })
})

/** Where the system shows them (Linux). */
function openFiles(file: string): number {
  try {
    return readdirSync('/proc/self/fd').filter((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`).startsWith(file)
      } catch {
        return false
      }
    }).length
  } catch {
    return 0
  }
}
