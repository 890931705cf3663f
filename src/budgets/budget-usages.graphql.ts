/** The calls that a budget holds for, in its present period. */
import { queryFromInfo } from '@pothos/plugin-prisma'
import type { GraphQLResolveInfo } from 'graphql'
import { ownedBy } from '../core/actor.ts'
import { cursorColumns, type PageArgs, planPage, toPage } from '../core/page.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { Context } from '../graphql/context.ts'
import { boundSql } from '../graphql/related.ts'
import { siblings } from '../graphql/siblings.ts'
import { LATEST_FIRST } from '../usage/usage-list.graphql.ts'
import { type Scoped, usageOf } from './budget.ts'

export interface Charging extends Scoped {
  id: string
  startMs: number
}

/** One page of a budget's calls. Sibling budgets that ask the same share one reading. */
export async function readBudgetUsages(ctx: Context, info: GraphQLResolveInfo, budget: Charging, args: PageArgs) {
  const plan = planPage(args, LATEST_FIRST)
  const { database } = ctx.app.store
  const { ownerId } = ownedBy(ctx.actor)
  const known = ctx.loader('Budget.charging', () => new Map<string, Charging>())
  known.set(budget.id, budget)
  const whereOf = (id: string) => {
    const each = known.get(id)!
    return Prisma.sql`${usageOf(each)} AND "startedAtMs" >= ${each.startMs} ${ownerId === undefined ? Prisma.empty : Prisma.sql`AND "ownerId" = ${ownerId}`}`
  }
  const pages = ctx.loader(`Budget.usages:${info.fieldNodes[0]?.loc?.start}:${JSON.stringify(args)}`, () => {
    const query = queryFromInfo({
      context: ctx,
      info,
      typeName: 'ProviderUsage',
      paths: [['edges', 'node'], ['nodes']],
      select: { ...cursorColumns(plan) } as never,
    }) as {
      select?: object
    }
    return siblings<{ id: string }[]>(async (ids) => {
      const direction = Prisma.raw(plan.backwards ? 'ASC' : 'DESC')
      const each = ids.map(
        (id) => Prisma.sql`SELECT * FROM (SELECT "id", CAST(${id} AS TEXT) AS "of" FROM "ProviderUsage" WHERE ${whereOf(id)} AND ${boundSql(plan.where)}
          ORDER BY "startedAtMs" ${direction}, "id" ${direction} LIMIT ${plan.take}) AS "part"`,
      )
      const found = await database.rows<{ id: string; of: string }>(Prisma.join(each, ' UNION ALL '))
      const wanted = [...new Set(found.map((row) => row.id))]
      const rows = wanted.length
        ? await ctx.db.providerUsage.findMany({
            ...query,
            ...(query.select && { select: { ...query.select, id: true } }),
            where: { id: { in: wanted } },
            orderBy: plan.orderBy as never,
          })
        : []
      return ids.map((id) => {
        const own = new Set(found.filter((row) => row.of === id).map((row) => row.id))
        return rows.filter((row) => own.has(row.id))
      })
    })
  })
  const counts = ctx.loader('Budget.usages:count', () =>
    siblings<number>(async (ids) => {
      const each = ids.map((id) => Prisma.sql`SELECT CAST(${id} AS TEXT) AS "of", COUNT(*) AS "count" FROM "ProviderUsage" WHERE ${whereOf(id)}`)
      const rows = await database.rows<{ of: string; count: number }>(Prisma.join(each, ' UNION ALL '))
      return ids.map((id) => Number(rows.find((row) => row.of === id)?.count ?? 0))
    }),
  )
  return { ...toPage(await pages.load(budget.id), plan, args), totalCount: () => counts.load(budget.id) }
}
