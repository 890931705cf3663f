import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openDatabase } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'
import { prismaFolder, readMigrations } from '../../src/db/migration-files.ts'
import { type MigrationTarget, postgresqlTarget, sqliteTarget } from '../../src/db/migration-target.ts'
import { filePath } from '../../src/db/sqlite.ts'
import { dialects, type ScratchDatabase, scratchDatabase } from '../kit/databases.ts'

describe.each(dialects())('migrating %s', (dialect) => {
  let scratch: ScratchDatabase
  let folder: string

  beforeEach(async () => {
    scratch = await scratchDatabase(dialect, { empty: true })
    folder = mkdtempSync(path.join(tmpdir(), 'holdfast-migrations-'))
    write('1_parents', 'CREATE TABLE parent (id INTEGER PRIMARY KEY); INSERT INTO parent VALUES (1), (2);')
    write(
      '2_children',
      'CREATE TABLE child (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parent (id) ON DELETE CASCADE); INSERT INTO child VALUES (1, 1);',
    )
  })
  afterEach(async () => {
    await scratch.drop()
    rmSync(folder, { recursive: true, force: true })
  })

  function write(name: string, sql: string) {
    mkdirSync(path.join(folder, dialect, 'migrations', name), { recursive: true })
    writeFileSync(path.join(folder, dialect, 'migrations', name, 'migration.sql'), sql)
  }
  const extra = (sql: string) => writeFileSync(path.join(folder, dialect, 'extra.sql'), sql)

  async function on<T>(work: (target: MigrationTarget) => Promise<T>): Promise<T> {
    const target = dialect === 'sqlite' ? sqliteTarget(filePath(scratch.url)) : await postgresqlTarget(scratch.url)
    try {
      return await work(target)
    } finally {
      await target.close()
    }
  }
  const rows = <T>(sql: string) => on((target) => target.rows<T>(sql))

  /** Migrates in a process of its own, and gives what that one says. */
  async function elsewhere(): Promise<string> {
    const program = path.join(import.meta.dirname, 'child.ts')
    return (await promisify(execFile)(process.execPath, ['--import', 'tsx', program, scratch.url, 'migrate', folder])).stdout.replace('\n', '')
  }

  test('applies what is missing, in order, and nothing twice', async () => {
    const said: string[] = []
    expect(await migrate(scratch.url, { folder, log: (line) => said.push(line) })).toEqual(['1_parents', '2_children'])
    expect(said).toEqual(['Migration 1_parents applied.', 'Migration 2_children applied.'])
    expect(await migrate(scratch.url, { folder })).toEqual([])
    write('3_more', 'INSERT INTO parent VALUES (3);')
    expect(await migrate(scratch.url, { folder })).toEqual(['3_more'])
    expect(await rows('SELECT id FROM parent ORDER BY id')).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }])
  })

  test('a migration that fails half-way leaves nothing, stops those after it, and is taken up when mended', async () => {
    write('3_bad', 'INSERT INTO parent VALUES (3); INSERT INTO nowhere VALUES (1);')
    write('4_never', 'CREATE TABLE never (id INTEGER);')
    await expect(migrate(scratch.url, { folder })).rejects.toThrow(/^Migration 3_bad failed, and nothing of it was kept: .*nowhere/)
    expect(await rows('SELECT id FROM parent ORDER BY id')).toEqual([{ id: 1 }, { id: 2 }])
    write('3_bad', 'INSERT INTO parent VALUES (3);')
    expect(await migrate(scratch.url, { folder })).toEqual(['3_bad', '4_never'])
  })

  test('a migration that was changed after it had been applied stops the start', async () => {
    await migrate(scratch.url, { folder })
    write('1_parents', 'CREATE TABLE parent (id INTEGER PRIMARY KEY, name TEXT);')
    await expect(migrate(scratch.url, { folder })).rejects.toThrow('Migration 1_parents was changed after it had been applied')
  })

  test('a database from a newer version stops the start', async () => {
    await migrate(scratch.url, { folder })
    rmSync(path.join(folder, dialect, 'migrations', '2_children'), { recursive: true })
    await expect(migrate(scratch.url, { folder })).rejects.toThrow('Migration 2_children was applied to this database, but this version does not have it')
  })

  test('a migration that Prisma began and did not finish stops the start', async () => {
    await migrate(scratch.url, { folder })
    await rows(`UPDATE "_prisma_migrations" SET finished_at = NULL WHERE migration_name = '2_children'`)
    await expect(migrate(scratch.url, { folder })).rejects.toThrow('Migration 2_children began on this database and did not finish')
  })

  test('two that start at once apply everything once, and both go on', async () => {
    const [one, other] = await Promise.all([migrate(scratch.url, { folder }), migrate(scratch.url, { folder })])
    expect([one.length, other.length].sort()).toEqual([0, 2])
    expect(await rows('SELECT count(*) AS count FROM parent')).toEqual([{ count: dialect === 'sqlite' ? 2 : '2' }])
  })

  test('and so do two processes', async () => {
    expect((await Promise.all([elsewhere(), elsewhere()])).sort()).toEqual(['applied: ', 'applied: 1_parents 2_children'])
  })

  test('a table may be rebuilt without its children going with it', async () => {
    await migrate(scratch.url, { folder })
    write('3_rebuild', rebuildParent('INSERT INTO parent_new SELECT id FROM parent;', dialect))
    await migrate(scratch.url, { folder })
    expect(await rows('SELECT id, parent FROM child')).toEqual([{ id: 1, parent: 1 }])
  })

  test('a migration that would leave orphans is refused', async () => {
    await migrate(scratch.url, { folder })
    write('3_orphans', rebuildParent('INSERT INTO parent_new SELECT id FROM parent WHERE id <> 1;', dialect))
    await expect(migrate(scratch.url, { folder })).rejects.toThrow(/Migration 3_orphans failed/)
    expect(await rows('SELECT id FROM parent ORDER BY id')).toEqual([{ id: 1 }, { id: 2 }])
  })

  test('extra.sql is applied when it changes and after every migration, and else left alone', async () => {
    extra('INSERT INTO child VALUES ((SELECT count(*) FROM child) + 1, 2);')
    const times = async () => (await rows('SELECT id FROM child')).length - 1
    await migrate(scratch.url, { folder })
    expect(await times()).toBe(1)
    await migrate(scratch.url, { folder })
    expect(await times()).toBe(1)
    write('3_more', 'INSERT INTO parent VALUES (3);')
    await migrate(scratch.url, { folder })
    expect(await times()).toBe(2)
    extra('INSERT INTO child VALUES ((SELECT count(*) FROM child) + 1, 1);')
    await migrate(scratch.url, { folder })
    expect(await times()).toBe(3)
  })

  test('the product’s own migrations apply from any working directory', async () => {
    const before = process.cwd()
    process.chdir(tmpdir())
    try {
      expect(await migrate(scratch.url)).toEqual(readMigrations(dialect).map(({ name }) => name))
    } finally {
      process.chdir(before)
    }
    const database = await openDatabase({ url: scratch.url })
    expect(await database.client.user.count()).toBe(0)
    await database.close()
  })

  if (dialect === 'sqlite') {
    test('a running server keeps its file from being migrated by another process, but may migrate it itself', async () => {
      await migrate(scratch.url, { folder })
      const server = await openDatabase({ url: scratch.url })
      expect(await elsewhere()).toEqual('applied: ')
      write('3_more', 'INSERT INTO parent VALUES (3);')
      expect(await elsewhere()).toMatch(/^refused: The database .* needs migrating, but another server uses it/)
      expect(await migrate(scratch.url, { folder })).toEqual(['3_more'])
      await server.close()
    })

    test('the folder of a new file is made', async () => {
      const file = path.join(folder, 'deep', 'down', 'new.db')
      expect(await migrate(`file:${file}`, { folder })).toHaveLength(2)
    })
  }
})

test('the files of both databases hold the same migrations', () => {
  expect(readMigrations('sqlite').map(({ name }) => name)).toEqual(readMigrations('postgresql').map(({ name }) => name))
  expect(readMigrations('sqlite').length).toBeGreaterThan(0)
})

test('a copy of the package elsewhere finds its own migrations', () => {
  const copy = mkdtempSync(path.join(tmpdir(), 'holdfast-copy-'))
  cpSync(prismaFolder(), path.join(copy, 'prisma'), { recursive: true })
  expect(readMigrations('sqlite', path.join(copy, 'prisma'))).toEqual(readMigrations('sqlite'))
  rmSync(copy, { recursive: true })
})

/** As Prisma writes it for SQLite; PostgreSQL changes tables in place, and refuses orphans by itself. */
function rebuildParent(copy: string, dialect: string): string {
  if (dialect === 'postgresql')
    return copy.includes('WHERE')
      ? 'DELETE FROM child WHERE false; ALTER TABLE child DROP CONSTRAINT child_parent_fkey; DELETE FROM parent WHERE id = 1; ALTER TABLE child ADD FOREIGN KEY (parent) REFERENCES parent (id);'
      : 'ALTER TABLE parent ADD COLUMN name TEXT;'
  return `CREATE TABLE parent_new (id INTEGER PRIMARY KEY, name TEXT); ${copy.replace('parent_new', 'parent_new (id)')} DROP TABLE parent; ALTER TABLE parent_new RENAME TO parent;`
}
