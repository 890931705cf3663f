import { whole } from '../db/statement-values.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { rhythmOf } from './cron.ts'
import { scheduleHold, scheduleSet } from './schedule-change.ts'
import { ScheduleNeverRuns } from './schedule-errors.ts'

/** Lets a paused schedule go on with the next tick from now; those of the pause are not made up for. One that is not paused stays as it is. */
export async function scheduleResume(work: Work, id: string): Promise<void> {
  const { schedule, nowMs } = await scheduleHold(work, id)
  if (schedule.pausedAtMs === null) return
  const next = rhythmOf(schedule).after(nowMs)
  if (next === null || (schedule.endsAtMs !== null && next > schedule.endsAtMs)) throw new ScheduleNeverRuns('id', 'ENDS_BEFORE')
  await scheduleSet(work, schedule, Prisma.sql`"pausedAtMs" = NULL, "nextRunAtMs" = ${whole(next)}, "updatedAtMs" = ${work.sql.nowMs}`, 'RESUMED')
}
