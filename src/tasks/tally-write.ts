/** Writes tallies and minutes: many rows by one statement. Whoever calls this holds the tallies' head. */
import { fromJson } from '../db/statement-values.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { type Histogram, histogramMerge } from './histogram.ts'
import { MINUTE_COUNTS, type MinuteCount, newTally, type PeriodHours, type Tally, type TallyMinute, type TallyPeriod, tallyAdd } from './tally.ts'

/** SQLite takes 32,766 values in a statement. */
const AT_ONCE = 500

/** A row of `TALLY_COLUMNS`. */
export interface TallyRow {
  ownerId: string
  type: string
  created: number
  queued: number
  running: number
  completed: number
  failed: number
  cancelled: number
  durationCounts: Histogram | string
  waitCounts: Histogram | string
}

const STATUS_COUNTS = ['created', 'queued', 'running', 'completed', 'failed', 'cancelled']
const HISTOGRAMS = ['durationCounts', 'waitCounts']
const COUNTS = Prisma.raw(STATUS_COUNTS.map((name) => `"${name}"`).join(', '))
const RENEWED = Prisma.raw([...STATUS_COUNTS, ...HISTOGRAMS].map((name) => `"${name}" = excluded."${name}"`).join(', '))

export const TALLY_COLUMNS = Prisma.raw(['ownerId', 'type', ...STATUS_COUNTS, ...HISTOGRAMS].map((name) => `"TaskTally"."${name}"`).join(', '))

export const toTally = (row: TallyRow): Tally => ({
  ownerId: row.ownerId,
  type: row.type,
  counts: { CREATED: row.created, QUEUED: row.queued, RUNNING: row.running, COMPLETED: row.completed, FAILED: row.failed, CANCELLED: row.cancelled },
  durations: fromJson<Histogram>(row.durationCounts),
  waits: fromJson<Histogram>(row.waitCounts),
})

const text = (values: readonly string[]) => ({ kind: 'text' as const, values })
const bigint = (values: readonly number[]) => ({ kind: 'bigint' as const, values })

/** Adds to what is there. */
export async function talliesAdd(work: Work, changes: readonly Tally[]): Promise<void> {
  for (let done = 0; done < changes.length; done += AT_ONCE) {
    const part = changes.slice(done, done + AT_ONCE)
    const given = work.sql.table('given', { ownerId: text(part.map(({ ownerId }) => ownerId)), type: text(part.map(({ type }) => type)) })
    const known = await work.rows<TallyRow>(
      Prisma.sql`SELECT ${TALLY_COLUMNS} FROM ${given} JOIN "TaskTally" ON "TaskTally"."ownerId" = "given"."ownerId" AND "TaskTally"."type" = "given"."type"`,
    )
    const byKey = new Map(known.map((row) => [`${row.ownerId} ${row.type}`, toTally(row)]))
    const sums = part.map((change) => {
      const sum = byKey.get(`${change.ownerId} ${change.type}`) ?? newTally(change.ownerId, change.type)
      tallyAdd(sum, change)
      return sum
    })
    await talliesPut(work, sums)
  }
}

/** Writes them as they are, over what is there. */
export async function talliesPut(work: Work, tallies: readonly Tally[]): Promise<void> {
  const { sql } = work
  for (let done = 0; done < tallies.length; done += AT_ONCE) {
    const part = tallies.slice(done, done + AT_ONCE)
    const given = sql.table('given', {
      ownerId: text(part.map(({ ownerId }) => ownerId)),
      type: text(part.map(({ type }) => type)),
      created: bigint(part.map(({ counts }) => counts.CREATED)),
      queued: bigint(part.map(({ counts }) => counts.QUEUED)),
      running: bigint(part.map(({ counts }) => counts.RUNNING)),
      completed: bigint(part.map(({ counts }) => counts.COMPLETED)),
      failed: bigint(part.map(({ counts }) => counts.FAILED)),
      cancelled: bigint(part.map(({ counts }) => counts.CANCELLED)),
      durationCounts: text(part.map(({ durations }) => JSON.stringify(durations))),
      waitCounts: text(part.map(({ waits }) => JSON.stringify(waits))),
    })
    await work.execute(Prisma.sql`
      INSERT INTO "TaskTally" ("ownerId", "type", ${COUNTS}, "durationCounts", "waitCounts")
      SELECT "ownerId", "type", ${COUNTS}, ${sql.asJson(Prisma.sql`"durationCounts"`)}, ${sql.asJson(Prisma.sql`"waitCounts"`)} FROM ${given} WHERE 1 = 1
      ON CONFLICT ("ownerId", "type") DO UPDATE SET ${RENEWED}`)
  }
}

/** Adds to what is there. */
export async function minutesAdd(work: Work, minutes: readonly TallyMinute[]): Promise<void> {
  const names = Prisma.raw(MINUTE_COUNTS.map((name) => `"${name}"`).join(', '))
  const more = Prisma.raw(MINUTE_COUNTS.map((name) => `"${name}" = "TaskMinute"."${name}" + excluded."${name}"`).join(', '))
  for (let done = 0; done < minutes.length; done += AT_ONCE) {
    const part = minutes.slice(done, done + AT_ONCE)
    const given = work.sql.table('given', {
      ownerId: text(part.map(({ ownerId }) => ownerId)),
      type: text(part.map(({ type }) => type)),
      minuteMs: bigint(part.map(({ minuteMs }) => minuteMs)),
      ...Object.fromEntries(MINUTE_COUNTS.map((name) => [name, { kind: 'integer' as const, values: part.map((minute) => minute[name]) }])),
    })
    await work.execute(Prisma.sql`
      INSERT INTO "TaskMinute" ("ownerId", "type", "minuteMs", ${names}) SELECT "ownerId", "type", "minuteMs", ${names} FROM ${given} WHERE 1 = 1
      ON CONFLICT ("ownerId", "type", "minuteMs") DO UPDATE SET ${more}`)
  }
}

export interface PeriodRow extends Record<MinuteCount, number> {
  ownerId: string
  type: string
  hours: PeriodHours
  startMs: number
  durationCounts: Histogram | string
}

export const toPeriod = ({ durationCounts, ...row }: PeriodRow): TallyPeriod => ({ ...row, durations: fromJson<Histogram>(durationCounts) })

/** Adds to what is there. */
export async function periodsAdd(work: Work, periods: readonly TallyPeriod[]): Promise<void> {
  const keyOf = ({ ownerId, type, hours, startMs }: Pick<TallyPeriod, 'ownerId' | 'type' | 'hours' | 'startMs'>) => `${ownerId} ${hours} ${startMs} ${type}`
  const names = Prisma.raw(MINUTE_COUNTS.map((name) => `"${name}"`).join(', '))
  const renewed = Prisma.raw([...MINUTE_COUNTS, 'durationCounts'].map((name) => `"${name}" = excluded."${name}"`).join(', '))
  for (let done = 0; done < periods.length; done += AT_ONCE) {
    const part = periods.slice(done, done + AT_ONCE)
    const keys = {
      ownerId: text(part.map(({ ownerId }) => ownerId)),
      type: text(part.map(({ type }) => type)),
      hours: { kind: 'integer' as const, values: part.map(({ hours }) => hours) },
      startMs: bigint(part.map(({ startMs }) => startMs)),
    }
    const known = await work.rows<PeriodRow>(Prisma.sql`
      SELECT "TaskPeriod".* FROM ${work.sql.table('given', keys)} JOIN "TaskPeriod" ON "TaskPeriod"."ownerId" = "given"."ownerId"
        AND "TaskPeriod"."type" = "given"."type" AND "TaskPeriod"."hours" = "given"."hours" AND "TaskPeriod"."startMs" = "given"."startMs"`)
    const byKey = new Map(known.map((row) => [keyOf(row), toPeriod(row)]))
    const sums = part.map((change) => {
      const sum = byKey.get(keyOf(change))
      if (!sum) return change
      for (const name of MINUTE_COUNTS) sum[name] += change[name]
      histogramMerge(sum.durations, change.durations)
      return sum
    })
    const given = work.sql.table('given', {
      ...keys,
      ...Object.fromEntries(MINUTE_COUNTS.map((name) => [name, { kind: 'integer' as const, values: sums.map((sum) => sum[name]) }])),
      durationCounts: text(sums.map(({ durations }) => JSON.stringify(durations))),
    })
    await work.execute(Prisma.sql`
      INSERT INTO "TaskPeriod" ("ownerId", "type", "hours", "startMs", ${names}, "durationCounts")
      SELECT "ownerId", "type", "hours", "startMs", ${names}, ${work.sql.asJson(Prisma.sql`"durationCounts"`)} FROM ${given} WHERE 1 = 1
      ON CONFLICT ("ownerId", "type", "hours", "startMs") DO UPDATE SET ${renewed}`)
  }
}
