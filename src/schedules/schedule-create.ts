import { requireKnown } from '../core/actor.ts'
import { BadUserInput, IdTaken } from '../core/errors.ts'
import { newId } from '../core/ids.ts'
import { registerConstraint } from '../db/constraints.ts'
import { whole } from '../db/statement-values.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { userLock } from '../identity/user-lock.ts'
import type { TaskTypes } from '../tasks/task-type.ts'
import { rhythmOf } from './cron.ts'
import { DEFAULT_CATCH_UP, MAX_SCHEDULES, type MissedTicks, SCHEDULE_VALUES, type ScheduledTask, toScheduleValues } from './schedule.ts'
import { scheduleChanged } from './schedule-change.ts'
import { ScheduleLimitReached, ScheduleNeverRuns } from './schedule-errors.ts'
import { scheduledTaskCheck } from './scheduled-task.ts'

registerConstraint({ model: 'Schedule', fields: ['id'] }, () => new IdTaken('Schedule'))

export interface ScheduleCreation {
  id?: string | undefined
  name: string
  cron: string
  timezone?: string | undefined
  task: ScheduledTask
  missed?: MissedTicks | undefined
  maxCatchUp?: number | undefined
  endsAt?: Date | undefined
  paused?: boolean | undefined
  idempotencyKey?: string | undefined
}

/** Writes a schedule down. Its first tick is the next time that fits, by the database's clock. Answers its id. */
export async function scheduleCreate(work: Work, types: TaskTypes, creation: ScheduleCreation): Promise<string> {
  const { userId } = requireKnown(work.actor)
  const { id = newId(), name, cron, timezone = 'UTC', task, missed = 'SKIP', maxCatchUp = DEFAULT_CATCH_UP, endsAt, paused = false } = creation
  const rhythm = rhythmOf({ cron, timezone })
  await scheduledTaskCheck(work, types, userId, task)
  // One at a time of an owner, or two would both be the last that fits.
  await userLock(work, userId)
  const [now] = await work.rows<{ nowMs: number; count: number }>(
    Prisma.sql`SELECT ${work.sql.nowMs} AS "nowMs", (SELECT COUNT(*) FROM "Schedule" WHERE "ownerId" = ${userId}) AS "count"`,
  )
  if (now!.count >= MAX_SCHEDULES) throw new ScheduleLimitReached()
  const endsAtMs = endsAt?.getTime() ?? null
  if (endsAtMs !== null && endsAtMs <= now!.nowMs) throw new BadUserInput('Must lie in the future.', ['input', 'endsAt'])
  const nextRunAtMs = rhythm.after(now!.nowMs)
  if (nextRunAtMs === null) throw new ScheduleNeverRuns('cron', 'NOTHING_FITS')
  if (endsAtMs !== null && nextRunAtMs > endsAtMs) throw new ScheduleNeverRuns('endsAt', 'ENDS_BEFORE')
  const [row] = await work.rows<Record<string, unknown>>(Prisma.sql`
    INSERT INTO "Schedule" ("id", "ownerId", "name", "cron", "timezone", "task", "missed", "maxCatchUp", "endsAtMs", "pausedAtMs", "nextRunAtMs", "idempotencyKey", "createdAtMs", "updatedAtMs")
    VALUES (${id}, ${userId}, ${name}, ${cron.trim()}, ${timezone}, ${work.sql.json(task)}, ${work.sql.asEnum('MissedTicks', missed)}, ${maxCatchUp}, ${whole(endsAtMs)},
      ${paused ? work.sql.nowMs : Prisma.sql`NULL`}, ${whole(paused ? null : nextRunAtMs)}, ${creation.idempotencyKey ?? null}, ${work.sql.nowMs}, ${work.sql.nowMs})
    RETURNING ${SCHEDULE_VALUES}`)
  scheduleChanged(work, 'CREATED', { before: null, after: toScheduleValues(row!) })
  return id
}
