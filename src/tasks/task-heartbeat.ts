import { keptJson, keptText } from '../core/kept-text.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { type Lease, TASK_VALUES, type TaskValues, toTaskValues } from './task.ts'
import { TaskNotLeased } from './task-errors.ts'
import { type Moved, statusIs, taskChanged, tasksMove } from './task-move.ts'

/** What a worker tells of itself. */
export interface Report {
  /** From 0 to 1; what is outside is taken for the nearer end, what is no number tells nothing. */
  progress?: number | undefined
  progressMessage?: string | undefined
  agentsInvolved?: readonly string[] | undefined
  metrics?: unknown
}

/** Whether a worker shall stop, and why. */
export type StopReason = 'CANCELLED' | 'TIMED_OUT' | null

export interface Heartbeat {
  task: TaskValues
  leaseExpiresAtMs: number
  stop: StopReason
}

/** Only the holder of the lease may say how far a task is. Its lease begins anew, and it hears whether it shall stop. */
export async function taskHeartbeat(work: Work, lease: Lease, report: Report = {}): Promise<Heartbeat> {
  const set = [Prisma.sql`"leaseExpiresAtMs" = ${work.sql.nowMs} + "leaseSeconds" * 1000`]
  const tells = report.progress !== undefined || report.progressMessage !== undefined || report.agentsInvolved !== undefined || report.metrics !== undefined
  if (report.progress !== undefined) {
    const fraction = Number.isNaN(report.progress) ? null : Math.min(1, Math.max(0, report.progress))
    set.push(Prisma.sql`"progress" = CAST(${fraction} AS DOUBLE PRECISION)`)
  }
  const message = report.progressMessage === undefined ? null : keptText(report.progressMessage, 1000)
  if (report.progress !== undefined || report.progressMessage !== undefined) set.push(Prisma.sql`"progressMessage" = CAST(${message} AS TEXT)`)
  if (report.agentsInvolved) set.push(Prisma.sql`"agentsInvolved" = ${work.sql.json(keptJson(report.agentsInvolved))}`)
  if (report.metrics !== undefined) set.push(Prisma.sql`"metrics" = ${work.sql.json(keptJson(report.metrics))}`)
  const returning = Prisma.sql`"leaseExpiresAtMs", "attemptEndsAtMs" <= ${work.sql.nowMs} AS "isOver"`
  const [moved] = tells ? await tasksMove(work, { guard: held(lease), set: Prisma.join(set), returning }) : await renewed(work, lease, set, returning)
  if (!moved) throw new TaskNotLeased()
  if (tells) taskChanged(work, 'PROGRESSED', moved, { ...(message !== null && { progressMessage: message }) })
  const stop = moved.after.cancelRequestedAtMs !== null ? 'CANCELLED' : moved.row.isOver ? 'TIMED_OUT' : null
  return { task: moved.after, leaseExpiresAtMs: Number(moved.row.leaseExpiresAtMs), stop }
}

/** Who only says that it lives changes nothing of which the log would have to tell, not even when the task was last changed. */
async function renewed(work: Work, lease: Lease, set: Prisma.Sql[], returning: Prisma.Sql): Promise<Moved[]> {
  const rows = await work.rows<Record<string, unknown>>(
    Prisma.sql`UPDATE "Task" SET ${Prisma.join(set)} WHERE ${held(lease)} RETURNING ${TASK_VALUES}, ${returning}`,
  )
  return rows.map((row) => ({ before: toTaskValues(row), after: toTaskValues(row), row }))
}

/** The guard of every statement a worker makes. */
export const held = (lease: Lease): Prisma.Sql => Prisma.sql`"id" = ${lease.id} AND ${statusIs('RUNNING')} AND "leaseToken" = ${lease.leaseToken}`
