import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { containsIgnoringCase, escapeLike, startsWithIgnoringCase } from '../../src/db/like.ts'
import { Prisma } from '../../src/generated/sqlite/client.ts'
import { dialects, type ScratchDatabase, scratchDatabase } from '../kit/databases.ts'
import { addUser } from './rows.ts'

const names = ['100% sure', '100 sure', 'under_score', 'underXscore', 'back\\slash', 'backslash', "it's", 'Plain', '%', '_', '\\']

describe.each(dialects())('searching texts on %s', (dialect) => {
  let scratch: ScratchDatabase
  let database: Database

  beforeAll(async () => {
    scratch = await scratchDatabase(dialect)
    database = await openDatabase({ url: scratch.url })
    for (const displayName of names) await addUser(database.client, { displayName })
  })
  afterAll(async () => {
    await database.close()
    await scratch.drop()
  })

  const found = async (displayName: object) => (await database.client.user.findMany({ where: { displayName } })).map((user) => user.displayName).sort()
  const holding = (text: string) => names.filter((name) => name.toLowerCase().includes(text.toLowerCase())).sort()
  const beginning = (text: string) => names.filter((name) => name.toLowerCase().startsWith(text.toLowerCase())).sort()

  test.each(['%', '_', '\\', '100%', 'r_s', 'k\\s', "T'S", 'PLAIN', 'plain', '', '\\%', '%%', 'nowhere', ' '])('%j means itself', async (text) => {
    expect(await found(containsIgnoringCase(dialect, text))).toEqual(holding(text))
    expect(await found(startsWithIgnoringCase(dialect, text))).toEqual(beginning(text))
    const pattern = `%${escapeLike(text)}%`
    const rows = await database.rows<{ displayName: string }>(
      Prisma.sql`SELECT "displayName" FROM "User" WHERE ${database.sql.likeIgnoringCase(Prisma.sql`"displayName"`, pattern)}`,
    )
    expect(rows.map((row) => row.displayName).sort()).toEqual(holding(text))
  })

  test('a search can be turned round', async () => {
    const others = await database.client.user.findMany({ where: { NOT: { displayName: containsIgnoringCase(dialect, '%') } } })
    expect(others).toHaveLength(names.length - holding('%').length)
  })
})
