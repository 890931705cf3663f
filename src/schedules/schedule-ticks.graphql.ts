/** The ticks of a schedule. */
import type { GraphQLResolveInfo } from 'graphql'
import { ownedBy } from '../core/actor.ts'
import { toDate } from '../core/clock.ts'
import { type PageArgs, planPage, toPage } from '../core/page.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { builder } from '../graphql/builder.ts'
import { pagesOf } from '../graphql/connection.ts'
import type { Context } from '../graphql/context.ts'
import { boundSql } from '../graphql/related.ts'
import { siblings } from '../graphql/siblings.ts'

/** Within a schedule its time is its id. */
interface TickRow {
  scheduleId: string
  id: bigint
  firedAtMs: number
  taskId: string | null
}

export const ScheduleTickRef = builder.objectRef<TickRow>('ScheduleTick').implement({
  description: 'A time of a schedule that came, and what came of it.',
  fields: (t) => ({
    tickAt: t.field({ type: 'DateTime', description: 'The time that the cron expression named.', resolve: (tick) => toDate(tick.id) }),
    firedAt: t.field({ type: 'DateTime', description: 'When a server took it up, by the database’s clock.', resolve: (tick) => toDate(tick.firedAtMs) }),
    task: t.prismaField({
      type: 'Task',
      nullable: true,
      description: 'The task it made; null where it could make none, and once that is deleted.',
      resolve: (query, tick, _args, ctx) => (tick.taskId ? ctx.db.task.findUnique({ ...query, where: { id: tick.taskId, ...ownedBy(ctx.actor) } }) : null),
    }),
  }),
})

export const ScheduleTickPages = pagesOf(ScheduleTickRef, 'ScheduleTick', 'ticks of a schedule')

const NEWEST_TICK_FIRST = [{ column: 'id', kind: 'bigint', direction: 'DESC' }] as const

/** One page of a schedule's ticks, newest first. Sibling schedules that ask the same share one reading. */
export async function readTicks(ctx: Context, info: GraphQLResolveInfo, scheduleId: string, args: PageArgs) {
  const { database } = ctx.app.store
  const plan = planPage(args, NEWEST_TICK_FIRST)
  const key = `ScheduleTick:${info.fieldNodes[0]?.loc?.start}:${JSON.stringify(args)}`
  const pages = ctx.loader(key, () =>
    siblings<TickRow[]>(async (ids) => {
      const direction = Prisma.raw(plan.backwards ? 'ASC' : 'DESC')
      const each = ids.map(
        (id) => Prisma.sql`SELECT * FROM (
          SELECT * FROM (SELECT "scheduleId", "tickAtMs" AS "id", "firedAtMs", "taskId" FROM "ScheduleTick" WHERE "scheduleId" = ${id}) AS "tick"
          WHERE ${boundSql(plan.where)} ORDER BY "id" ${direction} LIMIT ${plan.take}) AS "part"`,
      )
      const rows = await database.rows<Omit<TickRow, 'id'> & { id: number }>(Prisma.join(each, ' UNION ALL '))
      rows.sort((a, b) => (plan.backwards ? a.id - b.id : b.id - a.id))
      const ticks = rows.map((row) => ({ ...row, id: BigInt(row.id) }))
      return ids.map((id) => ticks.filter((tick) => tick.scheduleId === id))
    }),
  )
  const counts = ctx.loader('ScheduleTick:count', () =>
    siblings<number>(async (ids) => {
      const rows = await database.rows<{ scheduleId: string; count: number }>(
        Prisma.sql`SELECT "scheduleId", COUNT(*) AS "count" FROM "ScheduleTick" WHERE "scheduleId" IN (${Prisma.join([...ids])}) GROUP BY "scheduleId"`,
      )
      return ids.map((id) => rows.find((row) => row.scheduleId === id)?.count ?? 0)
    }),
  )
  return { ...toPage(await pages.load(scheduleId), plan, args), totalCount: () => counts.load(scheduleId) }
}
