/**
 * Lists that hang on an entity (the streams of a task), read for all the entities of a page at once: one statement that
 * takes so many rows for each parent, not all of them and not one statement a parent.
 */
import { queryFromInfo } from '@pothos/plugin-prisma'
import type { GraphQLResolveInfo } from 'graphql'
import { ownedBy } from '../core/actor.ts'
import { cursorColumns, type OrderTerm, type PageArgs, planPage, toPage } from '../core/page.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { Context } from './context.ts'
import { siblings } from './siblings.ts'

interface Delegate<R> {
  findMany(args: object): Promise<R[]>
}

export interface Related<R> {
  typeName: string
  table: string
  delegate: (ctx: Context) => Delegate<R>
  /** The column that holds the parent's id: of the table, or of the one that links the two. */
  parent: string
  /** Where another table says what belongs together: its name, and its column with the ids of this one. Only what the actor sees is shown. */
  link?: { table: string; column: string }
  /** Where a column alone does not say what belongs to a parent: the rows that do, as SQL. */
  belongs?: (parentId: string) => Prisma.Sql
  order: readonly OrderTerm[]
  args: PageArgs
}

/** One page of what belongs to `parentId`. Siblings that ask the same share one reading. */
export async function readRelated<R extends { id: string }>(ctx: Context, info: GraphQLResolveInfo, parentId: string, related: Related<R>) {
  const plan = planPage(related.args, related.order)
  const { typeName, table, parent, delegate, args, link } = related
  const name = Prisma.raw(`"${table}"`)
  const column = Prisma.raw(`"${parent}"`)
  const { ownerId } = ownedBy(ctx.actor)
  const belongs = (parentIds: readonly string[]) => {
    if (related.belongs) return related.belongs(parentIds[0]!)
    const of = parentIds.length === 1 ? Prisma.sql`${column} = ${parentIds[0]}` : Prisma.sql`${column} IN (${Prisma.join([...parentIds])})`
    if (!link) return of
    const linked = Prisma.sql`"id" IN (SELECT ${Prisma.raw(`"${link.column}"`)} FROM ${Prisma.raw(`"${link.table}"`)} WHERE ${of})`
    return ownerId === undefined ? linked : Prisma.sql`${linked} AND "ownerId" = ${ownerId}`
  }
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
      const bound = boundSql(plan.where)
      const each = parentIds.map(
        (id) =>
          Prisma.sql`SELECT * FROM (SELECT "id", CAST(${id} AS TEXT) AS "of" FROM ${name} WHERE ${belongs([id])} AND ${bound} ORDER BY ${orderBy} LIMIT ${plan.take}) AS "part"`,
      )
      const ids = await ctx.app.store.database.rows<{ id: string; of: string }>(Prisma.join(each, ' UNION ALL '))
      const found = ids.length
        ? await delegate(ctx).findMany({
            ...query,
            ...(query.select && { select: { ...query.select, id: true } }),
            where: { id: { in: [...new Set(ids.map((row) => row.id))] } },
            orderBy: plan.orderBy,
          })
        : []
      const ofParent = new Map<string, Set<string>>(parentIds.map((id) => [id, new Set()]))
      for (const row of ids) ofParent.get(row.of)!.add(row.id)
      return parentIds.map((id) => found.filter((row) => ofParent.get(id)!.has(row.id)))
    })
  })
  const grouped = (parentIds: readonly string[]) =>
    Prisma.sql`SELECT ${column} AS "of", COUNT(*) AS "count" FROM ${name} WHERE ${belongs(parentIds)} GROUP BY ${column}`
  const counts = ctx.loader(`${typeName}.${parent}:count`, () => {
    return siblings<number>(async (parentIds) => {
      const each = parentIds.map((id) => Prisma.sql`SELECT CAST(${id} AS TEXT) AS "of", COUNT(*) AS "count" FROM ${name} WHERE ${belongs([id])}`)
      const rows = await ctx.app.store.database.rows<{ of: string; count: number }>(
        link || related.belongs ? Prisma.join(each, ' UNION ALL ') : grouped(parentIds),
      )
      const byParent = new Map(rows.map((row) => [row.of, Number(row.count)]))
      return parentIds.map((id) => byParent.get(id) ?? 0)
    })
  })
  return { ...toPage(await rows.load(parentId), plan, args), totalCount: () => counts.load(parentId) }
}

/** The bounds of a page (made by `planPage`, of columns and values only) as SQL. */
export function boundSql(where: object): Prisma.Sql {
  const parts = Object.entries(where).map(([name, value]) => {
    if (name === 'AND' || name === 'OR') return Prisma.sql`(${Prisma.join((value as object[]).map(boundSql), ` ${name} `)})`
    const column = Prisma.raw(`"${name}"`)
    if (value === null || typeof value !== 'object') return Prisma.sql`${column} = ${value}`
    const [operator, bound] = Object.entries(value)[0]!
    return Prisma.sql`${column} ${Prisma.raw({ gt: '>', gte: '>=', lt: '<', lte: '<=' }[operator]!)} ${bound}`
  })
  return parts.length ? Prisma.join(parts, ' AND ') : Prisma.sql`1 = 1`
}
