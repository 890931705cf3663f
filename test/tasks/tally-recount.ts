/** Tallies found out the long way, and servers that die at counting. */
import type { Database, OpenTransaction } from '../../src/db/database.ts'
import { readEvents } from '../../src/events/log.ts'
import type { Store } from '../../src/events/store.ts'
import { Prisma } from '../../src/generated/sqlite/client.ts'
import { type Histogram, histogramPut } from '../../src/tasks/histogram.ts'
import { EVERYBODY } from '../../src/tasks/tally.ts'
import { type PeriodRow, type TallyRow, toPeriod, toTally } from '../../src/tasks/tally-write.ts'
import type { TaskValues } from '../../src/tasks/task.ts'

export const MINUTE_MS = 60_000

/** What is counted, in a form that can be compared: by owner and type. */
export interface Counted {
  tallies: Record<string, { counts: Record<string, number>; durations: Histogram; waits: Histogram }>
  minutes: Record<string, Record<string, number>>
  /** By hours and days too, of each type and of all. */
  periods: Record<string, Record<string, number | Histogram>>
}

export class Killed extends Error {}

/** The same store; what it does in transactions ends at the how-manieth statement, or commit: before it, or with the answer lost. */
export function mortal(store: Store, { statements, isDone }: Death): Store {
  let left = statements
  const counted = async <T>(act: () => Promise<T>): Promise<T> => {
    if (left-- !== 0) return act()
    if (isDone) await act()
    throw new Killed('The server was killed.')
  }
  return {
    ...store,
    logId: store.logId,
    // Its transactions are its own: a group of others would not die with it.
    group: null,
    database: {
      ...store.database,
      begin: async () => {
        const open = await store.database.begin()
        const transaction: OpenTransaction = Object.create(open, {
          rows: { value: (sql: Prisma.Sql) => counted(() => open.rows(sql)) },
          execute: { value: (sql: Prisma.Sql) => counted(() => open.execute(sql)) },
          commit: { value: () => counted(() => open.commit()) },
        })
        return transaction
      },
    },
  }
}

export interface Death {
  statements: number
  isDone: boolean
}

/** What the tables of the tallies say, without what is nought. */
export async function tallied({ rows }: Database): Promise<Counted> {
  const counted: Counted = { tallies: {}, minutes: {}, periods: {} }
  for (const row of await rows<TallyRow>(Prisma.sql`SELECT * FROM "TaskTally"`)) {
    const { ownerId, type, counts, durations, waits } = toTally(row)
    counted.tallies[`${ownerId} ${type}`] = { counts, durations, waits }
  }
  for (const { ownerId, type, minuteMs, ...counts } of await rows<Record<string, unknown>>(Prisma.sql`SELECT * FROM "TaskMinute"`))
    counted.minutes[`${ownerId} ${type} ${minuteMs}`] = counts as Record<string, number>
  for (const { ownerId, type, hours, startMs, ...counts } of (await rows<PeriodRow>(Prisma.sql`SELECT * FROM "TaskPeriod"`)).map(toPeriod))
    counted.periods[`${ownerId} ${type} ${hours} ${startMs}`] = counts
  return counted
}

/** The same, found out by looking at each task, and at each event for what is history. */
export async function recounted(database: Database): Promise<Counted> {
  const counted: Counted = { tallies: {}, minutes: {}, periods: {} }
  const tallies = (of: { ownerId: string | null; type: string }) =>
    [of.ownerId, EVERYBODY].map((ownerId) => {
      const fresh = { counts: { CREATED: 0, QUEUED: 0, RUNNING: 0, COMPLETED: 0, FAILED: 0, CANCELLED: 0 }, durations: {}, waits: {} }
      const key = `${ownerId} ${of.type}`
      counted.tallies[key] ??= fresh
      return counted.tallies[key]
    })
  for (const task of await database.rows<TaskValues>(Prisma.sql`SELECT * FROM "Task"`)) {
    for (const tally of tallies(task)) {
      tally.counts[task.status]!++
      if (task.status === 'COMPLETED') histogramPut(tally.durations, task.durationMs!)
    }
  }
  for (const event of await readEvents(database, 0, { subjectType: 'Task' }, 1_000_000)) {
    const { type, status, before, startedAtMs, queuedAtMs, runAtMs } = event.data as unknown as TaskValues & { before?: Partial<TaskValues> }
    const happened: string[] = []
    if (event.kind === 'TASK_CREATED') happened.push('created')
    if (event.kind === 'TASK_STARTED') {
      happened.push('started')
      const waited = Math.max(0, startedAtMs! - Math.max(queuedAtMs!, runAtMs))
      for (const tally of tallies({ ownerId: event.ownerId, type })) histogramPut(tally.waits, waited)
    }
    if (['TASK_COMPLETED', 'TASK_FAILED', 'TASK_CANCELLED'].includes(event.kind)) happened.push(status.toLowerCase())
    const again = ['TASK_RETRY_SCHEDULED', 'TASK_LEASE_LOST', 'TASK_TIMED_OUT'].includes(event.kind)
    if (again || (event.kind === 'TASK_QUEUED' && before?.status !== 'CREATED')) happened.push('retried')
    for (const ownerId of [event.ownerId, EVERYBODY]) {
      tallies({ ownerId: event.ownerId, type })
      if (!happened.length) continue
      const key = `${ownerId} ${type} ${Math.floor(event.occurredAtMs / MINUTE_MS) * MINUTE_MS}`
      counted.minutes[key] ??= { created: 0, started: 0, completed: 0, failed: 0, cancelled: 0, retried: 0 }
      for (const name of happened) counted.minutes[key][name]!++
      for (const [hours, ofType] of [1, 24].flatMap((length) => [[length, type] as const, [length, ''] as const])) {
        const lengthMs = hours * 60 * MINUTE_MS
        const period = `${ownerId} ${ofType} ${hours} ${Math.floor(event.occurredAtMs / lengthMs) * lengthMs}`
        counted.periods[period] ??= { created: 0, started: 0, completed: 0, failed: 0, cancelled: 0, retried: 0, durations: {} }
        for (const name of happened) (counted.periods[period][name] as number)++
        if (event.kind === 'TASK_COMPLETED') histogramPut(counted.periods[period].durations as Histogram, (event.data as unknown as TaskValues).durationMs!)
      }
    }
  }
  return counted
}
