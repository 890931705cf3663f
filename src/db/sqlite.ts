/** The database as a SQLite file. */
import { PrismaClient } from '../generated/sqlite/client.ts'
import { type Database, type DatabaseOptions, transactionOptions } from './database.ts'
import { sqlWords } from './sql.ts'
import { openAdapter } from './sqlite-adapter.ts'
import { ownFile, remoteFileSystem } from './sqlite-owner.ts'

/** The path in a `file:` URL. Relative ones are relative to the working directory. */
export const filePath = (url: string): string => decodeURIComponent(url.replace(/^file:(\/\/(?=\/))?/, '').replace(/\?.*$/, ''))

export async function openSqlite({ url, synchronous, warn, exclusive = true }: DatabaseOptions): Promise<Database> {
  const file = filePath(url)
  const remote = remoteFileSystem(file)
  if (remote) warn?.(new Error(`The database ${file} lies on a network file system (${remote}). SQLite can lose data there; use a local disk or PostgreSQL.`))
  const disown = exclusive ? ownFile(file) : () => {}
  if (!disown) throw new Error(`Another server already uses the database ${file}. One server a file; use PostgreSQL to run several.`)
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
