/**
 * Counts the log into the tallies.
 *
 * The place up to which it is counted is a row of its own, which moves in the transaction that writes the sums, and only from
 * where the counting began. So each event is counted once, however many servers count and wherever one of them dies. On
 * PostgreSQL that row is also held meanwhile, so that no two servers count the same.
 */
import { setImmediate as breath } from 'node:timers/promises'
import { server } from '../core/actor.ts'
import type { Dialect } from '../db/sql.ts'
import { registerLogReader } from '../events/log-readers.ts'
import type { Store } from '../events/store.ts'
import { transact } from '../events/transact.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { EVERYBODY, HOUR_MS, MINUTE_MS, newTally, type Tally, TallyChanges, tallyAdd } from './tally.ts'
import { tallyEvents } from './tally-events.ts'
import { tallyRecount } from './tally-recount.ts'
import { minutesAdd, periodsAdd, talliesAdd, talliesPut } from './tally-write.ts'

export interface FoldSizes {
  /** So many positions of the log by one statement; on SQLite the process does nothing else meanwhile. */
  page: number
  /** So many before the sums are written: to write them costs as much as to count some thousands. */
  round: number
}

const SIZES: Record<Dialect, FoldSizes> = { sqlite: { page: 1000, round: 50_000 }, postgresql: { page: 5000, round: 50_000 } }
/** Minutes are kept for a week, and removed bit by bit. */
const MINUTES_KEPT = 7 * 24 * 60
const MINUTES_A_STEP = 1000
/** Hours are kept for five weeks, days for good. */
export const HOURS_KEPT = 35 * 24

/** `more`: there may be more to count. `busy`: another server is just counting. */
type Step = 'more' | 'done' | 'busy'

/** How far the log is counted, and how long it is. */
export interface TallyLag {
  counted: number
  position: number
  expiredThrough: number
}

/** To be selected from, as `head`: one row, of one moment. */
export const TALLY_LAG = Prisma.sql`(SELECT COALESCE((SELECT "position" FROM "TallyHead" WHERE "id" = 1), 0) AS "counted", "position", "expiredThrough" FROM "LogHead" WHERE "id" = 1) AS "head"`

/** Whether the tallies say what the log says up to there; else they are to be made anew. */
export const isContinuous = ({ counted, position, expiredThrough }: TallyLag): boolean => counted >= expiredThrough && counted <= position

interface FoldOptions {
  /** Wait for another server that is at it. Left out: it is left to that. */
  waits?: boolean
  /** Stop after the present page, and forget it. */
  signal?: AbortSignal | undefined
  sizes?: FoldSizes
}

/** Counts what was committed before the call. Answers whether all is counted. */
export async function tallyFold(store: Store, options: FoldOptions = {}): Promise<boolean> {
  for (;;) {
    const lag = await tallyLag(store.database)
    if (lag.counted === lag.position) return true
    const step = await (store.database.dialect === 'postgresql' ? roundHeld(store, options) : roundAlone(store, lag, options))
    if (step !== 'more') return step === 'done'
  }
}

const underWay = new WeakMap<Store, Promise<void>>()

/** The same, waiting for another server that is at it. Together with whoever asks for it at the same time. */
export function tallyCatchUp(store: Store): Promise<void> {
  const known = underWay.get(store)
  if (known) return known
  const run = tallyFold(store, { waits: true })
    .then(() => {})
    .finally(() => underWay.delete(store))
  underWay.set(store, run)
  return run
}

async function tallyLag({ rows }: Pick<Work, 'rows'>): Promise<TallyLag> {
  const [lag] = await rows<TallyLag>(Prisma.sql`SELECT * FROM ${TALLY_LAG}`)
  return lag!
}

/** Within one transaction, which holds the head. */
async function roundHeld(store: Store, { waits = false, ...options }: FoldOptions): Promise<Step> {
  const { result } = await transact<Step>(store, server, async (work) => {
    const lock = waits ? work.sql.forUpdate : work.sql.forUpdateSkipLocked
    const [head] = await work.rows<{ position: number }>(Prisma.sql`SELECT "position" FROM "TallyHead" WHERE "id" = 1 ${lock}`)
    if (!head && !(await headMake(work))) return 'busy'
    const lag = await tallyLag(work)
    if (!isContinuous(lag)) return rebuild(work, work)
    const counted = await roundCount(work, lag, options)
    return counted ? roundWrite(work, lag, counted) : 'busy'
  })
  return result
}

/** Counts before it writes: there is one process, and a transaction would keep it from all else. */
async function roundAlone(store: Store, lag: TallyLag, options: FoldOptions): Promise<Step> {
  const counted = isContinuous(lag) ? await roundCount(store.database, lag, options) : null
  if (!counted && options.signal?.aborted) return 'busy'
  const { result } = await transact<Step>(store, server, async (work) => {
    await headMake(work)
    // Others may be in the same transaction, whose changes are in the table and not yet in the log: read past it.
    return counted ? roundWrite(work, lag, counted) : rebuild(work, store.database)
  })
  return result
}

interface Counted {
  changes: TallyChanges
  through: number
}

type Reader = Pick<Work, 'rows' | 'dialect'>

/** Null: it was told to stop. */
async function roundCount(reader: Reader, { counted, position }: TallyLag, { signal, sizes = SIZES[reader.dialect] }: FoldOptions): Promise<Counted | null> {
  const changes = new TallyChanges()
  const end = Math.min(position, counted + sizes.round)
  for (let after = counted; after < end; ) {
    const through = Math.min(end, after + sizes.page)
    for (const happened of await tallyEvents(reader, { after, through })) {
      changes.count(happened)
      changes.count(happened, EVERYBODY)
    }
    after = through
    await breath()
    if (signal?.aborted) return null
  }
  return { changes, through: end }
}

async function roundWrite(work: Work, { counted, position }: TallyLag, { changes, through }: Counted): Promise<Step> {
  const moved = await work.execute(Prisma.sql`UPDATE "TallyHead" SET "position" = ${through} WHERE "id" = 1 AND "position" = ${counted}`)
  // Somebody else in this process has counted the same.
  if (!moved) return 'more'
  await talliesAdd(work, [...changes.tallies.values()])
  await minutesAdd(work, [...changes.minutes.values()])
  await periodsAdd(work, [...changes.periods.values()])
  if (through < position) return 'more'
  await minutesExpire(work)
  return 'done'
}

const headMake = (work: Work) => work.execute(Prisma.sql`INSERT INTO "TallyHead" ("id", "position") VALUES (1, 0) ON CONFLICT ("id") DO NOTHING`)

/** What the log no longer tells, the table still does, but for what was history. */
async function rebuild(work: Work, reader: Reader): Promise<Step> {
  const { tallies, position } = await tallyRecount(reader, { where: Prisma.sql`1 = 1`, each: true })
  const all = new Map<string, Tally>()
  for (const tally of tallies) {
    const sum = all.get(tally.type) ?? newTally(EVERYBODY, tally.type)
    tallyAdd(sum, tally)
    all.set(tally.type, sum)
  }
  await work.execute(Prisma.sql`DELETE FROM "TaskTally"`)
  await talliesPut(work, [...tallies, ...all.values()])
  await work.execute(Prisma.sql`UPDATE "TallyHead" SET "position" = ${position} WHERE "id" = 1`)
  return 'more'
}

async function minutesExpire(work: Work): Promise<void> {
  const old = Prisma.sql`"minuteMs" < ${work.sql.nowMs} - ${Prisma.raw(`${MINUTES_KEPT * MINUTE_MS}`)}`
  await work.execute(Prisma.sql`DELETE FROM "TaskMinute" WHERE ("ownerId", "type", "minuteMs") IN (
    SELECT "ownerId", "type", "minuteMs" FROM "TaskMinute" WHERE ${old} ORDER BY "minuteMs" LIMIT ${MINUTES_A_STEP})`)
  const oldHours = Prisma.sql`"hours" = 1 AND "startMs" < ${work.sql.nowMs} - CAST(${HOURS_KEPT * HOUR_MS} AS BIGINT)`
  await work.execute(Prisma.sql`DELETE FROM "TaskPeriod" WHERE ("ownerId", "type", "hours", "startMs") IN (
    SELECT "ownerId", "type", "hours", "startMs" FROM "TaskPeriod" WHERE ${oldHours} ORDER BY "startMs" LIMIT ${MINUTES_A_STEP})`)
}

registerLogReader({
  name: 'task tallies',
  catchUp: tallyCatchUp,
  position: async ({ rows }) => (await rows<{ position: number }>(Prisma.sql`SELECT "position" FROM "TallyHead" WHERE "id" = 1`))[0]?.position ?? 0,
})
