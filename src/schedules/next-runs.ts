import { rhythmOf } from './cron.ts'
import type { ScheduleValues } from './schedule.ts'

/** The next ticks of a schedule, as far as it has any. */
export function nextRuns(schedule: Pick<ScheduleValues, 'cron' | 'timezone' | 'nextRunAtMs' | 'endsAtMs'>, count: number): number[] {
  if (schedule.nextRunAtMs === null) return []
  const rhythm = rhythmOf(schedule)
  const runs: number[] = []
  for (let next: number | null = schedule.nextRunAtMs; next !== null && runs.length < count; next = rhythm.after(next)) {
    if (schedule.endsAtMs !== null && next > schedule.endsAtMs) break
    runs.push(next)
  }
  return runs
}
