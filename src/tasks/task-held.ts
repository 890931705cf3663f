import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { type Lease, TASK_VALUES, type TaskValues, toTaskValues } from './task.ts'
import { TaskNotLeased } from './task-errors.ts'
import { held } from './task-heartbeat.ts'

/** The task, and its lease held to the end of the transaction: whoever wants to take it over waits until then. */
export async function taskHeld(work: Work, lease: Lease): Promise<TaskValues> {
  const [row] = await work.rows<Record<string, unknown>>(Prisma.sql`SELECT ${TASK_VALUES} FROM "Task" WHERE ${held(lease)} ${work.sql.forUpdate}`)
  if (!row) throw new TaskNotLeased()
  return toTaskValues(row)
}
