import type { Store } from '../events/store.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { ALL_TYPES, EVERYBODY, type PeriodHours, TallyChanges, type TallyPeriod } from './tally.ts'
import { isEverybody, type TallyScope, tallyRead, tallyWhere } from './tally-read.ts'
import { type PeriodRow, toPeriod } from './tally-write.ts'

export interface PeriodsAsked {
  hours: PeriodHours
  fromMs: number
  toMs: number
  /** All types together; the scope names none. */
  together: boolean
}

/**
 * What happened to tasks by hours or days, exact to the last commit. Several rows may be of the same time and type: they are to be added up.
 * By type it goes by way of the tallies, which name the types, so that an owner's are found by owner, type and time.
 */
export async function tasksOverTime(store: Store, scope: TallyScope, { hours, fromMs, toMs, together }: PeriodsAsked): Promise<TallyPeriod[]> {
  const within = Prisma.sql`"TaskPeriod"."hours" = CAST(${hours} AS INTEGER) AND "TaskPeriod"."startMs" >= ${fromMs} AND "TaskPeriod"."startMs" < ${toMs}`
  const { rows, happened } = await tallyRead<PeriodRow>(
    store,
    scope,
    together
      ? Prisma.sql`SELECT "TaskPeriod".* FROM "TaskPeriod" WHERE ${tallyWhere('TaskPeriod', { ...scope, types: [ALL_TYPES] })} AND ${within}`
      : Prisma.sql`SELECT "TaskPeriod".* FROM "TaskTally" JOIN "TaskPeriod" ON "TaskPeriod"."ownerId" = "TaskTally"."ownerId" AND "TaskPeriod"."type" = "TaskTally"."type"
          WHERE ${tallyWhere('TaskTally', scope)} AND ${within}`,
  )
  const changes = new TallyChanges()
  for (const each of happened) changes.count(each, isEverybody(scope) ? EVERYBODY : each.ownerId)
  const fresh = [...changes.periods.values()].filter(
    (period) => (period.type === ALL_TYPES) === together && period.hours === hours && period.startMs >= fromMs && period.startMs < toMs,
  )
  return [...rows.map(toPeriod), ...fresh]
}
