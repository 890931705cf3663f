/**
 * Prisma's driver adapter for SQLite, over the synchronous `libsql` package.
 *
 * One connection writes and one reads. Whoever writes waits in line, first come, first served, be it a transaction or a
 * single statement; so nothing is ever written into somebody else's transaction. Reads outside a transaction see the
 * last committed state through the reader (WAL) and wait for nobody.
 *
 * The file may be held by another process. The driver is synchronous, and waiting inside it would stop the whole server,
 * so it gives up at once, and the waiting is done here, with the event loop free.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import {
  DriverAdapterError,
  type IsolationLevel,
  type SqlDriverAdapter,
  type SqlMigrationAwareDriverAdapterFactory,
  type SqlQuery,
  type Transaction,
} from '@prisma/driver-adapter-utils'
import { foundBusy } from './database-figures.ts'
import { SqliteConnection, type Synchronous } from './sqlite-connection.ts'
import { isBusy } from './sqlite-errors.ts'
import { FifoLock } from './sqlite-lock.ts'
import { adapterName, provider, SqliteTransaction } from './sqlite-transaction.ts'

export interface SqliteAdapterOptions {
  synchronous?: Synchronous
  /** How long a write waits for another process to let go of the file. */
  busyTimeoutMs?: number
}

const BUSY_TIMEOUT_MS = 5_000
const BUSY_RETRY_MS = 10

/** Reads that the reader may run: a plain SELECT, or a WITH in which no word of writing occurs. */
const isRead = (sql: string): boolean => /^\s*select\b/i.test(sql) || (/^\s*with\b/i.test(sql) && !/\b(insert|update|delete|replace)\b/i.test(sql))

/** What may stand in a transaction: not what steers the connection, nor transactions themselves. */
const isTransactional = (sql: string): boolean => /^\s*(insert|update|delete|replace|with|create|drop|alter)\b/i.test(sql)

export class SqliteAdapter implements SqlDriverAdapter {
  readonly provider = provider
  readonly adapterName = adapterName
  readonly #lock = new FifoLock()

  constructor(
    readonly writer: SqliteConnection,
    readonly reader: SqliteConnection,
    readonly busyTimeoutMs: number = BUSY_TIMEOUT_MS,
  ) {}

  async queryRaw(query: SqlQuery) {
    if (isRead(query.sql)) return this.reader.query(query)
    return this.#alone(query.sql, (writer) => writer.query(query))
  }

  async executeRaw(query: SqlQuery) {
    return this.#alone(query.sql, (writer) => writer.execute(query))
  }

  async executeScript(script: string) {
    return this.#alone('', (writer) => writer.script(script))
  }

  getConnectionInfo() {
    return { supportsRelationJoins: false, maxBindValues: 32_766 }
  }

  async startTransaction(isolationLevel?: IsolationLevel): Promise<Transaction> {
    if (isolationLevel && isolationLevel !== 'SERIALIZABLE') throw new DriverAdapterError({ kind: 'InvalidIsolationLevel', level: isolationLevel })
    return this.begin()
  }

  /** The writer, for as long as a transaction takes, in turn. */
  async begin(): Promise<SqliteTransaction> {
    const release = await this.#lock.acquire()
    try {
      // IMMEDIATE takes the right to write at once: a transaction never finds out half-way that it cannot have it.
      await this.#whenFree(() => this.writer.script('BEGIN IMMEDIATE'))
    } catch (error) {
      release()
      throw error
    }
    return new SqliteTransaction(this.writer, release)
  }

  async dispose() {
    // Whoever still writes finishes first.
    const release = await this.#lock.acquire()
    this.reader.close()
    this.writer.close()
    release()
  }

  /**
   * Runs one statement or script of its own, in its turn. A statement gets a transaction of its own around it, so that BEGIN
   * is the only thing that can find the file busy: a statement that does is left by libsql half-way in, and no later
   * transaction on its connection can commit.
   */
  async #alone<T>(sql: string, work: (writer: SqliteConnection) => T): Promise<T> {
    const release = await this.#lock.acquire()
    try {
      if (!isTransactional(sql)) return await this.#whenFree(() => work(this.writer))
      await this.#whenFree(() => this.writer.script('BEGIN IMMEDIATE'))
      const result = work(this.writer)
      this.writer.script('COMMIT')
      return result
    } finally {
      // After an error; and a BEGIN sent as a plain statement would take what comes after it into a transaction nobody commits.
      if (this.writer.inTransaction) this.writer.script('ROLLBACK')
      release()
    }
  }

  /** Tries until no other process holds the file. What was busy has done nothing, so that trying again is safe. */
  async #whenFree<T>(work: () => T): Promise<T> {
    const deadline = performance.now() + this.busyTimeoutMs
    for (;;) {
      try {
        return work()
      } catch (error) {
        if (!isBusy(error) || performance.now() >= deadline) throw error
        foundBusy()
      }
      await sleep(BUSY_RETRY_MS)
    }
  }
}

export class SqliteAdapterFactory implements SqlMigrationAwareDriverAdapterFactory {
  readonly provider = provider
  readonly adapterName = adapterName

  constructor(
    readonly file: string,
    readonly options: SqliteAdapterOptions = {},
  ) {}

  async connect(): Promise<SqliteAdapter> {
    return openAdapter(this.file, this.options)
  }

  async connectToShadowDb(): Promise<SqliteAdapter> {
    return openAdapter(':memory:', this.options)
  }
}

export function openAdapter(file: string, { synchronous, busyTimeoutMs }: SqliteAdapterOptions): SqliteAdapter {
  const writer = new SqliteConnection(file, { synchronous })
  // Readers are almost never refused in WAL mode, and then for a moment: they may wait inside the driver.
  const reader = file === ':memory:' ? writer : new SqliteConnection(file, { synchronous, busyTimeoutMs: 1_000, readOnly: true })
  return new SqliteAdapter(writer, reader, busyTimeoutMs)
}
