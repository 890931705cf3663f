import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { scheduleHold, scheduleSet } from './schedule-change.ts'

/** Lets a schedule rest: its ticks pass until it is resumed. Also one that is due now and did not fire yet. Pausing twice changes nothing more. */
export async function schedulePause(work: Work, id: string): Promise<void> {
  const { schedule } = await scheduleHold(work, id)
  if (schedule.pausedAtMs !== null) return
  const now = work.sql.nowMs
  await scheduleSet(work, schedule, Prisma.sql`"pausedAtMs" = ${now}, "nextRunAtMs" = NULL, "updatedAtMs" = ${now}`, 'PAUSED')
}
