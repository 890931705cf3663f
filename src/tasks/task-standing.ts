/** Where a task stands, as a condition for the statements of other rooms. Counted, so that PostgreSQL looks at this one task alone. */
import { Prisma } from '../generated/sqlite/client.ts'

/** Whether a task runs, and with this attempt. */
export const runsAttempt = (taskId: Prisma.Sql, attempt: Prisma.Sql): Prisma.Sql =>
  Prisma.sql`1 = (SELECT COUNT(*) FROM "Task" AS "producing" WHERE "producing"."id" = ${taskId} AND "producing"."status" = 'RUNNING' AND "producing"."attempt" = ${attempt})`

/** Whether a task is there and has not ended. */
export const mayRun = (taskId: Prisma.Sql): Prisma.Sql =>
  Prisma.sql`1 = (SELECT COUNT(*) FROM "Task" AS "producing" WHERE "producing"."id" = ${taskId} AND "producing"."status" IN ('CREATED', 'QUEUED', 'RUNNING'))`
