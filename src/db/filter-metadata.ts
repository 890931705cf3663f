/**
 * Values in the JSON of a column `metadata` as what rows are filtered by: each by the keys of the objects that lead to it. Lists have no
 * keys; null, and a value of another type than is asked for, is as good as absent.
 */
import { BadUserInput } from '../core/errors.ts'
import { type Asked, and, type Comparators, compared, type Truth } from '../core/filter.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { allOf, comparedSql } from './filter-sql.ts'
import type { Dialect } from './sql.ts'

export const MAX_PATH = 8
const MAX_KEY = 200

/** One value in the metadata, and what shall hold of it. */
export interface MetadataCondition {
  path: readonly string[]
  string?: Comparators | null
  number?: Comparators | null
  boolean?: Comparators | null
  isPresent?: boolean | null
}

const TYPES = ['string', 'number', 'boolean'] as const

/** Which values count; others are as if they were not there. */
type Typed = (typeof TYPES)[number] | 'any'

export const metadataAsked = (dialect: Dialect): Asked => ({
  size(conditions) {
    const size = { conditions: 0, values: 0 }
    for (const condition of conditions as MetadataCondition[]) {
      const { path } = condition
      if (path.length < 1 || path.length > MAX_PATH || path.some((key) => key.length > MAX_KEY))
        throw new BadUserInput(`A path has 1 to ${MAX_PATH} keys of at most ${MAX_KEY} characters.`, ['filter', 'metadata', 'path'])
      // Each key is a step of its own.
      size.conditions += path.length
      for (const value of TYPES.flatMap((type) => Object.values(condition[type] ?? {}))) {
        size.conditions++
        size.values += Array.isArray(value) ? value.length : 1
      }
    }
    return size
  },
  sql: (conditions) =>
    allOf(
      (conditions as MetadataCondition[]).flatMap(({ path, isPresent, ...typed }) => [
        ...TYPES.flatMap((type) => (typed[type] ? [comparedSql(valueSql(dialect, path, type), typed[type], type === 'boolean' ? asNumber : undefined)] : [])),
        ...(isPresent == null ? [] : [Prisma.sql`${valueSql(dialect, path, 'any')} IS ${isPresent ? Prisma.sql`NOT NULL` : Prisma.sql`NULL`}`]),
      ]),
    ),
  test: (conditions, { metadata }) =>
    and(
      (conditions as MetadataCondition[]).flatMap(({ path, isPresent, ...typed }): Truth[] => {
        const held = heldAt(metadata, path)
        return [
          ...TYPES.flatMap((type) => (typed[type] ? [compared(typeof held === type ? held : null, typed[type])] : [])),
          ...(isPresent == null ? [] : [(held !== null) === isPresent]),
        ]
      }),
    ),
})

const asNumber = (value: unknown): number => (value ? 1 : 0)

function heldAt(metadata: unknown, path: readonly string[]): unknown {
  let held = metadata
  for (const key of path) {
    if (typeof held !== 'object' || held === null || Array.isArray(held) || !Object.hasOwn(held, key)) return null
    held = (held as Record<string, unknown>)[key]
  }
  return held ?? null
}

/** Truths are 1 and 0; of `any` only whether it is null is told. */
const valueSql = (dialect: Dialect, path: readonly string[], typed: Typed): Prisma.Sql =>
  dialect === 'postgresql' ? onPostgresql(path, typed) : onSqlite(path, typed)

function onPostgresql(path: readonly string[], typed: Typed): Prisma.Sql {
  const value = path.reduce((sql, key) => Prisma.sql`(${sql} -> ${key}::text)`, Prisma.sql`"metadata"`)
  if (typed === 'any') return Prisma.sql`NULLIF(${value}, 'null'::jsonb)`
  if (typed === 'string') return Prisma.sql`(CASE WHEN jsonb_typeof(${value}) = 'string' THEN (${value} #>> '{}') COLLATE "C" END)`
  if (typed === 'number') return Prisma.sql`(CASE WHEN jsonb_typeof(${value}) = 'number' THEN (${value} #>> '{}')::float8 END)`
  return Prisma.sql`(CASE ${value} WHEN 'true'::jsonb THEN 1 WHEN 'false'::jsonb THEN 0 END)`
}

const WANTED: Record<Typed, string> = {
  any: `"held"."type" <> 'null' THEN 1`,
  string: `"held"."type" = 'text' THEN "held"."atom"`,
  number: `"held"."type" IN ('integer', 'real') THEN "held"."atom"`,
  boolean: `"held"."type" = 'true' THEN 1 WHEN "held"."type" = 'false' THEN 0`,
}

/** Step by step and not by a path of SQLite's, which has no word for keys with quotation marks in them; side by side, for its parser goes only so deep. */
function onSqlite(path: readonly string[], typed: Typed): Prisma.Sql {
  const name = (step: number) => (step === path.length - 1 ? '"held"' : `"step${step}"`)
  const within = (step: number) => (step ? `CASE WHEN ${name(step - 1)}."type" = 'object' THEN ${name(step - 1)}."value" END` : '"metadata"')
  const steps = path.map((_key, step) => `json_each(${within(step)}) AS ${name(step)}`)
  const keys = path.map((key, step) => Prisma.sql`${Prisma.raw(name(step))}."key" = ${key}`)
  return Prisma.sql`(SELECT CASE WHEN ${Prisma.raw(WANTED[typed])} END FROM ${Prisma.raw(steps.join(', '))} WHERE ${Prisma.join(keys, ' AND ')})`
}
