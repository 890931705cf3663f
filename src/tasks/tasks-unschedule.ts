import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'

/** Lets go of tasks that a schedule has made, the eldest first, at most so many; they stay. Answers how many there were. */
export const tasksUnschedule = (work: Work, scheduleId: string, limit: number): Promise<number> =>
  work.execute(Prisma.sql`
    UPDATE "Task" SET "scheduleId" = NULL WHERE "id" IN (SELECT "id" FROM "Task" WHERE "scheduleId" = ${scheduleId} ORDER BY "createdAtMs", "id" LIMIT ${limit})`)
