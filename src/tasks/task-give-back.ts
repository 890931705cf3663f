import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { Lease } from './task.ts'
import { taskFail } from './task-fail.ts'
import { held } from './task-heartbeat.ts'
import { taskReleaseUnfinished } from './task-release.ts'

/**
 * A worker elsewhere gives its task back unfinished: another takes it up, at no cost of an attempt. One that was asked to stop
 * ends it by this. Whose time was over has used up its attempt, or it could be given back for ever.
 */
export async function taskGiveBack(work: Work, lease: Lease): Promise<void> {
  const [over] = await work.rows<{ id: string }>(
    Prisma.sql`SELECT "id" FROM "Task" WHERE ${held(lease)} AND "cancelRequestedAtMs" IS NULL AND "attemptEndsAtMs" <= ${work.sql.nowMs} ${work.sql.forUpdate}`,
  )
  if (over) await taskFail(work, lease, { error: 'The attempt took longer than the task allows.', retry: true, timedOut: true })
  else await taskReleaseUnfinished(work, lease, 'Its worker gave it back.')
}
