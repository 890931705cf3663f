/** What every change of a schedule has in common: the row held, and the event. */

import { ownedBy } from '../core/actor.ts'
import { NotFound } from '../core/errors.ts'
import { changedFrom } from '../events/changed.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { SCHEDULE_COLUMNS, SCHEDULE_VALUES, SCHEDULES_TOPIC, type ScheduledTask, type ScheduleValues, toScheduleValues } from './schedule.ts'

export interface Held {
  schedule: ScheduleValues
  task: ScheduledTask
  /** The database's clock. */
  nowMs: number
}

/** The actor's schedule as it is, and stays to the end of the transaction unless this one changes it: it does not fire meanwhile. */
export async function scheduleHold(work: Work, id: string): Promise<Held> {
  const [row] = await work.rows<Record<string, unknown> & Pick<Held, 'task' | 'nowMs'>>(
    Prisma.sql`SELECT ${SCHEDULE_VALUES}, "task", ${work.sql.nowMs} AS "nowMs" FROM "Schedule" WHERE ${mine(work, id)} ${work.sql.forUpdate}`,
  )
  if (!row) throw new NotFound('Schedule', ['input', 'id'])
  return { schedule: toScheduleValues(row), task: row.task, nowMs: row.nowMs }
}

/** Changes a schedule that is held, and tells it. */
export async function scheduleSet(work: Work, before: ScheduleValues, set: Prisma.Sql, kind: ScheduleChange, extra?: Record<string, unknown>): Promise<void> {
  const [row] = await work.rows<Record<string, unknown>>(Prisma.sql`UPDATE "Schedule" SET ${set} WHERE ${mine(work, before.id)} RETURNING ${SCHEDULE_VALUES}`)
  scheduleChanged(work, kind, { before, after: toScheduleValues(row!) }, extra)
}

const mine = (work: Work, id: string): Prisma.Sql => {
  const { ownerId } = ownedBy(work.actor)
  return Prisma.sql`"Schedule"."id" = ${id} ${ownerId === undefined ? Prisma.empty : Prisma.sql`AND "Schedule"."ownerId" = ${ownerId}`}`
}

export type ScheduleChange = 'CREATED' | 'UPDATED' | 'PAUSED' | 'RESUMED' | 'FIRED' | 'FAILED' | 'SKIPPED' | 'DELETED'

/** Notes a change of a schedule: its event and, where its owner gave it another next tick, the signal to those who look for it. */
export function scheduleChanged(
  work: Work,
  kind: ScheduleChange,
  { before, after }: { before: ScheduleValues | null; after: ScheduleValues },
  extra: Record<string, unknown> = {},
): void {
  const { id, ownerId, ...values } = after
  work.events.push({
    kind: `SCHEDULE_${kind}`,
    subjectType: 'Schedule',
    subjectId: id,
    ownerId,
    data: { ...values, ...extra, ...changedFrom(SCHEDULE_COLUMNS, before, after) },
  })
  if (kind === 'CREATED' || kind === 'UPDATED' || kind === 'RESUMED') work.signals.add(SCHEDULES_TOPIC)
}
