/** A filter as SQL: the same condition as `filterWhere` gives Prisma, for statements that Prisma cannot say. */
import type { Comparators, Filter, FilterFields } from '../core/filter.ts'
import { Prisma } from '../generated/sqlite/client.ts'

const OPERATORS = { eq: '=', ne: '<>', gt: '>', gte: '>=', lt: '<', lte: '<=' } as const
const EVERYTHING = Prisma.sql`1 = 1`
export const NOTHING = Prisma.sql`1 = 0`

/** Its size is the caller's to check, by `filterWhere` or `filterCheck`. The columns stand there by their names alone. */
export function filterSql(filter: Filter | null | undefined, fields: FilterFields): Prisma.Sql {
  const all: Prisma.Sql[] = []
  for (const [name, condition] of Object.entries(filter ?? {})) {
    if (condition === null || condition === undefined) continue
    if (name === 'and') all.push(...(condition as Filter[]).map((part) => filterSql(part, fields)))
    else if (name === 'or') all.push(either((condition as Filter[]).map((part) => filterSql(part, fields))))
    else if (name === 'not') all.push(not(filterSql(condition as Filter, fields)))
    else {
      const { column, write, asked } = fields[name]!
      all.push(asked ? asked.sql(condition) : comparedSql(Prisma.raw(`"${column}"`), condition as Comparators, write))
    }
  }
  return allOf(all)
}

/** Whether all comparators hold of what an expression gives. */
export function comparedSql(expression: Prisma.Sql, comparators: Comparators, write: (value: unknown) => unknown = (given) => given): Prisma.Sql {
  const all: Prisma.Sql[] = []
  for (const [operator, value] of Object.entries(comparators)) {
    if (value === null || value === undefined) continue
    if (operator === 'isNull') all.push(value ? Prisma.sql`${expression} IS NULL` : Prisma.sql`${expression} IS NOT NULL`)
    else if (Array.isArray(value)) all.push(among(expression, operator === 'in', value.map(write)))
    else all.push(Prisma.sql`${expression} ${Prisma.raw(OPERATORS[operator as keyof typeof OPERATORS])} ${write(value)}`)
  }
  return allOf(all)
}

export const allOf = (all: readonly Prisma.Sql[]): Prisma.Sql => (all.length ? Prisma.sql`(${Prisma.join([...all], ' AND ')})` : EVERYTHING)

export const not = (condition: Prisma.Sql): Prisma.Sql => Prisma.sql`NOT ${condition}`

const either = (parts: Prisma.Sql[]): Prisma.Sql => (parts.length ? Prisma.sql`(${Prisma.join(parts, ' OR ')})` : NOTHING)

/** SQL knows no empty lists. In one there is nothing, not even what is absent. */
function among(column: Prisma.Sql, isIn: boolean, values: unknown[]): Prisma.Sql {
  if (!values.length) return isIn ? NOTHING : EVERYTHING
  return Prisma.sql`${column} ${Prisma.raw(isIn ? 'IN' : 'NOT IN')} (${Prisma.join(values)})`
}
