/** The database as a SQLite file. */
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { PrismaClient } from '../generated/sqlite/client.ts'
import { type Database, type DatabaseOptions, transactionOptions } from './database.ts'
import { sqlWords } from './sql.ts'
import { openAdapter } from './sqlite-adapter.ts'
import { ownFile, remoteFileSystem } from './sqlite-owner.ts'

/** The path in a `file:` URL, taken as it stands, without decoding. Relative ones are relative to the working directory. */
export const filePath = (url: string): string => url.replace(/^file:(\/\/(?=\/))?/, '').replace(/\?.*$/, '')

/** A process that migrates owns the file for moments; a server for good. */
const OWN_WAIT_MS = 1_000
const OWN_POLL_MS = 50

/** A sample of each index: milliseconds, however large the tables are. */
const ANALYZE = 'PRAGMA analysis_limit = 400; ANALYZE'

async function own(file: string): Promise<() => void> {
  const deadline = performance.now() + OWN_WAIT_MS
  for (;;) {
    const disown = ownFile(file)
    if (disown) return disown
    if (performance.now() > deadline) throw new Error(`Another server already uses the database ${file}. One server a file; use PostgreSQL to run several.`)
    await sleep(OWN_POLL_MS)
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
    const { provider, adapterName } = adapter
    const client = new PrismaClient({ adapter: { provider, adapterName, connect: async () => adapter }, transactionOptions })
    return {
      dialect: 'sqlite',
      url,
      client,
      sql: sqlWords.sqlite,
      rows: async (sql) => adapter.reader.rows(sql.sql, sql.values),
      ready: async () => {
        adapter.reader.rows('SELECT 1', [])
      },
      analyze: () => adapter.executeScript(ANALYZE),
      close: async () => {
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
