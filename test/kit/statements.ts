/** Counts the statements that reach the database on behalf of a call, so that an N+1 shows as a failure. */
import { AsyncLocalStorage } from 'node:async_hooks'
import pg from 'pg'
import { SqliteAside } from '../../src/db/sqlite-aside.ts'
import { SqliteConnection } from '../../src/db/sqlite-connection.ts'

const counting = new AsyncLocalStorage<string[]>()

function watch(prototype: object, method: string, textOf: (args: unknown[]) => string): void {
  const methods = prototype as Record<string, (...args: unknown[]) => unknown>
  const original = methods[method]!
  methods[method] = function (this: unknown, ...args) {
    counting.getStore()?.push(textOf(args))
    return original.apply(this, args)
  }
}

for (const method of ['query', 'execute']) watch(SqliteConnection.prototype, method, ([query]) => (query as { sql: string }).sql)
for (const { prototype } of [SqliteConnection, SqliteAside]) watch(prototype, 'rows', ([sql]) => sql as string)
watch(pg.Client.prototype, 'query', ([query]) => (typeof query === 'string' ? query : (query as { text: string }).text))

/** What the call answered, and the statements it led to; those of others that run meanwhile do not count. */
export async function statementsOf<T>(call: () => Promise<T>): Promise<{ answer: T; statements: string[] }> {
  const statements: string[] = []
  const answer = await counting.run(statements, call)
  return { answer, statements }
}
