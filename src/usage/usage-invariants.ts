/** What holds of calls and their sums. */
import { foundBy, registerInvariant } from '../events/invariants.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { runsAttempt } from '../tasks/task-standing.ts'

/** Longer than any server needs to come to it. */
const ENDED_WITHIN_MS = 30_000
const ALONE_WITHIN_MS = 15 * 60_000

registerInvariant({
  name: 'USAGE_WITHOUT_ATTEMPT',
  description:
    'A call that runs belongs to the attempt of a task that runs, or the task moved on no longer than 30 s ago; one of no task is no older than 15 minutes.',
  find: foundBy(
    'ProviderUsage',
    ({ ago }) => Prisma.sql`SELECT "id" AS "subjectId", "taskId", "attempt", "streamId", "startedAtMs" FROM "ProviderUsage"
      WHERE "status" = 'RUNNING' AND "startedAtMs" < ${ago(ENDED_WITHIN_MS)} AND NOT (${runsAttempt(Prisma.sql`"ProviderUsage"."taskId"`, Prisma.sql`"ProviderUsage"."attempt"`)})
        AND ("taskId" IS NOT NULL OR "startedAtMs" < ${ago(ALONE_WITHIN_MS)})
        AND NOT EXISTS (SELECT 1 FROM "Task" AS "over" WHERE "over"."id" = "ProviderUsage"."taskId"
          AND (COALESCE("completedAtMs", 0) >= ${ago(ENDED_WITHIN_MS)} OR COALESCE("queuedAtMs", 0) >= ${ago(ENDED_WITHIN_MS)} OR COALESCE("over"."startedAtMs", 0) >= ${ago(ENDED_WITHIN_MS)}))`,
  ),
})
