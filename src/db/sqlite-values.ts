/**
 * Values on their way into and out of SQLite.
 *
 * libsql is delicate about what it binds: a boolean aborts the whole process, `undefined` and NaN become NULL without a
 * word, and every JavaScript number is bound as a float (so that 7 / 2 would be 3.5). So nothing reaches it unchecked.
 */
import { type ArgScalarType, type ColumnType, ColumnTypeEnum as Type } from '@prisma/driver-adapter-utils'

export type Bound = null | string | number | bigint | Uint8Array
/** What libsql returns, with safe integers on. */
export type Stored = null | string | number | bigint | Uint8Array

/** Makes one value fit to be bound; `as` is what Prisma says it is. */
export function bind(value: unknown, as: ArgScalarType = 'unknown'): Bound {
  if (value === null || typeof value === 'bigint') return value
  if (typeof value === 'boolean') return value ? 1n : 0n
  if (typeof value === 'number') {
    if (Number.isNaN(value)) throw new TypeError('NaN cannot be stored in SQLite.')
    return Number.isSafeInteger(value) && as !== 'float' && as !== 'decimal' ? BigInt(value) : value
  }
  if (typeof value === 'string') return bindString(value, as)
  if (value instanceof Date) return isoUtc(value)
  if (value instanceof Uint8Array) return value
  throw new TypeError(`A value of type ${value === undefined ? 'undefined' : (value as object).constructor?.name} cannot be bound in SQLite.`)
}

function bindString(value: string, as: ArgScalarType): Bound {
  switch (as) {
    case 'int':
    case 'bigint':
      return BigInt(value)
    case 'float':
    case 'decimal':
      return Number.parseFloat(value)
    case 'datetime':
      return isoUtc(new Date(value))
    case 'bytes':
      return Buffer.from(value, 'base64')
    default:
      return value
  }
}

/** The form Prisma itself writes on SQLite; texts of one form compare in the order of time. */
const isoUtc = (date: Date): string => date.toISOString().replace('Z', '+00:00')

const DECLARED: Record<string, ColumnType> = {
  INT: Type.Int32,
  INTEGER: Type.Int32,
  BIGINT: Type.Int64,
  REAL: Type.Double,
  FLOAT: Type.Double,
  DOUBLE: Type.Double,
  DECIMAL: Type.Numeric,
  BOOLEAN: Type.Boolean,
  DATETIME: Type.DateTime,
  JSONB: Type.Json,
  BLOB: Type.Bytes,
  TEXT: Type.Text,
}

/** The type a column was declared with; an expression has none. */
export const declaredType = (declaration: string | null): ColumnType | undefined =>
  declaration ? DECLARED[declaration.toUpperCase().replace(/\(.*/, '').trim()] : undefined

/**
 * The type of an expression's column, out of its values. All rows are looked at: the first may hold 1 and the next 1.5.
 * Whole numbers are Int64 even where they are small, so that `count(*)` gives a bigint here as on PostgreSQL.
 */
export function inferredType(rows: Stored[][], column: number): ColumnType {
  let type: ColumnType = Type.Int32
  for (const row of rows) {
    const value = row[column]
    if (typeof value === 'number') return Type.Double
    if (typeof value === 'bigint') type = Type.Int64
    else if (typeof value === 'string') return Type.Text
    else if (value instanceof Uint8Array) return Type.Bytes
  }
  return type
}

/** A stored value as Prisma's engine expects it for a column of this type. */
export function toPrisma(value: Stored, type: ColumnType): null | string | number | Uint8Array {
  if (typeof value === 'bigint') {
    if (type === Type.DateTime) return new Date(Number(value)).toISOString()
    // A JSONB column has numeric affinity: a JSON text that is only a number is kept as that number.
    if (type === Type.Json) return value.toString()
    const number = Number(value)
    return Number.isSafeInteger(number) ? number : value.toString()
  }
  if (typeof value === 'number') {
    if (type === Type.DateTime) return new Date(value).toISOString()
    if (type === Type.Json) return JSON.stringify(value)
    if (type === Type.Int32 || type === Type.Int64) return Math.trunc(value)
  }
  return value
}

/** A stored value for readers that go past Prisma: numbers where they are exact, JSON parsed, truth as boolean. */
export function toPlain(value: Stored, type: ColumnType | undefined): unknown {
  if (typeof value === 'bigint') {
    if (type === Type.Boolean) return value !== 0n
    const number = Number(value)
    return Number.isSafeInteger(number) ? number : value
  }
  if (typeof value === 'string' && type === Type.Json) return JSON.parse(value)
  return value
}
