/** The database as a PostgreSQL server: one pool of connections, shared by Prisma and by the reads that go past it. */
import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import { type Client, type Database, type DatabaseOptions, READY_TIMEOUT_MS, transactionOptions } from './database.ts'
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
  })
  // Without a listener the loss of an idle connection would end the process. The pool replaces it by itself.
  pool.on('error', (error) => warn?.(new Error('A connection to PostgreSQL was lost.', { cause: error })))
  pool.on('release', (_error, client) => {
    // A statement that never got its answer still occupies the connection; the next one would wait behind it.
    if ('readyForQuery' in client && client.readyForQuery === false) void (client as pg.PoolClient & pg.Client).end()
  })

  const names = new StatementNames()
  const adapter = new PrismaPg(pool, { statementNameGenerator: ({ sql }) => names.of(sql) ?? '' })
  const { PrismaClient } = await import('../generated/postgresql/client.ts')
  // See `Client`: the SQLite client's type is the narrower one.
  const client = new PrismaClient({ adapter, transactionOptions }) as unknown as Client
  return {
    dialect: 'postgresql',
    url,
    client,
    sql: sqlWords.postgresql,
    async rows<T>(sql: { text: string; values: unknown[] }) {
      const { text, values } = sql
      return (await pool.query({ name: names.of(text), text, values, types: plainTypes })).rows as T[]
    },
    ready: () => ready(pool),
    analyze: async () => {},
    async close() {
      await client.$disconnect()
      await pool.end()
    },
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
