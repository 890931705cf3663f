/**
 * A tally says how many tasks of an owner and a type there are in each status, and how long they took and waited. It is what the
 * events of the log add up to, so that figures over a million tasks cost as little as over ten.
 *
 * Counts and durations are of the tasks that are there: one that is deleted is taken out. Waits, and what happened in each minute,
 * are history.
 */
import { type Histogram, histogramMerge, histogramPut } from './histogram.ts'
import type { TaskStatus } from './task.ts'

/** Stands for all owners together: their tallies are kept too, for those who see everybody's. No id reads like this. */
export const EVERYBODY = '*'

export interface Tally {
  ownerId: string
  type: string
  counts: Record<TaskStatus, number>
  /** Of those that COMPLETED: from the last start to the end. */
  durations: Histogram
  /** Of the attempts that were started: since the task was queued, or due. */
  waits: Histogram
}

export const MINUTE_MS = 60_000
export const MINUTE_COUNTS = ['created', 'started', 'completed', 'failed', 'cancelled', 'retried'] as const
export type MinuteCount = (typeof MINUTE_COUNTS)[number]

/** What happened to tasks of an owner and a type within a minute. */
export interface TallyMinute extends Record<MinuteCount, number> {
  ownerId: string
  type: string
  minuteMs: number
}

/** What is kept of hours and days, UTC. */
export const PERIOD_HOURS = [1, 24] as const
export type PeriodHours = (typeof PERIOD_HOURS)[number]
export const HOUR_MS = 60 * MINUTE_MS
/** Stands for all types together, in periods: to add up the histograms of many types and hours takes long. No type is called so. */
export const ALL_TYPES = ''

/** What happened within an hour or a day. Like minutes they are history: a task that is deleted stays in them. */
export interface TallyPeriod extends Record<MinuteCount, number> {
  ownerId: string
  type: string
  hours: PeriodHours
  startMs: number
  /** Of those that COMPLETED in it. */
  durations: Histogram
}

/** Events that are alike, put together: of the same owner and type, in the same minute, from and to the same status. */
export interface Happened {
  ownerId: string
  type: string
  kind: string
  minuteMs: number
  from: TaskStatus | null
  to: TaskStatus
  count: number
  /** Of what was started the waits, of what COMPLETED the durations. */
  spansMs: readonly number[]
}

export const newTally = (ownerId: string, type: string): Tally => ({
  ownerId,
  type,
  counts: { CREATED: 0, QUEUED: 0, RUNNING: 0, COMPLETED: 0, FAILED: 0, CANCELLED: 0 },
  durations: {},
  waits: {},
})

/** Given back unfinished, by no fault of the attempt. */
const NO_FAULT = ['TASK_RELEASED', 'TASK_WAITING']

/** What it counts as, in its minute; null: it is no event of those. */
function minuteCountOf({ kind, from, to }: Happened): MinuteCount | null {
  if (kind === 'TASK_CREATED') return 'created'
  if (kind === 'TASK_DELETED' || from === null) return null
  if (to === 'RUNNING') return 'started'
  if (to === 'QUEUED') return from === 'CREATED' || NO_FAULT.includes(kind) ? null : 'retried'
  return to === 'COMPLETED' ? 'completed' : to === 'FAILED' ? 'failed' : to === 'CANCELLED' ? 'cancelled' : null
}

const NOTHING: Record<MinuteCount, number> = { created: 0, started: 0, completed: 0, failed: 0, cancelled: 0, retried: 0 }

/** What has happened, counted: how much is to be added to each tally and each minute. */
export class TallyChanges {
  readonly tallies = new Map<string, Tally>()
  readonly minutes = new Map<string, TallyMinute>()
  readonly periods = new Map<string, TallyPeriod>()

  /** As what happened to the owner's tasks, or to everybody's. */
  count(happened: Happened, ownerId = happened.ownerId): void {
    const { type, kind, from, to, spansMs, count } = happened
    const tally = this.#tally(ownerId, type)
    const sign = kind === 'TASK_DELETED' ? -1 : 1
    if (from !== null) tally.counts[from] -= count
    tally.counts[to] += sign * count
    const histogram = to === 'RUNNING' ? tally.waits : tally.durations
    for (const ms of spansMs) histogramPut(histogram, ms, sign)
    const name = minuteCountOf(happened)
    if (!name) return
    this.#minute(ownerId, type, happened.minuteMs)[name] += count
    for (const hours of PERIOD_HOURS) {
      for (const ofType of [type, ALL_TYPES]) {
        const period = this.#period(ownerId, ofType, hours, happened.minuteMs)
        period[name] += count
        if (name === 'completed') for (const ms of spansMs) histogramPut(period.durations, ms)
      }
    }
  }

  #tally(ownerId: string, type: string): Tally {
    const key = `${ownerId} ${type}`
    const tally = this.tallies.get(key) ?? newTally(ownerId, type)
    this.tallies.set(key, tally)
    return tally
  }

  #minute(ownerId: string, type: string, minuteMs: number): TallyMinute {
    const key = `${ownerId} ${minuteMs} ${type}`
    const minute = this.minutes.get(key) ?? { ownerId, type, minuteMs, ...NOTHING }
    this.minutes.set(key, minute)
    return minute
  }

  #period(ownerId: string, type: string, hours: PeriodHours, minuteMs: number): TallyPeriod {
    const startMs = minuteMs - (minuteMs % (hours * HOUR_MS))
    const key = `${ownerId} ${hours} ${startMs} ${type}`
    const period = this.periods.get(key) ?? { ownerId, type, hours, startMs, ...NOTHING, durations: {} }
    this.periods.set(key, period)
    return period
  }
}

export function tallyAdd(tally: Tally, other: Tally): void {
  for (const status of Object.keys(tally.counts) as TaskStatus[]) tally.counts[status] += other.counts[status]
  histogramMerge(tally.durations, other.durations)
  histogramMerge(tally.waits, other.waits)
}
