/**
 * What is due fires: the heart of the schedules. Any number of servers may do this at once, and each may be killed anywhere.
 *
 * One transaction takes due schedules (rows that another server has are passed over), writes their ticks down, makes the tasks and
 * moves the schedules on. The tick's row, unique by schedule and time, decides: who finds it there makes no task. Until
 * the commit nothing has happened, and from then on all of it has.
 */

import { server } from '../core/actor.ts'
import { DomainError } from '../core/errors.ts'
import { isRetryable, isUnreachable } from '../db/constraints.ts'
import type { Store } from '../events/store.ts'
import { transact } from '../events/transact.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { inPlaceOf } from '../identity/in-place-of.ts'
import type { TaskTypes } from '../tasks/task-type.ts'
import { rhythmOf } from './cron.ts'
import { type Due, dueTicks } from './due-ticks.ts'
import { SCHEDULE_VALUES, type ScheduledTask, type ScheduleValues, toScheduleValues } from './schedule.ts'
import { scheduledTasksCreate, type Wanted } from './scheduled-task.ts'
import { type Fired, schedulesMove, ticksWrite } from './schedules-move.ts'

const SCHEDULES_AT_ONCE = 50
/** Of one schedule, so that others need not wait until it has caught up. */
const TICKS_AT_ONCE = 25
const BUG = 'The task could not be made, by an internal error; the server’s log tells more under the id of the schedule.'

export interface Firing {
  /** Is told of errors that nobody foresaw. */
  warn: (error: unknown, scheduleId: string) => void
  /** Ends it between two transactions. */
  signal?: AbortSignal
}

/** Lets everything fire that is due by the database's clock. Answers how many ticks did. */
export async function schedulesFire(store: Store, types: TaskTypes, { warn, signal }: Firing): Promise<number> {
  let fired = 0
  while (!signal?.aborted) {
    let taken: string[] = []
    try {
      const { result } = await transact(store, server, async (work) => {
        const due = await dueTake(work)
        taken = due.map(({ schedule }) => schedule.id)
        return fire(work, types, due)
      })
      fired += result
    } catch (error) {
      if (!taken.length || isUnreachable(error) || isRetryable(error)) throw error
      // One of them is at fault, and must not stop the others. Should one not even be moved on, it is left for later.
      const counts = []
      for (const id of taken) counts.push(await fireAlone(store, types, id, warn))
      for (const count of counts) fired += count ?? 0
      if (counts.includes(null)) return fired
    }
    if (!taken.length) break
  }
  return fired
}

/** One schedule by itself; where even that fails, its ticks count as failed. Null where that cannot be written either. */
async function fireAlone(store: Store, types: TaskTypes, id: string, warn: Firing['warn']): Promise<number | null> {
  for (const failure of [undefined, BUG]) {
    try {
      return (await transact(store, server, async (work) => fire(work, types, await dueTake(work, id), failure))).result
    } catch (error) {
      if (isUnreachable(error) || isRetryable(error)) throw error
      warn(error, id)
    }
  }
  return null
}

interface Taken {
  schedule: ScheduleValues & { nextRunAtMs: number }
  task: ScheduledTask
  nowMs: number
}

/** Where nobody may act, nothing fires: the ticks of an owner who is disabled are missed ones, once the owner is let in again. */
export const isDue = (work: Pick<Work, 'sql'>): Prisma.Sql => Prisma.sql`"nextRunAtMs" <= ${work.sql.nowMs} AND ${ownerActs}`
export const ownerActs = Prisma.sql`NOT EXISTS (SELECT 1 FROM "User" WHERE "User"."id" = "Schedule"."ownerId" AND "User"."disabledAtMs" IS NOT NULL)`

async function dueTake(work: Work, id?: string): Promise<Taken[]> {
  const rows = await work.rows<Record<string, unknown> & Pick<Taken, 'task' | 'nowMs'>>(Prisma.sql`
    SELECT ${SCHEDULE_VALUES}, "task", ${work.sql.nowMs} AS "nowMs" FROM "Schedule" WHERE ${isDue(work)} ${id === undefined ? Prisma.empty : Prisma.sql`AND "Schedule"."id" = ${id}`}
    ORDER BY "nextRunAtMs" LIMIT ${SCHEDULES_AT_ONCE} ${work.sql.forUpdateSkipLocked}`)
  return rows.map((row) => ({ schedule: toScheduleValues(row) as Taken['schedule'], task: row.task, nowMs: row.nowMs }))
}

/** `failure`: why no task can be made, where that is known already. Answers how many ticks fired. */
async function fire(work: Work, types: TaskTypes, taken: readonly Taken[], failure?: string): Promise<number> {
  if (!taken.length) return 0
  const plans = taken.map((each) => ({ ...each, due: planned(each) }))
  const written = await ticksWrite(
    work,
    plans.flatMap(({ schedule, due }) => due.ticks.map((tickAtMs) => ({ scheduleId: schedule.id, tickAtMs }))),
  )
  const firing = plans.map(({ schedule, task, due }) => ({ schedule, task, ticks: due.ticks.filter((tickAtMs) => written.has(schedule.id, tickAtMs)) }))
  const outcomes = failure === undefined ? await tasksMake(work, types, firing) : firing.map(() => ({ error: failure }))
  const fired: Fired[] = firing.flatMap(({ schedule, ticks }, i) => {
    const outcome = outcomes[i]!
    return ticks.map((tickAtMs, n) => ({ scheduleId: schedule.id, tickAtMs, ...('error' in outcome ? outcome : { taskId: outcome.taskIds[n]! }) }))
  })
  await schedulesMove(work, plans, fired)
  return fired.length
}

async function tasksMake(work: Work, types: TaskTypes, firing: readonly { schedule: ScheduleValues; task: ScheduledTask; ticks: readonly number[] }[]) {
  const owners = new Map<string, Work>()
  const wanted: Wanted[] = []
  for (const { schedule, task, ticks } of firing) {
    const owner = owners.get(schedule.ownerId) ?? (await inPlaceOf(work, schedule.ownerId))
    owners.set(schedule.ownerId, owner)
    wanted.push({ owner, scheduleId: schedule.id, task, times: ticks.length })
  }
  return scheduledTasksCreate(work, types, wanted)
}

/** A schedule whose expression or time zone this server does not understand rests, and says so. */
function planned({ schedule, nowMs }: Taken): Due & { broken?: string } {
  try {
    return dueTicks(schedule, rhythmOf(schedule), nowMs, TICKS_AT_ONCE)
  } catch (error) {
    if (!(error instanceof DomainError)) throw error
    return { ticks: [], nextRunAtMs: null, skipped: null, broken: error.message }
  }
}
