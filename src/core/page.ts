/**
 * Pages of a list, by keyset: a cursor holds the values that the last row was ordered by, with its id as tie-break, so a
 * page costs the same wherever it lies, and rows that come or go elsewhere neither repeat nor hide any.
 */
import { BadUserInput } from './errors.ts'

export const DEFAULT_PAGE = 50
export const MAX_PAGE = 100

export interface PageArgs {
  first?: number | null | undefined
  last?: number | null | undefined
  after?: string | null | undefined
  before?: string | null | undefined
}

export type Direction = 'ASC' | 'DESC'

/** One column of an order; it must never be null. */
export interface OrderTerm {
  column: string
  kind: 'bigint' | 'integer' | 'string'
  direction: Direction
}

type Value = bigint | number | string
type Row = Record<string, unknown>

export interface PagePlan {
  /** To be added to the list's own condition with AND. */
  where: Row
  orderBy: Record<string, 'asc' | 'desc'>[]
  /** One more than the page holds, to know whether there is more. */
  take: number
  terms: OrderTerm[]
  /** Which end is read first. */
  backwards: boolean
  limit: number
}

/** The number of rows asked for: 50 unless given, 1 to 100. */
export function pageLimit(args: PageArgs): number {
  const both = args.first != null && args.last != null
  if (both) throw new BadUserInput('Give first or last, not both.', ['first'])
  const [name, count] = args.last != null ? ['last', args.last] : ['first', args.first ?? DEFAULT_PAGE]
  if (count < 1 || count > MAX_PAGE) throw new BadUserInput(`${name} must be from 1 to ${MAX_PAGE}.`, [name])
  return count
}

/** What to read for a page of rows ordered by `order` and then by id. */
export function planPage(args: PageArgs, order: readonly OrderTerm[]): PagePlan {
  const limit = pageLimit(args)
  const backwards = args.last != null
  const terms: OrderTerm[] = [...order.filter((term, i) => order.findIndex((other) => other.column === term.column) === i)]
  if (!terms.some((term) => term.column === 'id')) terms.push({ column: 'id', kind: 'string', direction: terms[terms.length - 1]?.direction ?? 'ASC' })
  const bounds: Row[] = []
  if (args.after) bounds.push(beyond(terms, decodeCursor(args.after, terms, 'after'), false))
  if (args.before) bounds.push(beyond(terms, decodeCursor(args.before, terms, 'before'), true))
  return {
    where: bounds.length ? { AND: bounds } : {},
    orderBy: terms.map((term) => ({ [term.column]: (term.direction === 'ASC') !== backwards ? 'asc' : 'desc' })),
    take: limit + 1,
    terms,
    backwards,
    limit,
  }
}

/** The columns a row must have been read with, for its cursor. */
export const cursorColumns = (plan: Pick<PagePlan, 'terms'>): Record<string, true> => Object.fromEntries(plan.terms.map((term) => [term.column, true]))

/** Rows beyond a place: (a > x) or (a = x and b > y) …; the leading bound lets an index on the first column begin there. */
function beyond(terms: OrderTerm[], values: Value[], before: boolean): Row {
  const past = (term: OrderTerm) => ((term.direction === 'ASC') !== before ? 'gt' : 'lt')
  const steps = terms.map((term, i) => ({
    AND: [...terms.slice(0, i).map((t, j) => ({ [t.column]: values[j] })), { [term.column]: { [past(term)]: values[i] } }],
  }))
  return { AND: [{ [terms[0]!.column]: { [`${past(terms[0]!)}e`]: values[0] } }, { OR: steps }] }
}

export function encodeCursor(terms: readonly OrderTerm[], row: Row): string {
  const order = terms.map((term) => `${term.direction === 'ASC' ? '+' : '-'}${term.column}`).join()
  return Buffer.from(
    JSON.stringify([order, ...terms.map((term) => (typeof row[term.column] === 'number' ? row[term.column] : String(row[term.column])))]),
  ).toString('base64url')
}

/** The values that a cursor holds, one for each term. */
export function decodeCursor(cursor: string, terms: readonly OrderTerm[], path: string): Value[] {
  const wrong = () => new BadUserInput('This is not a cursor of this list in this order.', [path])
  let parts: unknown
  try {
    parts = cursor.length <= 2000 ? JSON.parse(Buffer.from(cursor, 'base64url').toString()) : null
  } catch {
    throw wrong()
  }
  const order = terms.map((term) => `${term.direction === 'ASC' ? '+' : '-'}${term.column}`).join()
  if (!Array.isArray(parts) || parts.length !== terms.length + 1 || parts[0] !== order) throw wrong()
  return terms.map((term, i) => {
    const value: unknown = parts[i + 1]
    if (term.kind === 'bigint' && typeof value === 'string' && /^-?\d{1,18}$/.test(value)) return BigInt(value)
    if (term.kind === 'integer' && Number.isInteger(value) && Math.abs(value as number) < 2 ** 31) return value as number
    if (term.kind === 'string' && typeof value === 'string' && !value.includes('\u0000')) return value
    throw wrong()
  })
}

export interface Page<R> {
  edges: { cursor: string; node: R }[]
  pageInfo: { hasNextPage: boolean; hasPreviousPage: boolean; startCursor: string | null; endCursor: string | null }
}

/** The page made of the rows that `plan` read. */
export function toPage<R extends object>(rows: readonly R[], plan: PagePlan, args: PageArgs): Page<R> {
  const more = rows.length > plan.limit
  const kept = rows.slice(0, plan.limit)
  if (plan.backwards) kept.reverse()
  const edges = kept.map((node) => ({ cursor: encodeCursor(plan.terms, node as Row), node }))
  return {
    edges,
    pageInfo: {
      hasNextPage: plan.backwards ? args.before != null : more,
      hasPreviousPage: plan.backwards ? more : args.after != null,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: edges[edges.length - 1]?.cursor ?? null,
    },
  }
}
