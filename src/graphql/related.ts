/**
 * Lists that hang on an entity (the streams of a task), read for all the entities of a page at once: one statement that
 * takes so many rows for each parent, not all of them and not one statement a parent.
 */
import { queryFromInfo } from '@pothos/plugin-prisma'
import type { GraphQLResolveInfo } from 'graphql'
import { cursorColumns, type OrderTerm, type PageArgs, planPage, toPage } from '../core/page.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { Context } from './context.ts'
import { siblings } from './siblings.ts'

interface Delegate<R> {
  findMany(args: object): Promise<R[]>
  groupBy(args: object): Promise<Record<string, unknown>[]>
}

export interface Related<R> {
  typeName: string
  table: string
  delegate: (ctx: Context) => Delegate<R>
  /** The column that holds the parent's id. */
  parent: string
  order: readonly OrderTerm[]
  args: PageArgs
}

/** One page of what belongs to `parentId`. Siblings that ask the same share one reading. */
export async function readRelated<R extends { id: string }>(ctx: Context, info: GraphQLResolveInfo, parentId: string, related: Related<R>) {
  const plan = planPage(related.args, related.order)
  const { typeName, table, parent, delegate, args } = related
  // The same place in the document with the same arguments is the same selection.
  const key = `${typeName}.${parent}:${info.fieldNodes[0]?.loc?.start}:${JSON.stringify(args)}`
  const rows = ctx.loader(key, () => {
    const query = queryFromInfo({ context: ctx, info, typeName, paths: [['edges', 'node'], ['nodes']], select: { ...cursorColumns(plan) } as never }) as {
      select?: object
    }
    return siblings<R[]>(async (parentIds) => {
      const direction = (way: string) => Prisma.raw(way === 'asc' ? 'ASC' : 'DESC')
      const orderBy = Prisma.join(
        plan.orderBy.flatMap((term) => Object.entries(term).map(([column, way]) => Prisma.sql`${Prisma.raw(`"${column}"`)} ${direction(way)}`)),
      )
      const name = Prisma.raw(`"${table}"`)
      const column = Prisma.raw(`"${parent}"`)
      const bound = boundSql(plan.where)
      const each = parentIds.map(
        (id) => Prisma.sql`SELECT * FROM (SELECT "id" FROM ${name} WHERE ${column} = ${id} AND ${bound} ORDER BY ${orderBy} LIMIT ${plan.take}) AS "part"`,
      )
      const ids = await ctx.app.store.database.rows<{ id: string }>(Prisma.join(each, ' UNION ALL '))
      const found = ids.length
        ? await delegate(ctx).findMany({
            ...query,
            ...(query.select && { select: { ...query.select, [parent]: true } }),
            where: { id: { in: ids.map((row) => row.id) } },
            orderBy: plan.orderBy,
          })
        : []
      return parentIds.map((id) => found.filter((row) => (row as Record<string, unknown>)[parent] === id))
    })
  })
  const counts = ctx.loader(`${typeName}.${parent}:count`, () => {
    return siblings<number>(async (parentIds) => {
      const groups = await delegate(ctx).groupBy({ by: [parent], where: { [parent]: { in: [...parentIds] } }, _count: { _all: true } })
      const byParent = new Map(groups.map((group) => [group[parent], (group._count as { _all: number })._all]))
      return parentIds.map((id) => byParent.get(id) ?? 0)
    })
  })
  return { ...toPage(await rows.load(parentId), plan, args), totalCount: () => counts.load(parentId) }
}

/** The bounds of a page (made by `planPage`, of columns and values only) as SQL. */
function boundSql(where: object): Prisma.Sql {
  const parts = Object.entries(where).map(([name, value]) => {
    if (name === 'AND' || name === 'OR') return Prisma.sql`(${Prisma.join((value as object[]).map(boundSql), ` ${name} `)})`
    const column = Prisma.raw(`"${name}"`)
    if (value === null || typeof value !== 'object') return Prisma.sql`${column} = ${value}`
    const [operator, bound] = Object.entries(value)[0]!
    return Prisma.sql`${column} ${Prisma.raw({ gt: '>', gte: '>=', lt: '<', lte: '<=' }[operator]!)} ${bound}`
  })
  return parts.length ? Prisma.join(parts, ' AND ') : Prisma.sql`1 = 1`
}
