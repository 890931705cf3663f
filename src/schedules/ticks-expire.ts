import { server } from '../core/actor.ts'
import type { Store } from '../events/store.ts'
import { transact } from '../events/transact.ts'
import { Prisma } from '../generated/sqlite/client.ts'

const KEPT_DAYS = 30
const KEPT_TICKS = 1000
const BATCH = 5000

/**
 * Removes ticks that are older than 30 days, but never the last 1,000 of a schedule, in small steps. Any number of servers may
 * do it at once. Answers how many went.
 */
export async function ticksExpire(store: Store): Promise<number> {
  let total = 0
  for (const { id, boundMs } of await expired(store)) {
    for (let removed = BATCH; removed === BATCH; total += removed) {
      const { result } = await transact(store, server, (work) =>
        work.execute(Prisma.sql`
          DELETE FROM "ScheduleTick" WHERE "scheduleId" = ${id} AND "tickAtMs" IN
            (SELECT "tickAtMs" FROM "ScheduleTick" WHERE "scheduleId" = ${id} AND "tickAtMs" < ${boundMs} ORDER BY "tickAtMs" LIMIT ${BATCH})`),
      )
      removed = result
    }
  }
  return total
}

/** Schedules that have ticks to lose, and before when. */
async function expired({ database }: Store): Promise<{ id: string; boundMs: number }[]> {
  const oldMs = Prisma.sql`${database.sql.nowMs} - CAST(${KEPT_DAYS * 86_400_000} AS BIGINT)`
  const rows = await database.rows<{ id: string; oldMs: number; keptMs: number | null }>(Prisma.sql`
    SELECT "id", ${oldMs} AS "oldMs",
      (SELECT "tickAtMs" FROM "ScheduleTick" WHERE "scheduleId" = "Schedule"."id" ORDER BY "tickAtMs" DESC LIMIT 1 OFFSET ${KEPT_TICKS - 1}) AS "keptMs"
    FROM "Schedule" WHERE EXISTS (SELECT 1 FROM "ScheduleTick" WHERE "scheduleId" = "Schedule"."id" AND "tickAtMs" < ${oldMs})`)
  return rows.flatMap(({ id, oldMs: old, keptMs }) => (keptMs === null ? [] : [{ id, boundMs: Math.min(old, keptMs) }]))
}
