/** What documents can be filtered by, as SQL on `"document"`. Comparisons with what is absent are neither true nor false, as everywhere. */
import { BadUserInput } from '../core/errors.ts'
import type { Comparators } from '../core/filter.ts'
import { filterSql } from '../db/filter-sql.ts'
import type { Dialect } from '../db/sql.ts'
import { truth } from '../db/statement-values.ts'
import { Prisma } from '../generated/sqlite/client.ts'

export interface MetadataCondition {
  path: readonly string[]
  string?: Comparators | null
  number?: Comparators | null
  boolean?: Comparators | null
  isPresent?: boolean | null
}

export interface TagsCondition {
  any?: readonly string[] | null
  all?: readonly string[] | null
  none?: readonly string[] | null
}

export interface DocumentFilter {
  collectionId?: Comparators | null
  externalId?: Comparators | null
  title?: Comparators | null
  createdAt?: Comparators | null
  updatedAt?: Comparators | null
  tags?: TagsCondition | null
  metadata?: readonly MetadataCondition[] | null
  and?: readonly DocumentFilter[] | null
  or?: readonly DocumentFilter[] | null
  not?: DocumentFilter | null
}

const MAX_DEPTH = 6
const MAX_CONDITIONS = 100
const MAX_VALUES = 1000
const MAX_PATH = 8
const MAX_KEY = 200

export function documentWhere(dialect: Dialect, filter: DocumentFilter | null | undefined, path = ['input', 'filter']): Prisma.Sql {
  if (!filter) return EVERYTHING
  checkSize(filter, path)
  return where(dialect, filter)
}

const EVERYTHING = Prisma.sql`1 = 1`
const NOTHING = Prisma.sql`1 = 0`
const all = (parts: readonly Prisma.Sql[]) => (parts.length ? Prisma.sql`(${Prisma.join([...parts], ' AND ')})` : EVERYTHING)
const any = (parts: readonly Prisma.Sql[]) => (parts.length ? Prisma.sql`(${Prisma.join([...parts], ' OR ')})` : NOTHING)

const moment = (column: string) => ({ column, write: (value: unknown) => BigInt((value as Date).getTime()) })
const FIELDS = {
  collectionId: { column: 'collectionId', write: (value: unknown) => String(value).replace(/^SearchCollection:/, '') },
  externalId: { column: 'externalId' },
  title: { column: 'title' },
  createdAt: moment('createdAtMs'),
  updatedAt: moment('updatedAtMs'),
}

function where(dialect: Dialect, { and, or, not, tags, metadata, ...fields }: DocumentFilter): Prisma.Sql {
  return all([
    filterSql(fields, FIELDS),
    ...(and ?? []).map((part) => where(dialect, part)),
    ...(or ? [any(or.map((part) => where(dialect, part)))] : []),
    ...(not ? [Prisma.sql`NOT ${where(dialect, not)}`] : []),
    ...(tags ? [tagged(tags)] : []),
    ...(metadata ?? []).map((condition) => ofMetadata(dialect, condition)),
  ])
}

const hasTag = (tags: readonly string[]): Prisma.Sql =>
  tags.length
    ? Prisma.sql`EXISTS (SELECT 1 FROM "SearchTag" AS "tag" WHERE "tag"."documentId" = "document"."id" AND "tag"."tag" IN (${Prisma.join([...tags])}))`
    : NOTHING

const tagged = ({ any: some, all: every, none }: TagsCondition): Prisma.Sql =>
  all([...(some ? [hasTag(some)] : []), ...(every ?? []).map((tag) => hasTag([tag])), ...(none?.length ? [Prisma.sql`NOT ${hasTag(none)}`] : [])])

function ofMetadata(dialect: Dialect, { path, string, number, boolean, isPresent }: MetadataCondition): Prisma.Sql {
  if (!path.length || path.length > MAX_PATH || path.some((key) => !key || key.length > MAX_KEY || key.includes('"') || key.includes('\\')))
    throw new BadUserInput(`A path has 1 to ${MAX_PATH} keys of 1 to ${MAX_KEY} characters, without quotation marks and backslashes.`, [
      'input',
      'filter',
      'metadata',
      'path',
    ])
  const { text, float, truthy, present } = dialect === 'sqlite' ? sqliteValues(path) : postgresqlValues(path)
  return all([
    ...(string ? [compared(text, string, String)] : []),
    ...(number ? [compared(float, number, Number)] : []),
    ...(boolean ? [compared(truthy, boolean, (value) => truth(value === true))] : []),
    ...(isPresent === true ? [present] : isPresent === false ? [Prisma.sql`NOT (${present})`] : []),
  ])
}

/** A value as each of its types, null where it is of another; and whether there is one at all. */
interface Values {
  text: Prisma.Sql
  float: Prisma.Sql
  truthy: Prisma.Sql
  present: Prisma.Sql
}

function sqliteValues(path: readonly string[]): Values {
  const at = `$${path.map((key) => `."${key}"`).join('')}`
  const type = Prisma.sql`json_type("document"."metadata", ${at})`
  const value = Prisma.sql`json_extract("document"."metadata", ${at})`
  return {
    text: Prisma.sql`CASE WHEN ${type} = 'text' THEN ${value} END`,
    float: Prisma.sql`CASE WHEN ${type} IN ('integer', 'real') THEN ${value} END`,
    truthy: Prisma.sql`CASE WHEN ${type} IN ('true', 'false') THEN ${value} END`,
    present: Prisma.sql`COALESCE(${type}, 'null') <> 'null'`,
  }
}

function postgresqlValues(path: readonly string[]): Values {
  const value = Prisma.join([Prisma.sql`"document"."metadata"`, ...path.map((key) => Prisma.sql`CAST(${key} AS TEXT)`)], ' -> ')
  const text = Prisma.sql`(${value}) #>> '{}'`
  const as = (type: string, result: Prisma.Sql) => Prisma.sql`CASE WHEN jsonb_typeof(${value}) = ${Prisma.raw(`'${type}'`)} THEN ${result} END`
  return {
    text: as('string', Prisma.sql`(${text}) COLLATE "C"`),
    float: as('number', Prisma.sql`CAST(${text} AS FLOAT8)`),
    truthy: as('boolean', Prisma.sql`CAST(${text} AS BOOLEAN)`),
    present: Prisma.sql`COALESCE(jsonb_typeof(${value}), 'null') <> 'null'`,
  }
}

const OPERATORS = { eq: '=', ne: '<>', gt: '>', gte: '>=', lt: '<', lte: '<=' } as const

function compared(value: Prisma.Sql, comparators: Comparators, write: (given: unknown) => unknown): Prisma.Sql {
  return all(
    Object.entries(comparators).flatMap(([operator, given]) => {
      if (given === null || given === undefined) return []
      if (operator === 'isNull') return [given ? Prisma.sql`(${value}) IS NULL` : Prisma.sql`(${value}) IS NOT NULL`]
      if (!Array.isArray(given)) return [Prisma.sql`(${value}) ${Prisma.raw(OPERATORS[operator as keyof typeof OPERATORS])} ${write(given)}`]
      if (!given.length) return [operator === 'in' ? NOTHING : EVERYTHING]
      return [Prisma.sql`(${value}) ${Prisma.raw(operator === 'in' ? 'IN' : 'NOT IN')} (${Prisma.join(given.map(write))})`]
    }),
  )
}

function checkSize(filter: DocumentFilter, path: string[]): void {
  let conditions = 0
  let values = 0
  const count = (part: object): void => {
    for (const value of Object.values(part)) {
      if (value === null || value === undefined) continue
      conditions++
      values += Array.isArray(value) ? value.length : 1
    }
  }
  const visit = ({ and, or, not, metadata, ...fields }: DocumentFilter, depth: number): void => {
    if (depth > MAX_DEPTH) throw new BadUserInput(`A filter is at most ${MAX_DEPTH} levels deep.`, path)
    conditions++
    for (const part of Object.values(fields)) if (part) count(part)
    for (const { path: _keys, ...condition } of metadata ?? []) for (const part of Object.values(condition)) if (part && typeof part === 'object') count(part)
    conditions += metadata?.length ?? 0
    for (const inner of [...(and ?? []), ...(or ?? []), ...(not ? [not] : [])]) visit(inner, depth + 1)
    if (conditions > MAX_CONDITIONS) throw new BadUserInput(`A filter holds at most ${MAX_CONDITIONS} conditions.`, path)
    if (values > MAX_VALUES) throw new BadUserInput(`A filter holds at most ${MAX_VALUES} values.`, path)
  }
  visit(filter, 1)
}
