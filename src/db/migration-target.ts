/** A database as the migrations see it. */
import pg from 'pg'
import { connectionConfig } from './postgresql.ts'
import { SqliteConnection } from './sqlite-connection.ts'

export interface AppliedMigration {
  migration_name: string
  checksum: string
  finished_at: unknown
}

export interface MigrationTarget {
  /** Runs a script of many statements. */
  script(sql: string): Promise<void>
  /** Runs one statement; `?` stands for a value. */
  rows<T>(sql: string, values?: unknown[]): Promise<T[]>
  /** All of it or nothing; on SQLite a table may be rebuilt meanwhile without its children going with it. */
  transaction(work: () => Promise<void>): Promise<void>
  close(): Promise<void>
}

const WAIT_MS = 10_000

export function sqliteTarget(file: string): MigrationTarget {
  // Nothing else happens in a process that migrates, so it may wait inside the driver.
  const connection = new SqliteConnection(file, { busyTimeoutMs: WAIT_MS })
  // Off before BEGIN: within a transaction the pragma does nothing, and dropping a table would empty its children.
  connection.script('PRAGMA foreign_keys = OFF')
  return {
    script: async (sql) => connection.script(sql),
    rows: async (sql, values = []) => connection.rows(sql, values),
    async transaction(work) {
      connection.script('BEGIN IMMEDIATE')
      try {
        await work()
        const orphans = connection.rows<{ table: string; parent: string }>('PRAGMA foreign_key_check', [])
        if (orphans[0]) throw new Error(`rows of "${orphans[0].table}" would point to nothing in "${orphans[0].parent}"`)
        connection.script('COMMIT')
      } catch (error) {
        if (connection.inTransaction) connection.script('ROLLBACK')
        throw error
      }
    },
    close: async () => connection.close(),
  }
}

/** The lock that Prisma Migrate takes, so that the two never migrate at the same time either. */
const ADVISORY_LOCK = 72707369

export async function postgresqlTarget(url: string): Promise<MigrationTarget> {
  const client = new pg.Client({ ...connectionConfig(url), statement_timeout: 0, lock_timeout: 0, idle_in_transaction_session_timeout: 0 })
  client.on('error', () => {}) // The statement under way fails with the same error.
  await client.connect()
  try {
    await client.query('SELECT pg_advisory_lock($1)', [ADVISORY_LOCK])
  } catch (error) {
    await client.end()
    throw error
  }
  return {
    async script(sql) {
      await client.query(sql)
    },
    async rows<T>(sql: string, values: unknown[] = []) {
      let index = 0
      return (
        await client.query(
          sql.replaceAll('?', () => `$${++index}`),
          values,
        )
      ).rows as T[]
    },
    async transaction(work) {
      await client.query('BEGIN')
      try {
        await work()
        await client.query('COMMIT')
      } catch (error) {
        await client.query('ROLLBACK').catch(() => {})
        throw error
      }
    },
    // The advisory lock goes with the connection.
    close: () => client.end(),
  }
}
