/** The tallies as the table of the tasks says: for figures over a filter, and for when the log does not reach back far enough. */
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { histogramPut } from './histogram.ts'
import { EVERYBODY, newTally, type Tally } from './tally.ts'
import type { TaskStatus } from './task.ts'

interface Part {
  ownerId: string
  type: string
  status: TaskStatus
  count: number
  /** Of each task its duration and its wait, where it has them: `1200,30 ,5`. */
  times: string
}

const text = (expression: string) => `COALESCE(CAST(${expression} AS TEXT), '')`
/** The latest attempt's, where it is not waiting for a further one. What was waited before that is forgotten here. */
const WAIT = `CASE WHEN "startedAtMs" >= "queuedAtMs" THEN "startedAtMs" - (CASE WHEN "runAtMs" > "queuedAtMs" THEN "runAtMs" ELSE "queuedAtMs" END) END`
/** Strung together, for to sort a million rows into classes takes the databases several times as long. */
const TIMES = Prisma.raw(`string_agg(${text('"durationMs"')} || ',' || ${text(WAIT)}, ' ')`)

export interface Recount {
  /** The place in the log at which the table was as it was counted. */
  position: number
  tallies: Tally[]
}

interface Counting {
  where: Prisma.Sql
  /** By owner, not everybody together. */
  each?: boolean
  /** Is awaited now and then, for there may be a million times to look at. */
  pause?: () => Promise<unknown>
}

const PAUSE_EVERY = 10_000

/** By one statement, so that all is of one moment. It reads all tasks that match. */
export async function tallyRecount({ rows }: Pick<Work, 'rows'>, { where, each = false, pause }: Counting): Promise<Recount> {
  const owner = Prisma.raw(each ? '"ownerId"' : `'${EVERYBODY}'`)
  const parts = await rows<(Part | { type: null }) & { position: number }>(Prisma.sql`
    SELECT "part".*, "LogHead"."position" FROM "LogHead" LEFT JOIN (
      SELECT ${owner} AS "ownerId", "type", "status", CAST(COUNT(*) AS BIGINT) AS "count", ${TIMES} AS "times" FROM "Task" WHERE ${where}
      GROUP BY ${Prisma.raw(each ? '"ownerId", ' : '')}"type", "status"
    ) AS "part" ON 1 = 1 WHERE "LogHead"."id" = 1`)
  const tallies = new Map<string, Tally>()
  let seen = 0
  for (const part of parts) {
    if (part.type === null) continue
    const key = `${part.ownerId} ${part.type}`
    const tally = tallies.get(key) ?? newTally(part.ownerId, part.type)
    tallies.set(key, tally)
    tally.counts[part.status] = part.count
    for (let from = 0, to = 0; from <= part.times.length; from = to + 1) {
      to = part.times.indexOf(' ', from)
      if (to < 0) to = part.times.length
      const pair = part.times.slice(from, to)
      if (pause && ++seen % PAUSE_EVERY === 0) await pause()
      const comma = pair.indexOf(',')
      if (comma > 0 && part.status === 'COMPLETED') histogramPut(tally.durations, Number(pair.slice(0, comma)))
      if (comma < pair.length - 1) histogramPut(tally.waits, Number(pair.slice(comma + 1)))
    }
  }
  return { position: parts[0]!.position, tallies: [...tallies.values()] }
}
