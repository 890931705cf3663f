import { whole } from '../db/statement-values.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { TaskTypes } from '../tasks/task-type.ts'
import { rhythmOf } from './cron.ts'
import type { MissedTicks, ScheduledTask } from './schedule.ts'
import { type Held, scheduleHold, scheduleSet } from './schedule-change.ts'
import { ScheduleNeverRuns } from './schedule-errors.ts'
import { scheduledTaskCheck } from './scheduled-task.ts'

/** Undefined leaves a value as it is; null clears it. */
export interface ScheduleUpdate {
  name?: string | undefined
  cron?: string | undefined
  timezone?: string | undefined
  task?: ScheduledTask | undefined
  missed?: MissedTicks | undefined
  maxCatchUp?: number | undefined
  endsAt?: Date | null | undefined
}

/**
 * Changes what a schedule says. With another expression or time zone its ticks begin anew from now, and what has come by the
 * old one and did not fire yet does not; with any other change what is due stays due.
 */
export async function scheduleUpdate(work: Work, types: TaskTypes, id: string, update: ScheduleUpdate): Promise<void> {
  const held = await scheduleHold(work, id)
  const { schedule } = held
  if (update.task) await scheduledTaskCheck(work, types, schedule.ownerId, update.task)
  const next = nextOf(held, update)
  const { name = schedule.name, cron = schedule.cron, timezone = schedule.timezone, missed = schedule.missed, maxCatchUp = schedule.maxCatchUp } = update
  const fields = Object.keys(update).filter((field) => update[field as keyof ScheduleUpdate] !== undefined)
  if (!fields.length) return
  await scheduleSet(
    work,
    schedule,
    Prisma.sql`"name" = ${name}, "cron" = ${cron.trim()}, "timezone" = ${timezone}, "missed" = ${work.sql.asEnum('MissedTicks', missed)},
      "maxCatchUp" = CAST(${maxCatchUp} AS INTEGER), "endsAtMs" = ${whole(next.endsAtMs)}, "nextRunAtMs" = ${whole(next.nextRunAtMs)},
      "task" = ${update.task ? work.sql.json(update.task) : Prisma.sql`"task"`}, "updatedAtMs" = ${work.sql.nowMs}`,
    'UPDATED',
    { fields },
  )
}

/** Its end, and its next tick after the change. */
function nextOf({ schedule, nowMs }: Held, update: ScheduleUpdate): { endsAtMs: number | null; nextRunAtMs: number | null } {
  const endsAtMs = update.endsAt === undefined ? schedule.endsAtMs : (update.endsAt?.getTime() ?? null)
  const isOtherRhythm = update.cron !== undefined || update.timezone !== undefined
  if (!isOtherRhythm && update.endsAt === undefined) return { endsAtMs, nextRunAtMs: schedule.nextRunAtMs }
  const { cron = schedule.cron, timezone = schedule.timezone } = update
  const future = rhythmOf({ cron, timezone }).after(nowMs)
  if (future === null) throw new ScheduleNeverRuns('cron', 'NOTHING_FITS')
  const nextRunAtMs = isOtherRhythm ? future : (schedule.nextRunAtMs ?? future)
  if (endsAtMs !== null && nextRunAtMs > endsAtMs) throw new ScheduleNeverRuns(update.endsAt === undefined ? 'cron' : 'endsAt', 'ENDS_BEFORE')
  return { endsAtMs, nextRunAtMs: schedule.pausedAtMs === null ? nextRunAtMs : null }
}
