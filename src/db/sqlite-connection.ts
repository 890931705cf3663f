/** One connection to one SQLite file: its settings, checked once, and its prepared statements. */
import type { ArgType, ColumnType, SqlQuery, SqlResultSet } from '@prisma/driver-adapter-utils'
import Libsql from 'libsql'
import { asAdapterError, isBusy } from './sqlite-errors.ts'
import { bind, declaredType, inferredType, type Stored, toPlain, toPrisma } from './sqlite-values.ts'

/** What a commit survives. FULL: a power cut. NORMAL: a crash of the process; a power cut may take the last commits. */
export type Synchronous = 'FULL' | 'NORMAL'

export interface ConnectionOptions {
  synchronous?: Synchronous
  /** How long a statement may hold up the whole process while another process has the file. */
  busyTimeoutMs?: number
  /** Refuse to write through this connection. */
  readOnly?: boolean
}

interface Statement {
  prepared: Libsql.Statement
  returnsRows: boolean
  names: string[]
  types: (ColumnType | undefined)[]
}

const MAX_STATEMENTS = 500
const NUMBERS = { FULL: 2, NORMAL: 1 } as const
/** The first to open a new file turns it to WAL, and the others wait for that. */
const OPEN_TIMEOUT_MS = 5_000
const WAL_KEPT_BYTES = 64 * 1024 * 1024

export class SqliteConnection {
  readonly #options: Required<ConnectionOptions>
  readonly #statements = new Map<string, Statement>()
  #db: Libsql.Database

  constructor(
    readonly file: string,
    { synchronous = 'FULL', busyTimeoutMs = 0, readOnly = false }: ConnectionOptions = {},
  ) {
    this.#options = { synchronous, busyTimeoutMs, readOnly }
    this.#db = open(file, this.#options)
  }

  get inTransaction(): boolean {
    return this.#db.inTransaction
  }

  /** Runs a statement and gives its rows as Prisma wants them. */
  query({ sql, args, argTypes }: SqlQuery): SqlResultSet {
    try {
      const statement = this.#prepare(sql)
      const stored = run(statement, args, argTypes)
      const types = statement.types.map((type, column) => type ?? inferredType(stored, column))
      return { columnNames: statement.names, columnTypes: types, rows: stored.map((row) => types.map((type, column) => toPrisma(row[column]!, type))) }
    } catch (error) {
      throw this.#failed(error)
    }
  }

  /** Runs a statement and gives the number of rows it touched. */
  execute({ sql, args, argTypes }: Pick<SqlQuery, 'sql' | 'args'> & Partial<SqlQuery>): number {
    try {
      const statement = this.#prepare(sql)
      if (statement.returnsRows) return run(statement, args, argTypes).length
      return statement.prepared.run(args.map((value, index) => bind(value, argTypes?.[index]?.scalarType))).changes
    } catch (error) {
      throw this.#failed(error)
    }
  }

  /** Runs a statement and gives plain objects, without the detour through Prisma's formats. */
  rows<T>(sql: string, values: readonly unknown[]): T[] {
    try {
      const statement = this.#prepare(sql)
      const { names, types } = statement
      return run(statement, values).map((row) => {
        const object: Record<string, unknown> = {}
        for (let column = 0; column < names.length; column++) object[names[column]!] = toPlain(row[column]!, types[column])
        return object as T
      })
    } catch (error) {
      throw this.#failed(error)
    }
  }

  /** Runs a whole script, statement by statement. */
  script(sql: string): void {
    try {
      this.#db.exec(sql)
    } catch (error) {
      throw asAdapterError(error)
    }
  }

  close(): void {
    if (!this.#db.open) return
    this.#statements.clear()
    try {
      // libsql really closes the file when the garbage collector has found the last statement. Everything is put into the
      // file itself now, so that whoever copies it after a stop copies all of it.
      if (!this.#options.readOnly) this.#db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').all()
    } finally {
      this.#db.close()
    }
  }

  /**
   * What to throw for what libsql threw. A statement that found the file busy stays half-way in, which holds on to its
   * snapshot and keeps others from committing; nothing but a new connection gets rid of it for certain.
   */
  #failed(error: unknown): unknown {
    if (isBusy(error) && !this.inTransaction) this.reopen()
    return asAdapterError(error)
  }

  /** Begins anew, with what the file says now of its tables: SQLite reads that once, and plans by it for as long as a connection lasts. */
  reopen(): void {
    this.#statements.clear()
    this.#db.close()
    this.#db = open(this.file, this.#options)
  }

  #prepare(sql: string): Statement {
    const known = this.#statements.get(sql)
    if (known) {
      // The last used goes to the end, so that what is dropped is what was not used for the longest time.
      this.#statements.delete(sql)
      this.#statements.set(sql, known)
      return known
    }
    // libsql never ends an EXPLAIN, and its connection keeps that snapshot for good: it gets one that is thrown away with it.
    const db = /^\s*explain\b/i.test(sql) ? new Libsql(this.file) : this.#db
    const prepared = db.prepare(escapable(sql))
    prepared.safeIntegers(true)
    const returnsRows = prepared.reader
    if (returnsRows) prepared.raw(true)
    const columns = returnsRows ? prepared.columns() : []
    const statement = { prepared, returnsRows, names: columns.map((column) => column.name), types: columns.map((column) => declaredType(column.type)) }
    if (/^\s*(select|insert|update|delete|with)\b/i.test(sql)) {
      if (this.#statements.size >= MAX_STATEMENTS) this.#statements.delete(this.#statements.keys().next().value!)
      this.#statements.set(sql, statement)
    }
    return statement
  }
}

function open(file: string, { synchronous, busyTimeoutMs, readOnly }: Required<ConnectionOptions>): Libsql.Database {
  const db = connect(file)
  if (file !== ':memory:') set(db, 'journal_mode', 'WAL', 'wal')
  set(db, 'synchronous', synchronous, NUMBERS[synchronous])
  set(db, 'foreign_keys', 'ON', 1)
  set(db, 'temp_store', 'MEMORY', 2)
  set(db, 'cache_size', '-16000', -16000)
  set(db, 'journal_size_limit', String(WAL_KEPT_BYTES), WAL_KEPT_BYTES)
  if (readOnly) set(db, 'query_only', 'ON', 1)
  set(db, 'busy_timeout', String(busyTimeoutMs), busyTimeoutMs)
  return db
}

function connect(file: string): Libsql.Database {
  try {
    return new Libsql(file, { timeout: OPEN_TIMEOUT_MS })
  } catch (cause) {
    throw new Error(`The SQLite database ${file} cannot be opened. Is its folder there, and may this process write in it?`, { cause })
  }
}

/** Sets a pragma and reads it back: SQLite ignores, without a word, what it does not know or cannot do. */
function set(db: Libsql.Database, pragma: string, value: string, expected: string | number): void {
  try {
    db.prepare(`PRAGMA ${pragma} = ${value}`).all()
  } catch (error) {
    throw asAdapterError(error)
  }
  const [row] = db.prepare(`PRAGMA ${pragma}`).raw(true).all() as unknown[][]
  if (row?.[0] !== expected)
    throw new Error(`SQLite refused "PRAGMA ${pragma} = ${value}" (it is ${String(row?.[0])}), without which Holdfast cannot keep its promises.`)
}

/** Always to the last row: a statement that stops half-way keeps its snapshot, and a RETURNING is not committed. */
function run(statement: Statement, args: readonly unknown[], argTypes?: readonly ArgType[]): Stored[][] {
  const bound = args.map((value, index) => bind(value, argTypes?.[index]?.scalarType))
  if (statement.returnsRows) return statement.prepared.all(bound) as Stored[][]
  statement.prepared.run(bound)
  return []
}

/**
 * In a pattern of LIKE a backslash takes the meaning from the % or _ that follows. PostgreSQL does so by itself; SQLite
 * needs to be told, and Prisma, whose `contains` becomes `LIKE ('%' || ? || '%')`, does not tell it.
 */
const escapable = (sql: string): string => sql.replace(/\bLIKE (\?|\((?:'%' \|\| )?\?(?: \|\| '%')?\))(?!\s*ESCAPE)/gi, "LIKE $1 ESCAPE '\\'")
