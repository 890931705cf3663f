/** What holds of tasks that run, of those that have ended, and of their attempts. What holds of the queue: queue-invariants.ts. */
import { foundBy, NEWEST, registerInvariant } from '../events/invariants.ts'
import { lastEvents } from '../events/log-invariants.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { STOP_GRACE_MS } from './task.ts'

/** So long what is due may wait for the sweep that sees to it. */
export const SWEPT_WITHIN_MS = 10_000

const LIMIT = Prisma.raw(String(NEWEST))
const isFinal = Prisma.raw(`"status" IN ('COMPLETED', 'FAILED', 'CANCELLED')`)
const isHeld = Prisma.raw(
  `("worker" IS NOT NULL OR "workerKind" IS NOT NULL OR "leaseToken" IS NOT NULL OR "leaseSeconds" IS NOT NULL OR "leaseExpiresAtMs" IS NOT NULL)`,
)
const lacksLease = Prisma.raw(
  `("worker" IS NULL OR "workerKind" IS NULL OR "leaseToken" IS NULL OR "leaseSeconds" IS NULL OR "leaseExpiresAtMs" IS NULL OR "startedAtMs" IS NULL OR "attempt" < 1)`,
)
/** As in tasks-stop.ts. */
const grace = Prisma.raw(`(CASE WHEN "leaseSeconds" * 1000 > ${STOP_GRACE_MS} THEN "leaseSeconds" * 1000 ELSE ${STOP_GRACE_MS} END)`)

/** Columns of the tasks that ended last: a table to select from. */
const endedLast = (columns: string) =>
  Prisma.sql`(SELECT ${Prisma.raw(columns)} FROM "Task" WHERE "completedAtMs" IS NOT NULL ORDER BY "completedAtMs" DESC LIMIT ${LIMIT}) AS "ended"`
const running = (columns: string) => Prisma.sql`SELECT ${Prisma.raw(columns)} FROM "Task" WHERE "status" = 'RUNNING'`

registerInvariant({
  name: 'TASK_LEASE_LAPSED',
  description: 'Every RUNNING task has a living lease: 10 s after one ran out, its task has been taken over.',
  find: foundBy(
    'Task',
    ({ ago }) => Prisma.sql`${running('"id" AS "subjectId", "worker", "attempt", "leaseExpiresAtMs"')} AND "leaseExpiresAtMs" < ${ago(SWEPT_WITHIN_MS)}`,
  ),
})

registerInvariant({
  name: 'TASK_RUNS_UNHELD',
  description: 'Every RUNNING task is held by a worker, with all that belongs to a lease, and neither waits nor can be claimed.',
  find: foundBy(
    'Task',
    () => Prisma.sql`${running('"id" AS "subjectId", "worker", "workerKind", "leaseExpiresAtMs", "attempt", "startedAtMs", "readyAtMs", "waitingFor"')}
      AND (${lacksLease} OR "readyAtMs" IS NOT NULL OR "waitingFor" <> 0)`,
  ),
})

registerInvariant({
  name: 'TASK_OVERDUE',
  description: 'No attempt goes on after its time is over, but for the grace that its worker has to notice, and 10 s.',
  find: foundBy(
    'Task',
    ({ ago }) => Prisma.sql`${running('"id" AS "subjectId", "worker", "attempt", "attemptEndsAtMs"')} AND "attemptEndsAtMs" IS NOT NULL
      AND "attemptEndsAtMs" < ${ago(SWEPT_WITHIN_MS + STOP_GRACE_MS)} AND "attemptEndsAtMs" < ${ago(SWEPT_WITHIN_MS)} - ${grace} AND "cancelRequestedAtMs" IS NULL`,
  ),
})

registerInvariant({
  name: 'TASK_CANCEL_IGNORED',
  description: 'No task runs on after it was asked to stop, but for the grace that its worker has to notice, and 10 s.',
  find: foundBy(
    'Task',
    ({ ago }) => Prisma.sql`${running('"id" AS "subjectId", "worker", "attempt", "cancelRequestedAtMs"')} AND "cancelRequestedAtMs" IS NOT NULL
      AND "cancelRequestedAtMs" < ${ago(SWEPT_WITHIN_MS + STOP_GRACE_MS)} AND "cancelRequestedAtMs" < ${ago(SWEPT_WITHIN_MS)} - ${grace}`,
  ),
})

registerInvariant({
  name: 'TASK_ENDED_AND_HELD',
  description: 'What has ended is held by nobody and can be claimed by nobody, and only what is final has ended; looked at are the 10,000 that ended last.',
  find: foundBy(
    'Task',
    () => Prisma.sql`SELECT "id" AS "subjectId", "status", "worker", "leaseExpiresAtMs", "readyAtMs", "attemptEndsAtMs", "completedAtMs"
      FROM ${endedLast('"id", "status", "worker", "workerKind", "leaseToken", "leaseSeconds", "leaseExpiresAtMs", "readyAtMs", "attemptEndsAtMs", "completedAtMs"')}
      WHERE ${isHeld} OR "readyAtMs" IS NOT NULL OR "attemptEndsAtMs" IS NOT NULL OR NOT ${isFinal}`,
  ),
})

registerInvariant({
  name: 'TASK_ATTEMPTS_EXCEEDED',
  description: 'No task has had more attempts than it may; looked at are all that run, and the 10,000 that ended last.',
  find: foundBy(
    'Task',
    () => Prisma.sql`${running('"id" AS "subjectId", "status", "attempt", "maxAttempts"')} AND "attempt" > "maxAttempts"
      UNION ALL SELECT "id" AS "subjectId", "status", "attempt", "maxAttempts" FROM ${endedLast('"id", "status", "attempt", "maxAttempts"')} WHERE "attempt" > "maxAttempts"`,
  ),
})

/** How many attempts are kept that are before, are, or come after a task's present or last one. */
const kept = (than: '<' | '=' | '>') =>
  Prisma.sql`(SELECT COUNT(*) FROM "TaskAttempt" WHERE "taskId" = "task"."id" AND "TaskAttempt"."attempt" ${Prisma.raw(than)} "task"."attempt")`

registerInvariant({
  name: 'TASK_ATTEMPTS_MISCOUNTED',
  description:
    'Of a task that runs every earlier attempt is kept once, and of one that ended so is every one but the last, which stands in the task itself; looked at are all that run, and the 10,000 that ended last.',
  find: foundBy(
    'Task',
    () => Prisma.sql`SELECT * FROM (
        SELECT "id" AS "subjectId", "status", "attempt", ${kept('<')} AS "keptBefore", ${kept('=')} AS "keptSame", ${kept('>')} AS "keptAfter" FROM (
          ${running('"id", "status", "attempt"')} UNION ALL SELECT "id", "status", "attempt" FROM ${endedLast('"id", "status", "attempt"')}) AS "task"
        WHERE "attempt" > 1 OR 0 < (SELECT COUNT(*) FROM "TaskAttempt" WHERE "taskId" = "task"."id")) AS "counted"
      WHERE "keptBefore" <> (CASE WHEN "attempt" > 0 THEN "attempt" - 1 ELSE 0 END) OR "keptAfter" > 0 OR "keptSame" > (CASE WHEN "status" IN ('RUNNING', 'COMPLETED') THEN 0 ELSE 1 END)`,
  ),
})

const told = (column: string) => Prisma.raw(`CAST("of"."data" ->> '${column}' AS INTEGER)`)

registerInvariant({
  name: 'TASK_EVENTS_DISAGREE',
  description: 'A task is as the last event about it says; looked at are the newest 5,000 events.',
  find: foundBy(
    'Task',
    (
      at,
    ) => Prisma.sql`SELECT "last"."subjectId", "last"."position", "of"."kind", "of"."data" ->> 'status' AS "statusTold", "Task"."status", ${told('attempt')} AS "attemptTold", "Task"."attempt",
        ${told('waitingFor')} AS "waitingForTold", "Task"."waitingFor"
      FROM ${lastEvents(at, 'Task')} LEFT JOIN "Task" ON "Task"."id" = "last"."subjectId"
      WHERE ("Task"."id" IS NULL) <> ("of"."kind" = 'TASK_DELETED')
        OR ("Task"."id" IS NOT NULL
          AND (CAST("Task"."status" AS TEXT) <> "of"."data" ->> 'status' OR "Task"."attempt" <> ${told('attempt')} OR "Task"."waitingFor" <> ${told('waitingFor')}))`,
  ),
})
