/** Turns what libsql throws into the errors Prisma knows, with the original code and message kept inside. */
import { DriverAdapterError, type MappedError } from '@prisma/driver-adapter-utils'

interface SqliteError {
  code: string
  rawCode?: number
  message: string
}

const BUSY = 5
const CONSTRAINT_FOREIGNKEY = 787
const CONSTRAINT_NOTNULL = 1299
const CONSTRAINT_PRIMARYKEY = 1555
const CONSTRAINT_TRIGGER = 1811
const CONSTRAINT_UNIQUE = 2067

const isSqliteError = (error: unknown): error is SqliteError => error instanceof Error && 'code' in error && typeof error.code === 'string'

/** Another process holds the file; the same statement may succeed later. The low byte is the code, the rest says which way it was busy. */
export const isBusy = (error: unknown): boolean =>
  error instanceof DriverAdapterError ? error.cause.originalCode?.startsWith('SQLITE_BUSY') === true : isSqliteError(error) && isBusyCode(error)

const isBusyCode = (error: SqliteError): boolean => ((error.rawCode ?? 0) & 255) === BUSY

/** `UNIQUE constraint failed: User.email, User.role` or, of an index on an expression, `… failed: index 'User_lower_email'`. */
function violated(message: string): { table?: string; constraint?: { fields: string[] } | { index: string } } {
  const what = message.split('constraint failed: ')[1]
  if (!what) return {}
  const index = /^index '(.+)'$/.exec(what)?.[1]
  if (index) return { constraint: { index } }
  const columns = what.split(', ')
  return { table: columns[0]!.split('.')[0]!, constraint: { fields: columns.map((column) => column.slice(column.indexOf('.') + 1)) } }
}

function mapped(error: SqliteError): MappedError {
  const { message } = error
  switch (error.rawCode) {
    case CONSTRAINT_UNIQUE:
    case CONSTRAINT_PRIMARYKEY:
      return { kind: 'UniqueConstraintViolation', ...violated(message) }
    case CONSTRAINT_NOTNULL:
      return { kind: 'NullConstraintViolation', constraint: violated(message).constraint }
    case CONSTRAINT_FOREIGNKEY:
      return { kind: 'ForeignKeyConstraintViolation', constraint: { foreignKey: {} } }
    case CONSTRAINT_TRIGGER:
      // ON DELETE RESTRICT is a trigger inside SQLite; every other one is ours, and its message names the constraint.
      if (message.startsWith('FOREIGN KEY')) return { kind: 'ForeignKeyConstraintViolation', constraint: { foreignKey: {} } }
  }
  if (isBusyCode(error)) return { kind: 'SocketTimeout' }
  if (message.startsWith('no such table')) return { kind: 'TableDoesNotExist', table: message.split(': ')[1] }
  if (message.startsWith('no such column')) return { kind: 'ColumnNotFound', column: message.split(': ')[1] }
  return { kind: 'sqlite', extendedCode: error.rawCode ?? 1, message }
}

/** What SQLite said becomes a `DriverAdapterError`; anything else is passed on as it is. */
export function asAdapterError(error: unknown): unknown {
  if (error instanceof DriverAdapterError || !isSqliteError(error)) return error
  const adapterError = new DriverAdapterError({ originalCode: error.code, originalMessage: error.message, ...mapped(error) })
  // By itself it would only say the kind.
  adapterError.message = error.message
  return adapterError
}
