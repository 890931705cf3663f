/** The statements of a firing: many ticks and many schedules by one of each. */
import { toGlobalId } from '../core/ids.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { Due } from './due-ticks.ts'
import { SCHEDULE_VALUES, type ScheduleValues, toScheduleValues } from './schedule.ts'
import { scheduleChanged } from './schedule-change.ts'

export interface Tick {
  scheduleId: string
  tickAtMs: number
}

export type Fired = Tick & ({ taskId: string } | { error: string })

const keyOf = ({ scheduleId, tickAtMs }: Tick) => `${scheduleId} ${tickAtMs}`

/** Writes ticks down. Those that were there already are not among the answer: they have fired. */
export async function ticksWrite(work: Work, ticks: readonly Tick[]): Promise<{ has(scheduleId: string, tickAtMs: number): boolean }> {
  const written = new Set<string>()
  if (ticks.length) {
    const given = work.sql.table('tick', {
      scheduleId: { kind: 'text', values: ticks.map(({ scheduleId }) => scheduleId) },
      tickAtMs: { kind: 'bigint', values: ticks.map(({ tickAtMs }) => tickAtMs) },
    })
    const rows = await work.rows<Tick>(Prisma.sql`
      INSERT INTO "ScheduleTick" ("scheduleId", "tickAtMs", "firedAtMs") SELECT "scheduleId", "tickAtMs", ${work.sql.nowMs} FROM ${given} WHERE 1 = 1
      ON CONFLICT ("scheduleId", "tickAtMs") DO NOTHING RETURNING "scheduleId", "tickAtMs"`)
    for (const row of rows) written.add(keyOf(row))
  }
  return { has: (scheduleId, tickAtMs) => written.has(keyOf({ scheduleId, tickAtMs })) }
}

interface Plan {
  schedule: ScheduleValues
  due: Due & { broken?: string }
}

/** Moves schedules on to their next ticks, and tells what came of the ones that fired. */
export async function schedulesMove(work: Work, plans: readonly Plan[], fired: readonly Fired[]): Promise<void> {
  await tasksNote(work, fired)
  const bySchedule = new Map<string, Fired[]>()
  for (const each of fired) bySchedule.set(each.scheduleId, [...(bySchedule.get(each.scheduleId) ?? []), each])
  const lastOf = ({ schedule }: Plan) => bySchedule.get(schedule.id)?.at(-1)
  const moves = work.sql.table('move', {
    scheduleId: { kind: 'text', values: plans.map(({ schedule }) => schedule.id) },
    nextAtMs: { kind: 'bigint', values: plans.map(({ due }) => due.nextRunAtMs) },
    hasRun: { kind: 'integer', values: plans.map((plan) => (bySchedule.get(plan.schedule.id)?.some((each) => 'taskId' in each) ? 1 : 0)) },
    failure: { kind: 'text', values: plans.map((plan) => errorAfter(plan, lastOf(plan))) },
  })
  const rows = await work.rows<Record<string, unknown>>(Prisma.sql`
    UPDATE "Schedule" SET "nextRunAtMs" = "move"."nextAtMs", "error" = "move"."failure",
      "lastRunAtMs" = CASE WHEN "move"."hasRun" = 1 THEN ${work.sql.nowMs} ELSE "lastRunAtMs" END
    FROM ${moves} WHERE "Schedule"."id" = "move"."scheduleId" RETURNING ${SCHEDULE_VALUES}`)
  const moved = new Map(rows.map((row) => [row.id, toScheduleValues(row)]))
  for (const { schedule: before, due } of plans) {
    const change = { before, after: moved.get(before.id)! }
    if (due.skipped) scheduleChanged(work, 'SKIPPED', change, due.skipped)
    if (due.broken !== undefined) scheduleChanged(work, 'FAILED', change, { reason: due.broken })
    for (const each of bySchedule.get(before.id) ?? []) {
      const { tickAtMs } = each
      if ('taskId' in each) scheduleChanged(work, 'FIRED', change, { tickAtMs, taskId: toGlobalId('Task', each.taskId) })
      else scheduleChanged(work, 'FAILED', change, { tickAtMs, reason: each.error })
    }
  }
}

/** What went wrong with its last tick; with none, nothing new is known. */
function errorAfter({ schedule, due }: Plan, last: Fired | undefined): string | null {
  if (due.broken !== undefined) return due.broken
  if (!last) return schedule.error
  return 'error' in last ? last.error : null
}

async function tasksNote(work: Work, fired: readonly Fired[]): Promise<void> {
  const made = fired.flatMap((each) => ('taskId' in each ? [each] : []))
  if (!made.length) return
  const given = work.sql.table('made', {
    ofSchedule: { kind: 'text', values: made.map(({ scheduleId }) => scheduleId) },
    atMs: { kind: 'bigint', values: made.map(({ tickAtMs }) => tickAtMs) },
    task: { kind: 'text', values: made.map(({ taskId }) => taskId) },
  })
  await work.execute(
    Prisma.sql`UPDATE "ScheduleTick" SET "taskId" = "made"."task" FROM ${given} WHERE "scheduleId" = "made"."ofSchedule" AND "tickAtMs" = "made"."atMs"`,
  )
}
