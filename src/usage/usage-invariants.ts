/** What holds of calls and their sums. */
import { foundBy, registerInvariant } from '../events/invariants.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { runsAttempt } from '../tasks/task-standing.ts'
import { TASKLESS_MS } from './meter.ts'

/** Longer than any server needs to come to it. */
const ENDED_WITHIN_MS = 30_000

registerInvariant({
  name: 'USAGE_WITHOUT_ATTEMPT',
  description:
    'A call that runs belongs to the attempt of a task that runs, or the task moved on no longer than 30 s ago; one made for no task has not run for long.',
  find: foundBy(
    'ProviderUsage',
    ({ ago }) => Prisma.sql`SELECT "id" AS "subjectId", "taskId", "attempt", "streamId", "startedAtMs" FROM "ProviderUsage"
      WHERE "status" = 'RUNNING' AND "startedAtMs" < CASE WHEN "taskId" IS NULL THEN ${ago(TASKLESS_MS + ENDED_WITHIN_MS)} ELSE ${ago(ENDED_WITHIN_MS)} END AND NOT (${runsAttempt(Prisma.sql`"ProviderUsage"."taskId"`, Prisma.sql`"ProviderUsage"."attempt"`)})
        AND NOT EXISTS (SELECT 1 FROM "Task" AS "over" WHERE "over"."id" = "ProviderUsage"."taskId"
          AND (COALESCE("completedAtMs", 0) >= ${ago(ENDED_WITHIN_MS)} OR COALESCE("queuedAtMs", 0) >= ${ago(ENDED_WITHIN_MS)} OR COALESCE("over"."startedAtMs", 0) >= ${ago(ENDED_WITHIN_MS)}))`,
  ),
})
