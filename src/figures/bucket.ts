/** Spans of time that figures are told by: whole hours, days, weeks (from Monday) and months, UTC. */
import { DAY_MS } from '../core/clock.ts'
import { BadUserInput } from '../core/errors.ts'

export const BUCKETS = ['HOUR', 'DAY', 'WEEK', 'MONTH'] as const
export type Bucket = (typeof BUCKETS)[number]

export const HOUR_MS = 3_600_000
/** Of hours so many days are kept. */
export const HOUR_DAYS = 35
export const MAX_BUCKETS = 750

/** The beginning of the bucket that a moment lies in. */
export function bucketStart(bucket: Bucket, ms: number): number {
  if (bucket === 'HOUR') return ms - (ms % HOUR_MS)
  const day = ms - (ms % DAY_MS)
  if (bucket === 'DAY') return day
  // 1970 began on a Thursday.
  if (bucket === 'WEEK') return day - ((day / DAY_MS + 3) % 7) * DAY_MS
  const date = new Date(day)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1)
}

export function bucketEnd(bucket: Bucket, startMs: number): number {
  if (bucket === 'HOUR') return startMs + HOUR_MS
  if (bucket === 'DAY') return startMs + DAY_MS
  if (bucket === 'WEEK') return startMs + 7 * DAY_MS
  const date = new Date(startMs)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1)
}

/** Whole buckets, side by side. */
export interface Span {
  bucket: Bucket
  fromMs: number
  toMs: number
  starts: readonly number[]
}

/** The buckets that begin before `to` and end after `from`. */
export function spanOf({ bucket, from, to, nowMs }: { bucket: Bucket; from: Date; to: Date; nowMs: number }): Span {
  const endMs = to.getTime()
  if (from.getTime() < 0) throw new BadUserInput('from must not be before 1970.', ['from'])
  if (endMs <= from.getTime()) throw new BadUserInput('to must be after from.', ['to'])
  const fromMs = bucketStart(bucket, from.getTime())
  if (bucket === 'HOUR' && fromMs < nowMs - HOUR_DAYS * DAY_MS) throw new BadUserInput(`Hours are kept for ${HOUR_DAYS} days; ask for days.`, ['from'])
  const starts: number[] = []
  let start = fromMs
  for (; start < endMs; start = bucketEnd(bucket, start)) {
    starts.push(start)
    if (starts.length > MAX_BUCKETS) throw new BadUserInput(`This is more than ${MAX_BUCKETS} buckets: take larger ones, or less time.`, ['to'])
  }
  return { bucket, fromMs, toMs: start, starts }
}
