/** The plans of the statements that a call leads to. */
import { AsyncLocalStorage } from 'node:async_hooks'
import pg from 'pg'
import type { Dialect } from '../../src/db/sql.ts'
import { SqliteConnection } from '../../src/db/sqlite-connection.ts'

interface Statement {
  sql: string
  values: readonly unknown[]
}

const watched = new AsyncLocalStorage<Statement[]>()

function watch(prototype: object, method: string, read: (args: unknown[]) => Statement | null): void {
  const methods = prototype as Record<string, (...args: unknown[]) => unknown>
  const original = methods[method]!
  methods[method] = function (this: unknown, ...args) {
    const seen = watched.getStore()
    const statement = seen && read(args)
    if (statement) seen.push(statement)
    return original.apply(this, args)
  }
}

/** To be called before anything is opened. */
export function watchStatements(): void {
  for (const method of ['query', 'execute'])
    watch(SqliteConnection.prototype, method, ([query]) => ({ sql: (query as { sql: string }).sql, values: (query as { args: unknown[] }).args }))
  watch(SqliteConnection.prototype, 'rows', ([sql, values]) => ({ sql: sql as string, values: values as unknown[] }))
  watch(pg.Client.prototype, 'query', ([query, values]) => {
    const given = query as { text?: string; values?: unknown[] }
    return typeof query === 'string'
      ? { sql: query, values: (values as unknown[]) ?? [] }
      : given.text
        ? { sql: given.text, values: (values as unknown[]) ?? given.values ?? [] }
        : null
  })
}

/** Each statement with its plan. On PostgreSQL it is run for it once more, and rolled back. */
export async function plansOf(dialect: Dialect, url: string, call: () => Promise<unknown>): Promise<{ sql: string; plan: string }[]> {
  const seen: Statement[] = []
  await watched.run(seen, call)
  const statements = seen.filter(({ sql }) => /^\s*(select|insert|update|delete|with)\b/i.test(sql))
  const told = dialect === 'sqlite' ? planOfFile(url) : await planOfServer(url)
  try {
    const plans = []
    for (const statement of statements) plans.push({ sql: statement.sql.replace(/\s+/g, ' ').trim(), plan: await told.plan(statement) })
    return plans
  } finally {
    await told.close()
  }
}

function planOfFile(url: string) {
  const connection = new SqliteConnection(url.replace('file:', ''), { readOnly: true })
  return {
    plan: async ({ sql }: Statement) => {
      const depths = new Map([[0, 0]])
      return connection
        .rows<{ id: number; parent: number; detail: string }>(`EXPLAIN QUERY PLAN ${sql}`, [])
        .map(({ id, parent, detail }) => {
          depths.set(id, (depths.get(parent) ?? 0) + 1)
          return `${'  '.repeat(depths.get(id)! - 1)}${detail}`
        })
        .join('\n')
    },
    close: async () => connection.close(),
  }
}

async function planOfServer(url: string) {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  return {
    plan: async ({ sql, values }: Statement) => {
      await client.query('BEGIN')
      try {
        const { rows } = await client.query(`EXPLAIN (ANALYZE, BUFFERS) ${sql}`, values as unknown[])
        return rows.map((row) => row['QUERY PLAN'] as string).join('\n')
      } finally {
        await client.query('ROLLBACK')
      }
    },
    close: () => client.end(),
  }
}
