import { keptText } from '../core/kept-text.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { Moved } from './task-move.ts'

export type AttemptOutcome = 'COMPLETED' | 'FAILED' | 'CANCELLED' | 'TIMED_OUT' | 'LOST' | 'RELEASED' | 'WAITED'

/** Keeps attempts that ended while their tasks go on. The last one of a task that ended stands in the task itself. */
export async function attemptsKeep(work: Work, ended: readonly Moved[], outcome: AttemptOutcome, error?: string): Promise<void> {
  const attempts = ended.filter(({ before }) => before.attempt > 0 && before.startedAtMs !== null)
  if (!attempts.length) return
  const kept = work.sql.table('kept', {
    taskId: { kind: 'text', values: attempts.map(({ before }) => before.id) },
    attempt: { kind: 'integer', values: attempts.map(({ before }) => before.attempt) },
    worker: { kind: 'text', values: attempts.map(({ before }) => before.worker ?? before.lastWorker) },
    error: { kind: 'text', values: attempts.map(({ before }) => (error === undefined ? before.error : keptText(error, 4000))) },
    startedAtMs: { kind: 'bigint', values: attempts.map(({ before }) => before.startedAtMs) },
    completedAtMs: { kind: 'bigint', values: attempts.map(({ before }) => before.completedAtMs) },
  })
  await work.execute(Prisma.sql`INSERT INTO "TaskAttempt" ("taskId", "attempt", "worker", "outcome", "error", "startedAtMs", "endedAtMs")
    SELECT "taskId", "attempt", "worker", ${work.sql.asEnum('AttemptOutcome', outcome)}, "error", "startedAtMs", COALESCE("completedAtMs", ${work.sql.nowMs}) FROM ${kept}`)
}
