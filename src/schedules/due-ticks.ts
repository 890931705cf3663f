import type { Rhythm } from './cron.ts'
import { LATE_MS, type ScheduleValues } from './schedule.ts'

export interface Due {
  /** Those to fire now, oldest first. */
  ticks: number[]
  nextRunAtMs: number | null
  /** Ticks that were missed and are passed over: the first and the last of them. */
  skipped: { firstTickAtMs: number; lastTickAtMs: number } | null
}

type Asked = Pick<ScheduleValues, 'endsAtMs' | 'missed' | 'maxCatchUp'> & { nextRunAtMs: number }

/**
 * What is to be done about the ticks that have come by now: those that are only late fire, each; what was missed goes by what
 * the schedule says. At most `atOnce` fire; then the next one is still in the past, and the rest follows.
 */
export function dueTicks(schedule: Asked, rhythm: Rhythm, nowMs: number, atOnce: number): Due {
  const { nextRunAtMs: firstAtMs, endsAtMs, missed, maxCatchUp } = schedule
  const throughMs = Math.min(nowMs, endsAtMs ?? nowMs)
  const within = (ms: number | null) => (ms !== null && (endsAtMs === null || ms <= endsAtMs) ? ms : null)
  const future = () => within(rhythm.after(nowMs))
  // Its end was moved before it.
  if (firstAtMs > throughMs) return { ticks: [], nextRunAtMs: within(firstAtMs), skipped: null }

  const lastAtMs = () => Math.max(firstAtMs, rhythm.last(1, throughMs)[0] ?? firstAtMs)
  const isBehind = firstAtMs < nowMs - LATE_MS
  if (isBehind && missed === 'SKIP') return { ticks: [], nextRunAtMs: future(), skipped: { firstTickAtMs: firstAtMs, lastTickAtMs: lastAtMs() } }
  if (isBehind && missed === 'RUN_ONCE') return { ticks: [lastAtMs()], nextRunAtMs: future(), skipped: null }

  // Those that are late are few, for there is none between two seconds.
  const limit = isBehind ? maxCatchUp : Number.POSITIVE_INFINITY
  let ticks = [firstAtMs]
  let next = rhythm.after(firstAtMs)
  while (next !== null && next <= throughMs && ticks.length <= limit) {
    ticks.push(next)
    next = rhythm.after(next)
  }
  let skipped: Due['skipped'] = null
  if (ticks.length > limit) {
    ticks = rhythm.last(limit, throughMs)
    const lastTickAtMs = rhythm.last(1, ticks[0]! - 1)[0] ?? firstAtMs
    skipped = { firstTickAtMs: firstAtMs, lastTickAtMs: Math.max(firstAtMs, lastTickAtMs) }
  }
  const now = ticks.slice(0, atOnce)
  return { ticks: now, nextRunAtMs: ticks[now.length] ?? future(), skipped }
}
