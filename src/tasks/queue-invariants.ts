/** What holds of tasks that wait: for their time, for others, for room under a key. */
import { type At, foundBy, NEWEST, registerInvariant } from '../events/invariants.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { SWEPT_WITHIN_MS } from './task-invariants.ts'

const LIMIT = Prisma.raw(String(NEWEST))
/** Those that wait for others. */
const waiting = Prisma.sql`(SELECT "id", "status", "waitingFor" FROM "Task" WHERE "status" IN ('CREATED', 'QUEUED') AND "waitingFor" > 0) AS "waiting"`
/** For whom the newest tasks wait. */
const pendingEdges = Prisma.sql`(SELECT "taskId", "dependsOnId" FROM "TaskDependency" WHERE "isPending" ORDER BY "taskId" DESC LIMIT ${LIMIT}) AS "edge"`
/** Of what can be claimed that which lies in front. */
const claimable = ({ sql }: At, columns: string) =>
  Prisma.sql`(SELECT ${Prisma.raw(columns)} FROM "Task" WHERE "status" = 'QUEUED' AND "readyAtMs" IS NOT NULL
    ORDER BY ${sql.byBytes(Prisma.sql`"lane"`)}, "priority" DESC, "runAtMs", "id" LIMIT ${LIMIT}) AS "front"`

registerInvariant({
  name: 'TASK_DUE_NOT_READY',
  description: 'What is QUEUED, due, and waits for nothing can be claimed, within 10 s.',
  find: foundBy(
    'Task',
    ({ ago }) => Prisma.sql`SELECT "id" AS "subjectId", "runAtMs" FROM "Task"
      WHERE "status" = 'QUEUED' AND "readyAtMs" IS NULL AND "waitingFor" = 0 AND "runAtMs" < ${ago(SWEPT_WITHIN_MS)}`,
  ),
})

registerInvariant({
  name: 'TASK_DEADLINE_MISSED',
  description: 'Nothing is QUEUED any more 10 s after all its time was over.',
  find: foundBy(
    'Task',
    ({ ago }) => Prisma.sql`SELECT "id" AS "subjectId", "deadlineAtMs" FROM "Task"
      WHERE "status" = 'QUEUED' AND "deadlineAtMs" IS NOT NULL AND "deadlineAtMs" < ${ago(SWEPT_WITHIN_MS)}`,
  ),
})

registerInvariant({
  name: 'TASK_READY_WRONGLY',
  description: 'What can be claimed waits for nothing and is held by nobody; looked at are 10,000 of them.',
  find: foundBy(
    'Task',
    (at) => Prisma.sql`SELECT "id" AS "subjectId", "waitingFor", "worker", "leaseExpiresAtMs", "attemptEndsAtMs"
      FROM ${claimable(at, '"id", "waitingFor", "worker", "leaseToken", "leaseExpiresAtMs", "attemptEndsAtMs"')}
      WHERE "waitingFor" <> 0 OR "worker" IS NOT NULL OR "leaseToken" IS NOT NULL OR "leaseExpiresAtMs" IS NOT NULL OR "attemptEndsAtMs" IS NOT NULL`,
  ),
})

registerInvariant({
  name: 'TASK_IN_WRONG_LANE',
  description: 'What can be claimed stands in the lane of its type, owner and key, where workers look for it; looked at are 10,000 of them.',
  find: foundBy(
    'Task',
    (at) => Prisma.sql`SELECT "id" AS "subjectId", "lane", "type", "concurrencyKey" FROM ${claimable(at, '"id", "lane", "type", "ownerId", "concurrencyKey"')}
      WHERE "lane" <> "type" || '@' || "ownerId" || COALESCE('#' || "concurrencyKey", '') AND ("lane" <> "type" OR "concurrencyKey" IS NOT NULL)`,
  ),
})

registerInvariant({
  name: 'TASK_WAITING_MISCOUNTED',
  description:
    'What has not been claimed waits for as many tasks as it depends on that have not ended; looked at are all that wait for some, and the newest 10,000 dependencies that have not ended.',
  find: foundBy(
    'Task',
    (at) => Prisma.sql`SELECT * FROM (
        SELECT "id" AS "subjectId", "status", "waitingFor", (SELECT COUNT(*) FROM "TaskDependency" WHERE "taskId" = "open"."id" AND "isPending") AS "pending" FROM (
          SELECT * FROM ${waiting} UNION SELECT "of"."id", "of"."status", "of"."waitingFor"
          FROM ${at.each(pendingEdges, 'Task', Prisma.raw(`"of"."id" = "edge"."taskId" AND "of"."status" IN ('CREATED', 'QUEUED')`))}) AS "open") AS "counted"
      WHERE "waitingFor" <> "pending"`,
  ),
})

registerInvariant({
  name: 'TASK_WAITS_FOR_ENDED',
  description: 'Nothing waits for a task that has ended or is gone; looked at are all that wait, and the newest 10,000 dependencies that have not ended.',
  find: foundBy(
    'Task',
    (at) => Prisma.sql`SELECT * FROM (
        SELECT "taskId" AS "subjectId", "dependsOnId", (SELECT "status" FROM "Task" WHERE "id" = "edge"."dependsOnId") AS "dependsOnStatus" FROM (
          SELECT "of"."taskId", "of"."dependsOnId" FROM ${at.each(waiting, 'TaskDependency', Prisma.raw('"of"."taskId" = "waiting"."id" AND "of"."isPending"'))}
          UNION SELECT "taskId", "dependsOnId" FROM ${pendingEdges}) AS "edge") AS "told"
      WHERE "dependsOnStatus" IS NULL OR "dependsOnStatus" IN ('COMPLETED', 'FAILED', 'CANCELLED')`,
  ),
})

registerInvariant({
  name: 'TASK_WAITS_FOR_NOBODY',
  description: 'Whatever waits for others, be it what it depends on or its children, waits for one at least that has not ended.',
  find: foundBy(
    'Task',
    () => Prisma.sql`SELECT "id" AS "subjectId", "status", "waitingFor" FROM ${waiting} WHERE 0 = (
      SELECT COUNT(*) FROM "TaskDependency" JOIN "Task" AS "on" ON "on"."id" = "dependsOnId"
      WHERE "taskId" = "waiting"."id" AND "isPending" AND "on"."status" IN ('CREATED', 'QUEUED', 'RUNNING'))`,
  ),
})

registerInvariant({
  name: 'TASK_OUTLIVES_PARENT',
  description:
    'When a task FAILED or was CANCELLED, its children that had not ended were cancelled with it, or asked to stop; looked at are the 10,000 tasks that ended last.',
  find: foundBy(
    'Task',
    ({ each }) =>
      Prisma.sql`SELECT "of"."id" AS "subjectId", "of"."status", "parent"."id" AS "parentId", "parent"."status" AS "parentStatus", "parent"."completedAtMs" AS "parentCompletedAtMs" FROM ${each(
        Prisma.sql`(SELECT "id", "status", "completedAtMs" FROM (SELECT "id", "status", "completedAtMs" FROM "Task" WHERE "completedAtMs" IS NOT NULL ORDER BY "completedAtMs" DESC LIMIT ${LIMIT}) AS "ended"
        WHERE "status" IN ('FAILED', 'CANCELLED')) AS "parent"`,
        'Task',
        Prisma.raw(`"of"."parentId" = "parent"."id" AND "of"."parentId" IS NOT NULL
        AND ("of"."status" IN ('CREATED', 'QUEUED') OR ("of"."status" = 'RUNNING' AND "of"."cancelRequestedAtMs" IS NULL))
        AND COALESCE("of"."queuedAtMs", "of"."createdAtMs") < "parent"."completedAtMs"`),
      )}`,
  ),
})

registerInvariant({
  name: 'TASK_KEY_OVERFULL',
  description: 'Of a concurrency key no more tasks run at once than any of them allows.',
  find: foundBy(
    'ConcurrencyKey',
    () => Prisma.sql`SELECT "concurrencyKey" AS "subjectId", "ownerId", COUNT(*) AS "running", MAX(COALESCE("concurrencyLimit", 1)) AS "limit" FROM "Task"
      WHERE "status" = 'RUNNING' AND "concurrencyKey" IS NOT NULL GROUP BY "ownerId", "concurrencyKey" HAVING COUNT(*) > MAX(COALESCE("concurrencyLimit", 1))`,
  ),
})
