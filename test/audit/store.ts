/** A trail without a server, which would seal it by itself. */
import { server } from '../../src/core/actor.ts'
import { newId } from '../../src/core/ids.ts'
import { type Database, openDatabase } from '../../src/db/database.ts'
import type { Dialect } from '../../src/db/sql.ts'
import { openStore, type Store } from '../../src/events/store.ts'
import { transact } from '../../src/events/transact.ts'
import { Prisma } from '../../src/generated/sqlite/client.ts'
import { secretsFrom } from '../../src/secrets.ts'
import { scratchDatabase } from '../kit/databases.ts'

export const KEY = secretsFrom('the secret of a chain that is only tested').key('audit-chain')

export interface TrailStore {
  store: Store
  url: string
  close(): Promise<void>
}

export async function openTrail(dialect: Dialect): Promise<TrailStore> {
  const scratch = await scratchDatabase(dialect)
  const store = await openOn(scratch.url)
  return {
    store,
    url: scratch.url,
    close: async () => {
      await store.close()
      await scratch.drop()
    },
  }
}

export const openOn = async (url: string): Promise<Store> => openStore(await openDatabase({ url }), { warn: () => {} })

/** So many entries, of all sorts, in transactions of a few. */
export async function write(store: Store, count: number, together = 7): Promise<void> {
  for (let done = 0; done < count; done += together)
    await transact(store, server, async (work) => {
      for (let i = done; i < Math.min(count, done + together); i++) {
        const userId = i % 5 ? newId() : null
        const origin = store.trail.origin({
          userId,
          address: `192.0.2.${i % 250}`,
          userAgent: i % 3 ? 'a client' : null,
          email: i % 7 ? null : 'ada@example.com',
        })
        const text = i % 2 ? 'Größe "1"\n' : null
        work.entries.push({
          id: newId(),
          kind: 'MUTATION',
          operation: 'taskCreate',
          operationName: text,
          userId,
          sessionId: i % 3 ? newId() : null,
          apiKeyId: i % 3 ? null : newId(),
          subjectType: 'Task',
          subjectId: newId(),
          code: i % 4 ? null : 'NOT_FOUND',
          durationMs: i,
          requestId: newId(),
          count: i % 9 ? null : i,
          origin,
        })
      }
    })
}

/** Does what the triggers refuse, as somebody would who rules over the database. */
export async function tamper(database: Database, ...statements: Prisma.Sql[]): Promise<void> {
  const transaction = await database.begin()
  try {
    if (database.dialect === 'postgresql') await transaction.execute(Prisma.sql`SET LOCAL session_replication_role = replica`)
    const triggers =
      database.dialect === 'sqlite'
        ? await transaction.rows<{ name: string; sql: string }>(
            Prisma.sql`SELECT "name", "sql" FROM "sqlite_master" WHERE "type" = 'trigger' AND "name" LIKE 'Audit%'`,
          )
        : []
    for (const { name } of triggers) await transaction.execute(Prisma.raw(`DROP TRIGGER "${name}"`))
    for (const statement of statements) await transaction.execute(statement)
    for (const { sql } of triggers) await transaction.execute(Prisma.raw(sql))
    await transaction.commit()
  } catch (error) {
    await transaction.rollback()
    throw error
  }
}
