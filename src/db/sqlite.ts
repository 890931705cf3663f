/** The database as a SQLite file. */
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { PrismaClient } from '../generated/sqlite/client.ts'
import { boundClient } from './bound-adapter.ts'
import { type Database, type DatabaseOptions, type OpenTransaction, type Tx, transactionOptions } from './database.ts'
import { sqlWords } from './sql.ts'
import { openAdapter, type SqliteAdapter } from './sqlite-adapter.ts'
import { SqliteAside } from './sqlite-aside.ts'
import { ownFile, remoteFileSystem } from './sqlite-owner.ts'
import { adapterName, provider, type SqliteTransaction } from './sqlite-transaction.ts'

/** The path in a `file:` URL, taken as it stands, without decoding. Relative ones are relative to the working directory. */
export const filePath = (url: string): string => url.replace(/^file:(\/\/(?=\/))?/, '').replace(/\?.*$/, '')

/** A process that migrates owns the file for moments; a server for good. */
const OWN_WAIT_MS = 1_000
const OWN_POLL_MS = 50

/**
 * Of a table with fewer rows no figures are taken: they would be believed until the next time, and a table that had five rows then
 * may have a hundred thousand by now, all of which would be gone through. Without figures its indexes are used.
 */
const ANALYZED_FROM_ROWS = 10_000

/** A sample of each index of the large tables: milliseconds, however large they are. */
async function analyze(adapter: SqliteAdapter): Promise<void> {
  const { reader } = adapter
  const tables = reader.rows<{ name: string }>(`SELECT "name" FROM sqlite_schema WHERE "type" = 'table' AND "name" NOT LIKE 'sqlite\\_%' ESCAPE '\\'`, [])
  const isLarge = ({ name }: { name: string }) => reader.rows(`SELECT 1 FROM "${name}" LIMIT 1 OFFSET ${ANALYZED_FROM_ROWS - 1}`, []).length > 0
  const large = tables.filter(isLarge)
  if (!large.length) return
  await adapter.executeScript(['PRAGMA analysis_limit = 400', ...large.map(({ name }) => `ANALYZE "${name}"`)].join('; '))
  reader.reopen()
}

async function own(file: string): Promise<() => void> {
  const deadline = performance.now() + OWN_WAIT_MS
  for (;;) {
    const disown = ownFile(file)
    if (disown) return disown
    if (performance.now() > deadline) throw new Error(`Another server already uses the database ${file}. One server a file; use PostgreSQL to run several.`)
    await sleep(OWN_POLL_MS)
  }
}

/**
 * What is open on the writer. There is one at a time, so that one Prisma client serves all of them, one after the other.
 */
class Inside {
  #open: SqliteTransaction | null = null
  #client: Tx | null = null

  enter(transaction: SqliteTransaction): OpenTransaction {
    this.#open = transaction
    const leave = () => {
      if (this.#open === transaction) this.#open = null
    }
    let marked = false
    const db = () => this.#db()
    return {
      rows: async (sql) => transaction.rows(sql.sql, sql.values),
      execute: async (sql) => transaction.execute(sql.sql, sql.values),
      get db() {
        return db()
      },
      mark: async () => {
        if (marked) await transaction.releaseSavepoint('mark')
        await transaction.createSavepoint('mark')
        marked = true
      },
      undo: () => transaction.rollbackToSavepoint('mark'),
      commit: () => {
        leave()
        return transaction.commit()
      },
      rollback: () => {
        leave()
        return transaction.rollback()
      },
    }
  }

  #db(): Tx {
    const now = () => {
      if (!this.#open) throw new Error('The transaction has ended.')
      return this.#open
    }
    this.#client ??= boundClient(PrismaClient, {
      provider,
      adapterName,
      queryRaw: (query) => now().queryRaw(query),
      executeRaw: (query) => now().executeRaw(query),
      getConnectionInfo: () => ({ supportsRelationJoins: false, maxBindValues: 32_766 }),
    })
    return this.#client
  }
}

export async function openSqlite({ url, synchronous, warn, exclusive = true }: DatabaseOptions): Promise<Database> {
  const file = filePath(url)
  mkdirSync(path.dirname(path.resolve(file)), { recursive: true })
  const remote = remoteFileSystem(file)
  if (remote) warn?.(new Error(`The database ${file} lies on a network file system (${remote}). SQLite can lose data there; use a local disk or PostgreSQL.`))
  const disown = exclusive ? await own(file) : () => {}
  try {
    const adapter = openAdapter(file, { synchronous })
    const client = new PrismaClient({ adapter: { provider, adapterName, connect: async () => adapter }, transactionOptions })
    const inside = new Inside()
    const aside = new SqliteAside(file)
    return {
      dialect: 'sqlite',
      url,
      client,
      sql: sqlWords.sqlite,
      rows: async (sql) => adapter.reader.rows(sql.sql, sql.values),
      rowsAside: (sql) => aside.rows(sql.sql, sql.values),
      begin: async () => inside.enter(await adapter.begin()),
      ready: async () => {
        adapter.reader.rows('SELECT 1', [])
      },
      analyze: () => analyze(adapter),
      close: async () => {
        // First, for what it reads would keep the log from being put into the file.
        await aside.close()
        await client.$disconnect()
        await adapter.dispose()
        disown()
      },
    }
  } catch (error) {
    disown()
    throw error
  }
}
