import type { Store } from '../events/store.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { EVERYBODY, type PeriodHours, TallyChanges, type TallyPeriod } from './tally.ts'
import { isEverybody, type TallyScope, tallyRead, tallyWhere } from './tally-read.ts'
import { type PeriodRow, toPeriod } from './tally-write.ts'

export interface PeriodsAsked {
  hours: PeriodHours
  fromMs: number
  toMs: number
}

/**
 * What happened to tasks by hours or days, exact to the last commit. Several rows may be of the same hour and type: they are to be added up.
 * By way of the tallies, which name the types, so that an owner's are found by owner, type and time.
 */
export async function tasksOverTime(store: Store, scope: TallyScope, { hours, fromMs, toMs }: PeriodsAsked): Promise<TallyPeriod[]> {
  const { rows, happened } = await tallyRead<PeriodRow>(
    store,
    scope,
    Prisma.sql`SELECT "TaskPeriod".* FROM "TaskTally" JOIN "TaskPeriod" ON "TaskPeriod"."ownerId" = "TaskTally"."ownerId" AND "TaskPeriod"."type" = "TaskTally"."type"
      WHERE ${tallyWhere('TaskTally', scope)} AND "TaskPeriod"."hours" = CAST(${hours} AS INTEGER) AND "TaskPeriod"."startMs" >= ${fromMs} AND "TaskPeriod"."startMs" < ${toMs}`,
  )
  const changes = new TallyChanges()
  for (const each of happened) changes.count(each, isEverybody(scope) ? EVERYBODY : each.ownerId)
  const fresh = [...changes.periods.values()].filter((period) => period.hours === hours && period.startMs >= fromMs && period.startMs < toMs)
  return [...rows.map(toPeriod), ...fresh]
}
