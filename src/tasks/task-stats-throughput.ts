import type { Store } from '../events/store.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { MINUTE_COUNTS, MINUTE_MS, type MinuteCount, TallyChanges } from './tally.ts'
import { type TallyScope, tallyRead, tallyWhere } from './tally-read.ts'

export const MAX_MINUTES = 1440

/** What happened to all the tasks of a scope within a minute. */
export interface Throughput extends Record<MinuteCount, number> {
  minuteMs: number
}

/** The last minutes, the present one last and not yet over; those in which nothing happened too. By the database's clock. */
export async function taskThroughput(store: Store, scope: TallyScope, minutes: number): Promise<Throughput[]> {
  const thisMinute = Prisma.sql`(${store.database.sql.nowMs} / ${Prisma.raw(`${MINUTE_MS} * ${MINUTE_MS}`)})`
  const from = Prisma.sql`${thisMinute} - CAST(${(minutes - 1) * MINUTE_MS} AS BIGINT)`
  const sums = Prisma.raw(MINUTE_COUNTS.map((name) => `CAST(SUM("TaskMinute"."${name}") AS BIGINT) AS "${name}"`).join(', '))
  // By way of the tallies, which name the types: so that an owner's minutes are found by owner, type and minute. There is one more row, for the clock.
  const { rows, happened } = await tallyRead<Throughput & { thisMinuteMs: number }>(
    store,
    scope,
    Prisma.sql`SELECT "clock"."thisMinuteMs", "sum".* FROM (SELECT ${thisMinute} AS "thisMinuteMs") AS "clock" LEFT JOIN (
      SELECT "TaskMinute"."minuteMs", ${sums} FROM "TaskTally" JOIN "TaskMinute" ON "TaskMinute"."ownerId" = "TaskTally"."ownerId" AND "TaskMinute"."type" = "TaskTally"."type"
      WHERE ${tallyWhere('TaskTally', scope)} AND "TaskMinute"."minuteMs" >= ${from} GROUP BY "TaskMinute"."minuteMs") AS "sum" ON 1 = 1`,
  )
  const { thisMinuteMs } = rows[0]!
  const found = Array.from({ length: minutes }, (_, i) => newMinute(thisMinuteMs - (minutes - 1 - i) * MINUTE_MS))
  const byMinute = new Map(found.map((minute) => [minute.minuteMs, minute]))
  const changes = new TallyChanges()
  for (const each of happened) changes.count(each)
  for (const { minuteMs, ...counts } of [...rows, ...changes.minutes.values()]) {
    const minute = byMinute.get(minuteMs)
    if (minute) for (const name of MINUTE_COUNTS) minute[name] += counts[name]
  }
  return found
}

const newMinute = (minuteMs: number): Throughput => ({ minuteMs, created: 0, started: 0, completed: 0, failed: 0, cancelled: 0, retried: 0 })
