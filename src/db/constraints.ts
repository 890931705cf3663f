/** What a broken constraint means to a user, and which failures pass by themselves. */
import type { DomainError } from '../core/errors.ts'
import { factsOf, type Violation } from './error-facts.ts'

export interface Constraint {
  /** The model, which is the table. */
  model: string
  kind?: Violation['kind']
  /** The columns, in the order of the models; not needed for a check. */
  fields?: readonly string[]
  /** Whether the columns are the primary key; a single `id` always is. */
  primaryKey?: boolean
  /** Its name in the database, where it is not the one Prisma gives. A check has no other. */
  name?: string
}

interface Registered {
  constraint: Constraint
  kind: Violation['kind']
  names: string[]
  meaning: () => DomainError
}

const registered = new Map<string, Registered>()

/** Says what it means that a constraint refused a change. Rooms call it where they define their errors. */
export function registerConstraint(constraint: Constraint, meaning: () => DomainError): void {
  const kind = constraint.kind ?? (constraint.fields ? 'unique' : 'check')
  const entry = { constraint, kind, names: namesOf(constraint, kind), meaning }
  registered.set(entry.names.join(), entry)
}

function namesOf({ model, fields = [], primaryKey, name }: Constraint, kind: Violation['kind']): string[] {
  if (name) return [name]
  if (kind === 'foreignKey') return [`${model}_${fields.join('_')}_fkey`]
  const isPrimary = primaryKey ?? (fields.length === 1 && fields[0] === 'id')
  return isPrimary ? [`${model}_pkey`] : [`${model}_${fields.join('_')}_key`]
}

/** The registered meaning of a constraint's violation; null for every other error, and for constraints nobody registered. */
export function meaningOf(error: unknown): DomainError | null {
  const facts = factsOf(error)
  const violation = facts?.violation
  if (!violation) return null
  const candidates = [...registered.values()].filter(({ kind }) => kind === violation.kind)
  return (matching(candidates, violation, facts.model) ?? null)?.meaning() ?? null
}

function matching(candidates: Registered[], { kind, table, fields, name }: Violation, model?: string): Registered | undefined {
  if (name) return candidates.find(({ names }) => names.includes(name))
  if (fields) {
    const columns = [...fields].sort().join()
    return candidates.find(({ constraint }) => constraint.model === (table ?? model) && [...(constraint.fields ?? [])].sort().join() === columns)
  }
  // SQLite does not say which foreign key was broken: known only where the model has a single one that means anything.
  const ofModel = kind === 'foreignKey' && model ? candidates.filter(({ constraint }) => constraint.model === model) : []
  return ofModel.length === 1 ? ofModel[0] : undefined
}

const SERIALIZATION_FAILURE = '40001'
const DEADLOCK_DETECTED = '40P01'
const LOCK_NOT_AVAILABLE = '55P03'
const TOO_MANY_CONNECTIONS = '53300'
const CANNOT_CONNECT_NOW = '57P03'

/**
 * Whether the same transaction may succeed when it is run again, and certainly did nothing this time. A connection that
 * breaks is not among these: the commit may have happened.
 */
export function isRetryable(error: unknown): boolean {
  const facts = factsOf(error)
  if (!facts) return false
  const { code, prismaCode, message } = facts
  if (code?.startsWith('SQLITE_BUSY') || code?.startsWith('SQLITE_LOCKED')) return true
  if (code && [SERIALIZATION_FAILURE, DEADLOCK_DETECTED, LOCK_NOT_AVAILABLE, TOO_MANY_CONNECTIONS, CANNOT_CONNECT_NOW].includes(code)) return true
  if (prismaCode === 'P2034') return true
  // P2028 is every fault of the transaction API. Only one that never began may be begun again.
  if (prismaCode === 'P2028') return message.includes('Unable to start a transaction')
  return message === 'timeout exceeded when trying to connect'
}

/** Of the network, and of PostgreSQL: no connection, none any more, too many of them, the server stops, the statement took too long. */
const UNREACHABLE = /^(ECONN[A-Z]+|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|08...|53...|57P0\d|57014)$/
const UNREACHABLE_PRISMA = ['P1001', 'P1002', 'P1008', 'P1017', 'P2024']
/** Of the driver, and of Prisma, which have no codes for it. */
const UNREACHABLE_WORDS =
  /Connection terminated|connection error|Server has closed the connection|timeout exceeded when trying to connect|Query read timeout|expired transaction/

/** Whether the database could not be reached, or not in time. What was under way may have happened, or not. */
export function isUnreachable(error: unknown): boolean {
  const facts = factsOf(error)
  if (!facts) return false
  const { code, prismaCode, message } = facts
  return UNREACHABLE.test(code ?? '') || UNREACHABLE_PRISMA.includes(prismaCode ?? '') || UNREACHABLE_WORDS.test(message)
}
