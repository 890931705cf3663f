import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { TASKS_TOPIC } from './task.ts'

const BATCH = 1000

/**
 * Makes claimable what has become due. What is due later lies apart until then, so that it is in no claim's way. Answers when
 * the next one is due, in milliseconds from now; null where none is. It is bookkeeping of the queue: a task was QUEUED and is.
 */
export async function tasksPromote(work: Work): Promise<number | null> {
  const later = Prisma.raw(`"status" = 'QUEUED' AND "readyAtMs" IS NULL AND "waitingFor" = 0`)
  const count = await work.execute(Prisma.sql`UPDATE "Task" SET "readyAtMs" = ${work.sql.nowMs} WHERE "id" IN (
    SELECT "id" FROM "Task" WHERE ${later} AND "runAtMs" <= ${work.sql.nowMs} ORDER BY "runAtMs" LIMIT ${BATCH} ${work.sql.forUpdateSkipLocked}) AND ${later}`)
  if (count) work.signals.add(TASKS_TOPIC)
  if (count === BATCH) return 0
  const [next] = await work.rows<{ inMs: number }>(
    Prisma.sql`SELECT "runAtMs" - ${work.sql.nowMs} AS "inMs" FROM "Task" WHERE ${later} ORDER BY "runAtMs" LIMIT 1`,
  )
  return next ? Math.max(0, Number(next.inMs)) : null
}
