/** Writes tallies and minutes: many rows by one statement. Whoever calls this holds the tallies' head. */
import { fromJson } from '../db/statement-values.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { Histogram } from './histogram.ts'
import { MINUTE_COUNTS, newTally, type Tally, type TallyMinute, tallyAdd } from './tally.ts'

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
