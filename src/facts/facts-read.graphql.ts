import { queryFromInfo } from '@pothos/plugin-prisma'
import type { GraphQLResolveInfo } from 'graphql'
import { ownedBy } from '../core/actor.ts'
import { type Filter, filterCheck } from '../core/filter.ts'
import { cursorColumns, type OrderTerm, type PageArgs, planPage, toPage } from '../core/page.ts'
import { filterSql } from '../db/filter-sql.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { Context } from '../graphql/context.ts'
import { filterOwn } from '../graphql/filter-own.ts'
import { boundSql } from '../graphql/related.ts'
import { factFilterFields } from './fact-filter.ts'

/** One page of the actor's facts: which they are is asked in SQL, for Prisma has no words for it, and then what they hold. */
export async function readFacts(
  ctx: Context,
  info: GraphQLResolveInfo,
  { filter: given, order, args }: { filter: Filter | null | undefined; order: readonly OrderTerm[]; args: PageArgs },
) {
  const { database } = ctx.app.store
  const { ownerId } = ownedBy(ctx.actor)
  const fields = factFilterFields(database.dialect, ownerId)
  filterCheck(given, fields)
  const filter = await filterOwn(ctx.reading, given, { ownerId: 'User', taskId: 'Task', messageId: 'Message' })
  const plan = planPage(args, order)
  const where = Prisma.sql`${ownerId === undefined ? Prisma.empty : Prisma.sql`"ownerId" = ${ownerId} AND`} ${filterSql(filter, fields)}`
  const orderBy = Prisma.join(
    plan.orderBy.flatMap((term) => Object.entries(term).map(([column, way]) => Prisma.raw(`"${column}" ${way === 'asc' ? 'ASC' : 'DESC'}`))),
  )
  const ids = await database.rows<{ id: string }>(
    Prisma.sql`SELECT "id" FROM "Fact" WHERE ${where} AND ${boundSql(plan.where)} ORDER BY ${orderBy} LIMIT ${plan.take}`,
  )
  const query = queryFromInfo({ context: ctx, info, typeName: 'Fact', paths: [['edges', 'node'], ['nodes']], select: { ...cursorColumns(plan) } as never })
  const rows = ids.length
    ? await ctx.db.fact.findMany({ ...(query as object), where: { id: { in: ids.map(({ id }) => id) }, ...ownedBy(ctx.actor) }, orderBy: plan.orderBy })
    : []
  const totalCount = async () => {
    const [counted] = await database.rows<{ count: number }>(Prisma.sql`SELECT COUNT(*) AS "count" FROM "Fact" WHERE ${where}`)
    return Number(counted!.count)
  }
  return { ...toPage(rows, plan, args), totalCount }
}
