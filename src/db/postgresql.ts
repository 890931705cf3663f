/** The database as a PostgreSQL server: one pool of connections, shared by Prisma and by the reads that go past it. */
import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import { boundClient } from './bound-adapter.ts'
import { type Client, type Database, type DatabaseOptions, type OpenTransaction, READY_TIMEOUT_MS, type Tx, transactionOptions } from './database.ts'
import { sqlWords } from './sql.ts'
import { StatementNames } from './statement-names.ts'

const POOL_SIZE = 10
const CONNECT_TIMEOUT_MS = 10_000
const LOCK_TIMEOUT_MS = 10_000
/** Longer than a transaction may take, so that it only ends what was forgotten. */
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 30_000
const STATEMENT_TIMEOUT_MS = 30_000
/** The server ends a slow statement itself; this is for a server that answers no more. */
const ANSWER_TIMEOUT_MS = STATEMENT_TIMEOUT_MS + 5_000

/**
 * How every connection of ours is made. The time zone is pinned, for naive timestamps would shift with it, and so is the
 * schema, for Prisma names `public` in its statements and raw ones name none.
 */
export function connectionConfig(url: string): pg.ClientConfig {
  const parsed = new URL(url)
  const schema = parsed.searchParams.get('schema')
  if (schema && schema !== 'public') throw new Error(`Holdfast keeps its tables in the schema public; "${schema}" in the database's URL is not possible.`)
  const options = parsed.searchParams.get('options')
  for (const ours of ['schema', 'options', 'connection_limit', 'pool_timeout', 'pgbouncer']) parsed.searchParams.delete(ours)
  return {
    connectionString: parsed.href,
    application_name: 'holdfast',
    options: `${options ?? ''} -c TimeZone=UTC -c search_path=public`.trim(),
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  }
}

const { INT8, BOOL } = pg.types.builtins

/** As in `Database.rows`: int8 becomes a number where that is exact. */
const plainTypes = {
  getTypeParser(oid: number, format?: 'text' | 'binary') {
    if (oid === INT8 && format !== 'binary') return exactInteger
    if (oid === BOOL && format !== 'binary') return (text: string) => text === 't'
    return pg.types.getTypeParser(oid, format as 'text')
  },
}

function exactInteger(text: string): number | bigint {
  const number = Number(text)
  return Number.isSafeInteger(number) ? number : BigInt(text)
}

export async function openPostgresql({ url, poolSize = POOL_SIZE, warn }: DatabaseOptions): Promise<Database> {
  const pool = new pg.Pool({
    ...connectionConfig(url),
    max: poolSize,
    idleTimeoutMillis: 60_000,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    lock_timeout: LOCK_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
    query_timeout: ANSWER_TIMEOUT_MS,
    // What is asked one after the other on a connection is sent at once: BEGIN with the first statement, COMMIT with the last.
    pipeline: true,
  })
  // Without a listener the loss of an idle connection would end the process. The pool replaces it by itself.
  pool.on('error', (error) => warn?.(new Error('A connection to PostgreSQL was lost.', { cause: error })))
  // The same for one that is lost between two statements of a transaction: the next statement tells it.
  pool.on('connect', (client) => client.on('error', () => {}))
  pool.on('release', (_error, client) => {
    // A statement that never got its answer still occupies the connection; the next one would wait behind it.
    if ('readyForQuery' in client && client.readyForQuery === false) void (client as pg.PoolClient & pg.Client).end()
  })

  const names = new StatementNames()
  const adapter = new PrismaPg(pool, { statementNameGenerator: ({ sql }) => names.of(sql) ?? '' })
  const { PrismaClient } = await import('../generated/postgresql/client.ts')
  // See `Client`: the SQLite client's type is the narrower one.
  const client = new PrismaClient({ adapter, transactionOptions }) as unknown as Client
  // One Prisma client a connection, made when a transaction on it first asks for Prisma.
  const clients = new WeakMap<pg.PoolClient, Tx>()
  const inside = await adapter.connect()
  const bound = (connection: pg.PoolClient): Tx => {
    const known = clients.get(connection) ?? boundClient(PrismaClient as never, Object.assign(Object.create(inside), { client: connection }))
    clients.set(connection, known)
    return known
  }
  const transaction = (connection: pg.PoolClient): OpenTransaction =>
    openTransaction(connection, {
      query: ({ text, values }) => connection.query({ name: names.of(text), text, values, types: plainTypes }),
      db: () => bound(connection),
    })
  const rows = async <T>({ text, values }: { text: string; values: unknown[] }) =>
    (await pool.query({ name: names.of(text), text, values, types: plainTypes })).rows as T[]
  return {
    dialect: 'postgresql',
    url,
    client,
    sql: sqlWords.postgresql,
    rows,
    rowsAside: rows,
    begin: async () => transaction(await pool.connect()),
    ready: () => ready(pool),
    pool: () => ({ open: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
    analyze: async () => {},
    async close() {
      await client.$disconnect()
      await pool.end()
    },
  }
}

interface Means {
  query(sql: { text: string; values: unknown[] }): Promise<pg.QueryResult>
  db(): Tx
}

/** A transaction on a connection of the pool, which goes back to it at the end. BEGIN is sent together with the first statement. */
function openTransaction(connection: pg.PoolClient, { query, db }: Means): OpenTransaction {
  let open = true
  const begun = connection.query('BEGIN')
  // Its failure is told by the first that waits for it.
  begun.catch(() => {})
  const inside = async <T>(work: () => Promise<T>): Promise<T> => {
    if (!open) throw new Error('The transaction has ended.')
    return work()
  }
  const end = async (word: 'COMMIT' | 'ROLLBACK'): Promise<void> => {
    if (!open) return
    open = false
    let broken: Error | undefined
    let command: string | undefined
    try {
      ;[, { command }] = await Promise.all([begun, connection.query(word)])
    } catch (error) {
      broken = error as Error
      if (word === 'COMMIT') throw error
    } finally {
      connection.release(broken)
    }
    // PostgreSQL answers the COMMIT of a failed transaction by rolling it back, without an error.
    if (!broken && command !== word) throw new Error('The transaction had failed; nothing of it was kept.')
  }
  return {
    rows: (sql) => inside(async () => (await query(sql)).rows),
    execute: (sql) => inside(async () => (await query(sql)).rowCount ?? 0),
    get db() {
      return db()
    },
    mark: () => inside(async () => void (await connection.query('SAVEPOINT mark'))),
    undo: () => inside(async () => void (await connection.query('ROLLBACK TO SAVEPOINT mark'))),
    commit: () => end('COMMIT'),
    rollback: () => end('ROLLBACK'),
  }
}

async function ready(pool: pg.Pool): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`PostgreSQL did not answer within ${READY_TIMEOUT_MS} ms.`)), READY_TIMEOUT_MS)
  })
  const answer = pool.query({ text: 'SELECT 1', query_timeout: READY_TIMEOUT_MS } as pg.QueryConfig)
  try {
    await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
    // Its failure was told already, or comes too late to matter.
    answer.catch(() => {})
  }
}
