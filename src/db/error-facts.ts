/** What a database's error says, out of the several wrappings in which Prisma and the drivers deliver it. */
import { type DriverAdapterError, isDriverAdapterError, type MappedError } from '@prisma/driver-adapter-utils'

export interface ErrorFacts {
  /** Prisma's code: P2002, P2028, … */
  prismaCode?: string
  /** The database's own: an SQLSTATE, or SQLITE_…. */
  code?: string
  message: string
  /** The model of the Prisma call that failed; raw statements have none. */
  model?: string
  violation?: Violation
}

/** A broken constraint, as far as the database says: PostgreSQL gives its name, SQLite the columns, and for foreign keys nothing. */
export interface Violation {
  kind: 'unique' | 'foreignKey' | 'check'
  table?: string
  fields?: string[]
  name?: string
}

type Mapped = MappedError & { originalCode?: string; originalMessage?: string }

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

export function factsOf(error: unknown): ErrorFacts | null {
  if (!(error instanceof Error)) return null
  const outer: Record<string, unknown> = { ...error }
  const meta = isRecord(outer.meta) ? outer.meta : {}
  const inner = [error, meta.driverAdapterError].find((candidate) => isRecord(candidate) && isDriverAdapterError(candidate)) as DriverAdapterError | undefined
  if (inner) {
    const cause = inner.cause as Mapped
    const message = cause.originalMessage ?? error.message
    return {
      prismaCode: inner === error ? undefined : text(outer.code),
      code: cause.originalCode,
      message,
      model: text(meta.modelName),
      violation: violationOf(cause, cause.originalCode, message),
    }
  }
  const code = text(outer.code)
  if (code && /^P\d{4}$/.test(code)) return { prismaCode: code, message: error.message }
  if (!code) return { message: error.message }
  return { code, message: error.message, violation: postgresViolation(code, outer) }
}

function violationOf(cause: Mapped, code: string | undefined, message: string): Violation | undefined {
  switch (cause.kind) {
    case 'UniqueConstraintViolation':
      return { kind: 'unique', table: cause.table, ...named(cause.constraint) }
    case 'ForeignKeyConstraintViolation':
    case 'RestrictViolation':
      return { kind: 'foreignKey', ...named(cause.constraint) }
    case 'postgres':
      if (code === '23514') return { kind: 'check', name: /violates check constraint "(.+?)"/.exec(message)?.[1] }
      return undefined
    case 'sqlite':
      // Our triggers raise `constraint <name>`: see prisma/sqlite/extra.sql.
      if (code === 'SQLITE_CONSTRAINT_TRIGGER') return { kind: 'check', name: /^constraint (\S+)/.exec(message)?.[1] }
      return undefined
  }
}

function named(constraint: { fields: string[] } | { index: string } | { foreignKey: object } | undefined): Pick<Violation, 'fields' | 'name'> {
  if (!constraint) return {}
  if ('fields' in constraint) return { fields: constraint.fields }
  return 'index' in constraint ? { name: constraint.index } : {}
}

/** An error of the `pg` driver itself, which nobody has wrapped. */
function postgresViolation(code: string, error: Record<string, unknown>): Violation | undefined {
  const kind = ({ '23505': 'unique', '23503': 'foreignKey', '23001': 'foreignKey', '23514': 'check' } as const)[code]
  return kind && { kind, table: text(error.table), name: text(error.constraint) }
}
