/**
 * Brings a database to this version's schema: `prisma migrate deploy` without Prisma's engine. It keeps the same table
 * and the same checksums, so that either may continue what the other began.
 */
import { randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { dialectOf } from './database.ts'
import { readExtra, readMigrations, type SqlFile } from './migration-files.ts'
import { type AppliedMigration, type MigrationTarget, postgresqlTarget, sqliteTarget } from './migration-target.ts'
import type { Dialect } from './sql.ts'
import { filePath } from './sqlite.ts'
import { FifoLock } from './sqlite-lock.ts'
import { isOwnedHere, ownFile } from './sqlite-owner.ts'

export interface MigrateOptions {
  log?: (message: string) => void
  /** Where the migrations are, if not with this package. */
  folder?: string
  /** SQLite: how long to wait for another process that uses the file. */
  waitMs?: number
}

const TABLES: Record<Dialect, string> = {
  sqlite: `
    CREATE TABLE IF NOT EXISTS "_prisma_migrations" (
      "id" TEXT PRIMARY KEY NOT NULL, "checksum" TEXT NOT NULL, "finished_at" DATETIME, "migration_name" TEXT NOT NULL, "logs" TEXT,
      "rolled_back_at" DATETIME, "started_at" DATETIME NOT NULL DEFAULT current_timestamp, "applied_steps_count" INTEGER UNSIGNED NOT NULL DEFAULT 0);
    CREATE TABLE IF NOT EXISTS "_holdfast_extra" ("name" TEXT PRIMARY KEY NOT NULL, "checksum" TEXT NOT NULL);`,
  postgresql: `
    CREATE TABLE IF NOT EXISTS "_prisma_migrations" (
      id VARCHAR(36) PRIMARY KEY NOT NULL, checksum VARCHAR(64) NOT NULL, finished_at TIMESTAMPTZ, migration_name VARCHAR(255) NOT NULL, logs TEXT,
      rolled_back_at TIMESTAMPTZ, started_at TIMESTAMPTZ NOT NULL DEFAULT now(), applied_steps_count INTEGER NOT NULL DEFAULT 0);
    CREATE TABLE IF NOT EXISTS "_holdfast_extra" (name TEXT PRIMARY KEY NOT NULL, checksum TEXT NOT NULL);`,
}

const SQLITE_WAIT_MS = 15_000
const POLL_MS = 50

interface Plan {
  migrations: SqlFile[]
  /** Null where the one in the database is this one. */
  extra: SqlFile | null
}

/** Applies what is missing and gives the names of the migrations applied. Who comes while another migrates waits. */
export async function migrate(url: string, options: MigrateOptions = {}): Promise<string[]> {
  const dialect = dialectOf(url)
  if (dialect === 'sqlite') return migrateSqlite(filePath(url), options)
  const target = await postgresqlTarget(url)
  try {
    return await apply(target, dialect, await plan(target, dialect, options), options)
  } finally {
    await target.close()
  }
}

/** Within one process the driver would stop everything while it waits for a transaction of this very process. */
const oneInThisProcess = new FifoLock()

/** On SQLite whoever migrates owns the file meanwhile: no other server may be using it, nor start. */
async function migrateSqlite(file: string, options: MigrateOptions): Promise<string[]> {
  const release = await oneInThisProcess.acquire()
  try {
    return await migrateFile(file, options)
  } finally {
    release()
  }
}

async function migrateFile(file: string, options: MigrateOptions): Promise<string[]> {
  mkdirSync(path.dirname(path.resolve(file)), { recursive: true })
  const target = sqliteTarget(file)
  const deadline = performance.now() + (options.waitMs ?? SQLITE_WAIT_MS)
  try {
    for (;;) {
      const todo = await plan(target, 'sqlite', options)
      if (!todo.migrations.length && !todo.extra) return []
      const disown = isOwnedHere(file) ? () => {} : ownFile(file)
      if (disown) {
        try {
          return await apply(target, 'sqlite', await plan(target, 'sqlite', options), options)
        } finally {
          disown()
        }
      }
      if (performance.now() > deadline) throw new Error(`The database ${file} needs migrating, but another server uses it. Stop that one first.`)
      await sleep(POLL_MS)
    }
  } finally {
    await target.close()
  }
}

/** What this database lacks; an error where its history is not the beginning of ours. */
async function plan(target: MigrationTarget, dialect: Dialect, { folder }: MigrateOptions): Promise<Plan> {
  await target.script(TABLES[dialect])
  const migrations = readMigrations(dialect, folder)
  const applied = await target.rows<AppliedMigration>(
    'SELECT migration_name, checksum, finished_at FROM "_prisma_migrations" WHERE rolled_back_at IS NULL ORDER BY started_at',
  )
  for (const { migration_name: name, checksum, finished_at } of applied) {
    const migration = migrations.find((one) => one.name === name)
    if (finished_at === null)
      throw new Error(`Migration ${name} began on this database and did not finish. Mend the database, then settle it with "prisma migrate resolve".`)
    if (!migration) throw new Error(`Migration ${name} was applied to this database, but this version does not have it: a newer version has run here.`)
    if (migration.checksum !== checksum) throw new Error(`Migration ${name} was changed after it had been applied to this database. Restore its file.`)
  }
  const names = new Set(applied.map((one) => one.migration_name))
  const pending = migrations.filter((migration) => !names.has(migration.name))
  const extra = readExtra(dialect, folder)
  const [last] = await target.rows<{ checksum: string }>('SELECT checksum FROM "_holdfast_extra" WHERE name = ?', [extra.name])
  // A rebuilt SQLite table has lost its triggers, so extra.sql follows every migration.
  return { migrations: pending, extra: pending.length || last?.checksum !== extra.checksum ? extra : null }
}

async function apply(target: MigrationTarget, dialect: Dialect, { migrations, extra }: Plan, { log }: MigrateOptions): Promise<string[]> {
  for (const { name, sql, checksum } of migrations) {
    await inTransaction(target, `Migration ${name}`, async () => {
      const startedAt = stamp(dialect)
      await target.script(sql)
      await target.rows(
        'INSERT INTO "_prisma_migrations" (id, checksum, migration_name, started_at, finished_at, applied_steps_count) VALUES (?, ?, ?, ?, ?, 1)',
        [randomUUID(), checksum, name, startedAt, stamp(dialect)],
      )
    })
    log?.(`Migration ${name} applied.`)
  }
  if (extra) {
    await inTransaction(target, extra.name, async () => {
      await target.script(extra.sql)
      await target.rows('INSERT INTO "_holdfast_extra" (name, checksum) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET checksum = excluded.checksum', [
        extra.name,
        extra.checksum,
      ])
    })
  }
  return migrations.map(({ name }) => name)
}

/** Prisma keeps times on SQLite as milliseconds. */
const stamp = (dialect: Dialect) => (dialect === 'sqlite' ? Date.now() : new Date())

async function inTransaction(target: MigrationTarget, what: string, work: () => Promise<void>): Promise<void> {
  try {
    await target.transaction(work)
  } catch (error) {
    throw new Error(`${what} failed, and nothing of it was kept: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}
