import type { Database } from '../db/database.ts'
import { Prisma } from '../generated/sqlite/client.ts'

/** The cosine of a vector's bytes and of a given one, as an expression of SQL. */
export type Measure = (bytes: Prisma.Sql, query: Uint8Array) => Prisma.Sql

const known = new WeakMap<Database, Promise<Measure | null>>()

/** How the database measures vectors, in what is read aside; null: it cannot, and `ExactVectors` does it. */
export function measureOf(database: Database): Promise<Measure | null> {
  const found = known.get(database) ?? look(database)
  known.set(database, found)
  return found
}

async function look(database: Database): Promise<Measure | null> {
  if (database.dialect !== 'sqlite') return null
  try {
    await database.rowsAside(Prisma.sql`SELECT vec_version() AS "version"`)
    return (bytes, query) => Prisma.sql`1 - vec_distance_cosine(${bytes}, ${query})`
  } catch {
    return null
  }
}
