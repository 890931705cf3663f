/** What other processes can do to a SQLite database, and what a kill -9 leaves of it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { isRetryable } from '../../src/db/constraints.ts'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { filePath } from '../../src/db/sqlite.ts'
import { SqliteAdapterFactory } from '../../src/db/sqlite-adapter.ts'
import { SqliteConnection } from '../../src/db/sqlite-connection.ts'
import { remoteFileSystem } from '../../src/db/sqlite-owner.ts'
import { Prisma } from '../../src/generated/sqlite/client.ts'
import { type ScratchDatabase, scratchDatabase } from '../kit/databases.ts'
import { addUser } from './rows.ts'

let scratch: ScratchDatabase
const open: Database[] = []
const children: ChildProcess[] = []

beforeEach(async () => {
  scratch = await scratchDatabase('sqlite')
})
afterEach(async () => {
  for (const child of children.splice(0)) await killed(child)
  for (const database of open.splice(0)) await database.close()
  await scratch.drop()
})

async function opened(): Promise<Database> {
  const database = await openDatabase({ url: scratch.url })
  open.push(database)
  return database
}

/** Starts the program beside this file, and gives its lines as it says them. */
function child(...args: string[]) {
  const program = spawn(process.execPath, ['--import', 'tsx', path.join(import.meta.dirname, 'child.ts'), scratch.url, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  children.push(program)
  const lines = createInterface({ input: program.stdout })[Symbol.asyncIterator]()
  return { program, next: async () => (await lines.next()).value as string | undefined, rest: lines }
}

async function killed(program: ChildProcess) {
  if (program.exitCode !== null || program.signalCode !== null) return
  const gone = once(program, 'exit')
  program.kill('SIGKILL')
  await gone
}

describe('a SQLite file and other processes', () => {
  test('a second server on the same file is refused, and says why', async () => {
    await opened()
    await expect(openDatabase({ url: scratch.url })).rejects.toThrow(/Another server already uses the database/)
    const second = child('serve')
    expect(await second.next()).toMatch(/^refused: Another server already uses the database .*PostgreSQL to run several/)
  })

  test('a file whose server was killed is free at once', async () => {
    const server = child('serve')
    expect(await server.next()).toBe('serving')
    await expect(openDatabase({ url: scratch.url })).rejects.toThrow(/Another server/)
    await killed(server.program)
    const database = await opened()
    await database.ready()
  })

  test('a closed database is free for the next', async () => {
    const first = await opened()
    await first.close()
    open.pop()
    await (await opened()).ready()
  })

  test('a script that only looks may open the file of a running server', async () => {
    const server = await opened()
    await addUser(server.client)
    const looking = await openDatabase({ url: scratch.url, exclusive: false })
    expect(await looking.client.user.count()).toBe(1)
    await looking.close()
    expect(await server.client.user.count()).toBe(1)
  })

  test('a write waits while another process holds the file, and the event loop goes on meanwhile', async () => {
    const database = await opened()
    const holder = child('hold')
    expect(await holder.next()).toBe('holding')
    let longestStop = 0
    let last = performance.now()
    const ticks = setInterval(() => {
      longestStop = Math.max(longestStop, performance.now() - last)
      last = performance.now()
    }, 5)
    const order: string[] = []
    const writing = Promise.all([
      addUser(database.client).then(() => order.push('written')),
      database.client.$transaction(async (tx) => addUser(tx)).then(() => order.push('committed')),
    ])
    expect(await database.client.user.count()).toBe(0)
    order.push('read')
    holder.program.stdin.end('let go\n')
    await writing
    clearInterval(ticks)
    expect(order).toEqual(['read', 'written', 'committed'])
    expect(longestStop).toBeLessThan(500)
  })

  test('a file that stays held is an error that may be tried again, and nothing is left locked by it', async () => {
    const holder = child('hold')
    expect(await holder.next()).toBe('holding')
    const { PrismaClient } = await import('../../src/generated/sqlite/client.ts')
    const client = new PrismaClient({ adapter: new SqliteAdapterFactory(filePath(scratch.url), { busyTimeoutMs: 100 }) })
    for (const attempt of [
      () => addUser(client),
      () => client.$executeRaw`DELETE FROM "User"`,
      () => client.$transaction([client.user.deleteMany()]),
      () => client.$transaction(async (tx) => tx.user.count()),
    ]) {
      const error = await attempt().then(
        () => null,
        (problem: unknown) => problem,
      )
      expect(isRetryable(error), String(error)).toBe(true)
    }
    holder.program.stdin.end('let go\n')
    await once(holder.program, 'exit')
    const { id } = await addUser(client)
    await client.$transaction(async (tx) => tx.user.update({ where: { id }, data: { displayName: 'Free again' } }))
    expect((await client.user.findMany()).map(({ displayName }) => displayName)).toEqual(['Free again'])
    await client.$disconnect()
  })

  test('a connection whose statement found the file busy commits again afterwards', async () => {
    const holder = child('hold')
    expect(await holder.next()).toBe('holding')
    const connection = new SqliteConnection(filePath(scratch.url))
    const insert = { sql: 'INSERT INTO "Installation" ("id") VALUES (1) RETURNING "id"', args: [], argTypes: [] }
    expect(() => connection.query(insert)).toThrow('database is locked')
    holder.program.stdin.end('let go\n')
    await once(holder.program, 'exit')
    connection.script('BEGIN IMMEDIATE')
    connection.query(insert)
    connection.script('COMMIT')
    connection.close()
    expect(await (await opened()).client.installation.count()).toBe(1)
  })

  test('a disk of this machine is not taken for one behind a network', () => {
    expect(remoteFileSystem(filePath(scratch.url))).toBeNull()
  })

  test.each(['FULL', 'NORMAL'])('after a kill -9 with synchronous %s the file is whole and has every acknowledged row', async (synchronous) => {
    const writer = child('write', synchronous)
    const acknowledged: string[] = []
    while (acknowledged.length < 200) acknowledged.push((await writer.next())!)
    const gone = killed(writer.program)
    for await (const line of writer.rest) acknowledged.push(line)
    await gone
    const database = await opened()
    expect(await database.rows(Prisma.sql`PRAGMA integrity_check`)).toEqual([{ integrity_check: 'ok' }])
    expect(await database.rows(Prisma.sql`PRAGMA foreign_key_check`)).toEqual([])
    const kept = new Set((await database.rows<{ id: string }>(Prisma.sql`SELECT "id" FROM "User"`)).map(({ id }) => id))
    expect(acknowledged.filter((id) => !kept.has(id))).toEqual([])
    // Each transaction writes two; one that was not finished is not half there.
    expect(kept.size % 2).toBe(0)
  })
})
