/** A transaction on the writer, for as long as its turn lasts. */
import { DriverAdapterError, type SqlQuery, type Transaction } from '@prisma/driver-adapter-utils'
import type { SqliteConnection } from './sqlite-connection.ts'

export const provider = 'sqlite'
export const adapterName = 'holdfast-libsql'

const ENDED = 'SQLite has already ended this transaction; nothing of it was kept.'

export class SqliteTransaction implements Transaction {
  readonly provider = provider
  readonly adapterName = adapterName
  /** Commit and rollback are ours: Prisma sends no COMMIT of its own. */
  readonly options = { usePhantomQuery: true }
  readonly #writer: SqliteConnection
  readonly #release: () => void
  #open = true

  constructor(writer: SqliteConnection, release: () => void) {
    this.#writer = writer
    this.#release = release
  }

  async queryRaw(query: SqlQuery) {
    return this.#inside().query(query)
  }

  async executeRaw(query: SqlQuery) {
    return this.#inside().execute(query)
  }

  rows<T>(sql: string, values: readonly unknown[]): T[] {
    return this.#inside().rows(sql, values)
  }

  execute(sql: string, args: unknown[]): number {
    return this.#inside().execute({ sql, args })
  }

  async createSavepoint(name: string) {
    this.#inside().script(`SAVEPOINT ${name}`)
  }

  async rollbackToSavepoint(name: string) {
    this.#inside().script(`ROLLBACK TO ${name}`)
  }

  async releaseSavepoint(name: string) {
    this.#inside().script(`RELEASE ${name}`)
  }

  async commit() {
    try {
      this.#inside().script('COMMIT')
    } finally {
      this.#end()
    }
  }

  async rollback() {
    this.#end()
  }

  /**
   * SQLite rolls back by itself when the disk is full or fails. What came after would then be committed statement by
   * statement, and a COMMIT of nothing would look like success.
   */
  #inside(): SqliteConnection {
    if (this.#open && this.#writer.inTransaction) return this.#writer
    const error = new DriverAdapterError({ kind: 'TransactionAlreadyClosed', cause: ENDED })
    error.message = ENDED
    throw error
  }

  #end() {
    if (!this.#open) return
    this.#open = false
    try {
      if (this.#writer.inTransaction) this.#writer.script('ROLLBACK')
    } finally {
      this.#release()
    }
  }
}
