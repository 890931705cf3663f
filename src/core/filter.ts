/**
 * Filters: `{status: {in: [RUNNING]}, createdAt: {gte: …}, and, or, not}`.
 *
 * The same filter is a condition for the database (lists) and a predicate on the values an event carries (live lists), and
 * both must say the same. So the predicate keeps SQL's third answer: a comparison with null is neither true nor false.
 */
import type { Prisma } from '../generated/sqlite/client.ts'
import { BadUserInput } from './errors.ts'
import { idOf } from './ids.ts'

export interface Comparators {
  eq?: unknown
  ne?: unknown
  in?: readonly unknown[] | null
  notIn?: readonly unknown[] | null
  gt?: unknown
  gte?: unknown
  lt?: unknown
  lte?: unknown
  isNull?: boolean | null
}

export type Filter = { [field: string]: unknown } & { and?: readonly Filter[] | null; or?: readonly Filter[] | null; not?: Filter | null }

/** What a filter's field is in the database, and how a given value is written there. */
export interface FilterField {
  column: string
  /** Whether it is never null, which Prisma refuses to be asked. */
  required?: boolean
  write?: (value: unknown) => unknown
  /** Where it is not asked for by comparators. Only `filterSql` and live lists know such fields. */
  asked?: Asked
}

/** A condition of its own kind, which says the same to the database and of values. */
export interface Asked {
  /** How many conditions and values it counts for; what is too large may be refused here. */
  size(condition: unknown): Size
  sql(condition: unknown): Prisma.Sql
  test(condition: unknown, values: Record<string, unknown>): Truth
}

export interface Size {
  conditions: number
  values: number
}

export type FilterFields = Record<string, FilterField>

/** A moment that is never absent. */
export const moment = (column: string): FilterField => ({ column, required: true, write: (value) => BigInt((value as Date).getTime()) })

export const momentOrNull = (column: string): FilterField => ({ ...moment(column), required: false })

/** An id of one type; one of another is nowhere. */
export const idIn = (type: string, column: string): FilterField => ({ column, write: (value) => idOf(type, value as string, ['filter', column]) ?? '' })

const OPERATORS = { eq: 'equals', ne: 'not', in: 'in', notIn: 'notIn', gt: 'gt', gte: 'gte', lt: 'lt', lte: 'lte' } as const
/** Prisma passes over empty lists of conditions, wherever they stand; these it does not. */
const EVERYTHING = { id: { notIn: [] } }
const NOTHING = { id: { in: [] } }
const MAX_DEPTH = 6
/** SQLite takes an expression of 1,000 levels, and a list of conditions is as many levels as it is long. */
const MAX_CONDITIONS = 200
const MAX_VALUES = 1000

/** A `where` for Prisma. */
export function filterWhere(filter: Filter | null | undefined, fields: FilterFields): Record<string, unknown> {
  if (!filter) return {}
  checkSize(filter, fields)
  return where(filter, fields)
}

/** Refuses what is too large, and values that none can be. `within`: what it stands in, where it is no argument by itself. */
export function filterCheck(filter: Filter | null | undefined, fields: FilterFields, within: readonly string[] = []): void {
  if (!filter) return
  try {
    checkSize(filter, fields)
    test(filter, {}, fields)
  } catch (error) {
    throw error instanceof BadUserInput ? new BadUserInput(error.message, [...within, ...(error.inputPath ?? ['filter'])]) : error
  }
}

function where(filter: Filter, fields: FilterFields): Record<string, unknown> {
  const all: Record<string, unknown>[] = []
  for (const [name, condition] of Object.entries(filter)) {
    if (condition === null || condition === undefined) continue
    if (name === 'and') all.push(...(condition as Filter[]).map((part) => where(part, fields)))
    else if (name === 'or') all.push((condition as Filter[]).length ? { OR: (condition as Filter[]).map((part) => where(part, fields)) } : NOTHING)
    else if (name === 'not') all.push({ NOT: where(condition as Filter, fields) })
    else {
      const { column, required, asked, write = (value: unknown) => value } = fields[name]!
      if (asked) throw new Error(`Prisma cannot be asked for ${name}.`)
      for (const [operator, value] of Object.entries(condition as Comparators)) {
        if (value === null || value === undefined) continue
        if (operator === 'isNull' && required) all.push(value ? NOTHING : EVERYTHING)
        else if (operator === 'isNull') all.push(value ? { [column]: null } : { [column]: { not: null } })
        else all.push({ [column]: { [OPERATORS[operator as keyof typeof OPERATORS]]: Array.isArray(value) ? value.map(write) : write(value) } })
      }
    }
  }
  return all.length === 0 ? EVERYTHING : all.length === 1 ? all[0]! : { AND: all }
}

/** Whether `values` (by column, as events carry them) fulfil the filter. */
export function filterMatches(filter: Filter | null | undefined, values: Record<string, unknown>, fields: FilterFields): boolean {
  return !filter || test(filter, values, fields) === true
}

/** True, false, or null where SQL would not know. */
export type Truth = boolean | null
export const and = (truths: Truth[]): Truth => (truths.includes(false) ? false : truths.includes(null) ? null : true)
const or = (truths: Truth[]): Truth => (truths.includes(true) ? true : truths.includes(null) ? null : false)
const not = (truth: Truth): Truth => (truth === null ? null : !truth)

function test(filter: Filter, values: Record<string, unknown>, fields: FilterFields): Truth {
  const truths: Truth[] = []
  for (const [name, condition] of Object.entries(filter)) {
    if (condition === null || condition === undefined) continue
    if (name === 'and') truths.push(and((condition as Filter[]).map((part) => test(part, values, fields))))
    else if (name === 'or') truths.push(or((condition as Filter[]).map((part) => test(part, values, fields))))
    else if (name === 'not') truths.push(not(test(condition as Filter, values, fields)))
    else {
      const { column, write, asked } = fields[name]!
      truths.push(asked ? asked.test(condition, values) : compared(values[column], condition as Comparators, write))
    }
  }
  return and(truths)
}

/** Whether all comparators hold of a value. */
export function compared(value: unknown, comparators: Comparators, write: (value: unknown) => unknown = (given) => given): Truth {
  const actual = comparable(value)
  const truths: Truth[] = []
  for (const [operator, wanted] of Object.entries(comparators)) {
    if (wanted === null || wanted === undefined) continue
    if (operator === 'isNull') truths.push((actual === null) === wanted)
    else if (Array.isArray(wanted))
      truths.push(
        compareList(
          operator,
          actual,
          wanted.map((item) => comparable(write(item))),
        ),
      )
    else {
      // Also where nothing is compared: it refuses what no value can be.
      const written = comparable(write(wanted))
      truths.push(actual === null ? null : compare(operator, actual, written!))
    }
  }
  return and(truths)
}

type Plain = string | number | boolean

const comparable = (value: unknown): Plain | null => {
  if (value === null || value === undefined) return null
  if (value instanceof Date) return value.getTime()
  return typeof value === 'bigint' ? Number(value) : (value as Plain)
}

function compareList(operator: string, actual: Plain | null, list: (Plain | null)[]): Truth {
  // Of an empty list even null knows that it is not in it.
  if (list.length === 0) return operator === 'notIn'
  if (actual === null) return null
  return list.includes(actual) === (operator === 'in')
}

/** Texts by their code points, as the databases do; JavaScript would compare UTF-16. */
function compare(operator: string, a: Plain, b: Plain): boolean {
  const order = typeof a === 'string' && typeof b === 'string' ? Buffer.compare(Buffer.from(a), Buffer.from(b)) : a === b ? 0 : a < b ? -1 : 1
  if (operator === 'eq') return order === 0
  if (operator === 'ne') return order !== 0
  if (operator === 'gt') return order > 0
  if (operator === 'gte') return order >= 0
  if (operator === 'lt') return order < 0
  return order <= 0
}

function checkSize(filter: Filter, fields: FilterFields): void {
  let conditions = 0
  let values = 0
  const visit = (part: Filter, depth: number): void => {
    if (depth > MAX_DEPTH) throw new BadUserInput(`A filter is at most ${MAX_DEPTH} levels deep.`, ['filter'])
    // An empty part is one too: it becomes a condition that always holds.
    conditions++
    for (const [name, condition] of Object.entries(part)) {
      if (!condition) continue
      if (name === 'and' || name === 'or') for (const inner of condition as Filter[]) visit(inner, depth + 1)
      else if (name === 'not') visit(condition as Filter, depth + 1)
      else if (fields[name]!.asked) {
        const size = fields[name]!.asked!.size(condition)
        conditions += size.conditions
        values += size.values
      } else
        for (const value of Object.values(condition)) {
          conditions++
          values += Array.isArray(value) ? value.length : 1
        }
    }
    if (conditions > MAX_CONDITIONS) throw new BadUserInput(`A filter holds at most ${MAX_CONDITIONS} conditions.`, ['filter'])
    if (values > MAX_VALUES) throw new BadUserInput(`A filter holds at most ${MAX_VALUES} values.`, ['filter'])
  }
  visit(filter, 1)
}
