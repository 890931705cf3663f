import { keptJson, keptText } from '../core/kept-text.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { producedBy, streamsEnd } from '../streams/streams-end.ts'
import type { Lease, TaskValues } from './task.ts'
import { TaskNotLeased } from './task-errors.ts'
import { ended, status, statusIs, taskChanged, tasksMove } from './task-move.ts'
import type { TaskOutcome } from './task-type.ts'
import { tasksEnded } from './tasks-ended.ts'

export interface Completion extends Lease {
  outcome: TaskOutcome
}

/**
 * Only the holder of the lease may finish a task; a worker whose lease was taken over may not. Many at once, by one statement:
 * each is judged by itself. Their streams are completed with them, unless they are known to have none. Answers those that were.
 */
export async function tasksComplete(work: Work, completions: readonly Completion[], { streams = true } = {}): Promise<Map<string, TaskValues>> {
  if (!completions.length) return new Map()
  const texts = (value: (outcome: TaskOutcome) => string | null) => ({ kind: 'text' as const, values: completions.map(({ outcome }) => value(outcome)) })
  const jsonText = (value: unknown) => (value === undefined ? null : JSON.stringify(keptJson(value)))
  const moved = await tasksMove(work, {
    given: {
      ids: completions.map(({ id }) => id),
      columns: {
        given_token: { kind: 'text', values: completions.map(({ leaseToken }) => leaseToken) },
        given_result: texts((outcome) => jsonText(outcome.result)),
        given_summary: texts((outcome) => (outcome.summary === undefined ? null : keptText(outcome.summary))),
        given_agents: texts((outcome) => jsonText(outcome.agentsInvolved)),
        given_metrics: texts((outcome) => jsonText(outcome.metrics)),
        given_files: texts((outcome) => jsonText(outcome.files)),
      },
    },
    guard: Prisma.sql`${statusIs('RUNNING')} AND "leaseToken" = "given_token"`,
    set: (
      nowMs,
    ) => Prisma.sql`"status" = ${status('COMPLETED')}, "result" = ${work.sql.asJson(Prisma.sql`"given_result"`)}, "summary" = COALESCE("given_summary", "summary"),
      "agentsInvolved" = COALESCE(${work.sql.asJson(Prisma.sql`"given_agents"`)}, "agentsInvolved"), "metrics" = COALESCE(${work.sql.asJson(Prisma.sql`"given_metrics"`)}, "metrics"),
      "files" = COALESCE(${work.sql.asJson(Prisma.sql`"given_files"`)}, "files"), "error" = NULL, "progress" = 1, ${ended(work, nowMs)}`,
    becomes: ({ startedAtMs }, nowMs) => ({
      status: 'COMPLETED',
      error: null,
      progress: 1,
      worker: null,
      attemptEndsAtMs: null,
      completedAtMs: nowMs,
      durationMs: startedAtMs === null ? null : nowMs - startedAtMs,
    }),
  })
  if (!moved.length) return new Map()
  if (streams) await streamsEnd(work, producedBy(moved.map(({ after }) => after.id)), { status: 'COMPLETED' })
  for (const each of moved) taskChanged(work, 'COMPLETED', each)
  await tasksEnded(work, moved)
  return new Map(moved.map(({ after }) => [after.id, after]))
}

/** The same for one; who does not hold the lease is told. */
export async function taskComplete(work: Work, lease: Lease, outcome: TaskOutcome): Promise<void> {
  const completed = await tasksComplete(work, [{ ...lease, outcome }])
  if (!completed.has(lease.id)) throw new TaskNotLeased()
}
