/** A value in the metadata by the keys of the objects that lead to it. Lists have no keys; null is as good as nothing. */
import type { Dialect } from '../db/sql.ts'
import { Prisma } from '../generated/sqlite/client.ts'

/** Which values count; others are as if they were not there. */
export type Typed = 'string' | 'number' | 'boolean' | 'any'

export function heldAt(metadata: unknown, path: readonly string[]): unknown {
  let held = metadata
  for (const key of path) {
    if (typeof held !== 'object' || held === null || Array.isArray(held) || !Object.hasOwn(held, key)) return null
    held = (held as Record<string, unknown>)[key]
  }
  return held ?? null
}

/** As an expression over the columns of Fact. Truths are 1 and 0; of `any` only whether it is null is told. */
export const metadataSql = (dialect: Dialect, path: readonly string[], typed: Typed): Prisma.Sql =>
  dialect === 'postgresql' ? onPostgresql(path, typed) : onSqlite(path, typed)

function onPostgresql(path: readonly string[], typed: Typed): Prisma.Sql {
  const value = path.reduce((sql, key) => Prisma.sql`(${sql} -> ${key}::text)`, Prisma.sql`"metadata"`)
  if (typed === 'any') return Prisma.sql`NULLIF(${value}, 'null'::jsonb)`
  if (typed === 'string') return Prisma.sql`(CASE WHEN jsonb_typeof(${value}) = 'string' THEN (${value} #>> '{}') COLLATE "C" END)`
  if (typed === 'number') return Prisma.sql`(CASE WHEN jsonb_typeof(${value}) = 'number' THEN (${value} #>> '{}')::float8 END)`
  return Prisma.sql`(CASE ${value} WHEN 'true'::jsonb THEN 1 WHEN 'false'::jsonb THEN 0 END)`
}

const WANTED: Record<Typed, Prisma.Sql> = {
  any: Prisma.raw(`"type" <> 'null' THEN 1`),
  string: Prisma.raw(`"type" = 'text' THEN "atom"`),
  number: Prisma.raw(`"type" IN ('integer', 'real') THEN "atom"`),
  boolean: Prisma.raw(`"type" = 'true' THEN 1 WHEN "type" = 'false' THEN 0`),
}

/** Step by step and not by a path of SQLite's, which has no word for keys with quotation marks in them. */
function onSqlite(path: readonly string[], typed: Typed): Prisma.Sql {
  const [key, ...rest] = [...path].reverse() as [string, ...string[]]
  const within = rest.reduceRight<Prisma.Sql>(
    (sql, step) => Prisma.sql`(SELECT CASE WHEN "type" = 'object' THEN "value" END FROM json_each(${sql}) WHERE "key" = ${step})`,
    Prisma.sql`"metadata"`,
  )
  return Prisma.sql`(SELECT CASE WHEN ${WANTED[typed]} END FROM json_each(${within}) WHERE "key" = ${key})`
}
