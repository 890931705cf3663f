/** Opens the database and gives what all rooms work with, the same for SQLite and PostgreSQL. */
import type { Prisma, PrismaClient } from '../generated/sqlite/client.ts'
import { timed } from './database-figures.ts'
import type { Dialect, SqlWords } from './sql.ts'
import type { Synchronous } from './sqlite-connection.ts'

export type { Dialect } from './sql.ts'

/** The SQLite client's type stands for both: it is the narrower one, so that what it allows exists on PostgreSQL too. */
export type Client = PrismaClient
export type Tx = Prisma.TransactionClient

/** A transaction that is open. What is done with it after its end fails. */
export interface OpenTransaction {
  /** As `Database.rows`, but within the transaction; also for statements that write, with RETURNING. */
  rows<T>(sql: Prisma.Sql): Promise<T[]>
  /** Runs a statement; answers how many rows it touched. */
  execute(sql: Prisma.Sql): Promise<number>
  /** Prisma on this very transaction: convenient, and several times slower. */
  readonly db: Tx
  /** A place to go back to with `undo`; the former one is forgotten. */
  mark(): Promise<void>
  undo(): Promise<void>
  commit(): Promise<void>
  rollback(): Promise<void>
}

export interface Database {
  readonly dialect: Dialect
  readonly url: string
  readonly client: Client
  /**
   * Reads past Prisma, which is several times faster. It sees what is committed and never what an open transaction has
   * written. Whole numbers come as numbers, and as bigint only where a number would not be exact; JSON columns come parsed.
   */
  rows<T>(sql: Prisma.Sql): Promise<T[]>
  /** The same for what may take seconds: on SQLite, where everything else would wait for it, in a thread of its own. */
  rowsAside<T>(sql: Prisma.Sql): Promise<T[]>
  /** Opens a transaction. On SQLite it is the only one, and others wait for it. Only `transact` calls this. */
  begin(): Promise<OpenTransaction>
  /** The words of SQL that differ between the databases. */
  readonly sql: SqlWords
  /** PostgreSQL: how many connections are held, how many of them have nothing to do, and who waits for one. */
  pool?(): { open: number; idle: number; waiting: number }
  /** Resolves where the database answers; rejects within 2 seconds where it does not. */
  ready(): Promise<void>
  /** Lets the database see what its tables hold, so that it chooses the right indexes. PostgreSQL does so by itself. */
  analyze(): Promise<void>
  /** Waits for what is under way, then closes everything. */
  close(): Promise<void>
}

export type Warn = (problem: Error) => void

export interface DatabaseOptions {
  /** `file:./data/holdfast.db` or `postgresql://…`. */
  url: string
  /** SQLite: what a commit survives. FULL (default): a power cut. NORMAL: only the death of the process. */
  synchronous?: Synchronous
  /** PostgreSQL: how many connections this process opens at most; 10 by default. */
  poolSize?: number
  /** Is told of what does not stop the work: a database on a network disk, a connection that broke. */
  warn?: Warn
  /** SQLite: be the only server on this file, or fail. On by default; scripts that only look may turn it off. */
  exclusive?: boolean
}

export const dialectOf = (url: string): Dialect => {
  if (/^postgres(ql)?:\/\//.test(url)) return 'postgresql'
  if (url.startsWith('file:')) return 'sqlite'
  throw new Error(`A database's URL begins with file: (SQLite) or postgresql:// (PostgreSQL), not "${url.split(':')[0]}:".`)
}

/** How long a transaction may wait for its turn, and how long it may take. */
export const transactionOptions = { maxWait: 10_000, timeout: 15_000 }

export const READY_TIMEOUT_MS = 2_000

export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  if (dialectOf(options.url) === 'postgresql') return timed(await (await import('./postgresql.ts')).openPostgresql(options))
  return timed(await (await import('./sqlite.ts')).openSqlite(options))
}
