import type { Store } from '../events/store.ts'
import { Prisma } from '../generated/sqlite/client.ts'

export interface StorageUse {
  entity: string
  /** Null: nobody counted. */
  rows: number | null
  isEstimate: boolean
  bytes: number
}

/** What each table takes, with its indexes, largest first. On SQLite the whole file is looked through, in a thread of its own. */
export async function storageUse({ database }: Store): Promise<StorageUse[]> {
  const found = await (database.dialect === 'postgresql' ? ofPostgresql(database) : ofSqlite(database))
  return found.filter(({ entity }) => !entity.startsWith('_prisma')).sort((a, b) => b.bytes - a.bytes || (a.entity < b.entity ? -1 : 1))
}

type Reader = Store['database']

async function ofPostgresql(database: Reader): Promise<StorageUse[]> {
  const tables = await database.rows<{ entity: string; rows: number; bytes: number }>(Prisma.sql`
    SELECT "relname"::text AS "entity", "reltuples"::bigint AS "rows", pg_total_relation_size("oid") AS "bytes" FROM pg_class
    WHERE "relkind" = 'r' AND "relnamespace" = 'public'::regnamespace`)
  return Promise.all(
    tables.map(async ({ entity, rows, bytes }) => {
      // Before it is first analyzed PostgreSQL has no idea.
      if (rows >= 0) return { entity, rows, isEstimate: true, bytes }
      const [counted] = await database.rows<{ rows: number }>(Prisma.sql`SELECT COUNT(*) AS "rows" FROM ${Prisma.raw(`"${entity}"`)}`)
      return { entity, rows: counted!.rows, isEstimate: false, bytes }
    }),
  )
}

async function ofSqlite(database: Reader): Promise<StorageUse[]> {
  const parts = await database.rows<{ name: string; entity: string; isVirtual: number }>(Prisma.sql`
    SELECT "name", "tbl_name" AS "entity", "sql" LIKE 'CREATE VIRTUAL%' AS "isVirtual" FROM sqlite_schema WHERE "type" IN ('table', 'index')`)
  const sizes = await database.rowsAside<{ name: string; bytes: number }>(
    Prisma.sql`SELECT "name", SUM("pgsize") AS "bytes" FROM dbstat WHERE "aggregate" = TRUE GROUP BY "name"`,
  )
  const bytes = new Map(sizes.map(({ name, bytes: of }) => [name, Number(of)]))
  const tables = [...new Set(parts.filter(({ isVirtual }) => !isVirtual).map(({ entity }) => entity))].filter((entity) => !entity.startsWith('sqlite_'))
  const counts = Prisma.raw(tables.map((entity) => `SELECT '${entity}' AS "entity", COUNT(*) AS "rows" FROM "${entity}"`).join(' UNION ALL '))
  const rows = new Map((await database.rowsAside<{ entity: string; rows: number }>(Prisma.sql`${counts}`)).map((row) => [row.entity, Number(row.rows)]))
  return tables.map((entity) => ({
    entity,
    rows: rows.get(entity) ?? null,
    isEstimate: false,
    bytes: parts.filter((part) => part.entity === entity).reduce((sum, { name }) => sum + (bytes.get(name) ?? 0), 0),
  }))
}
