import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { producedBy, streamsEnd } from '../streams/streams-end.ts'
import { attemptsKeep } from './attempts-keep.ts'
import { circlesRefuse, dependenciesAdd } from './dependencies.ts'
import type { Lease } from './task.ts'
import { TaskNotLeased } from './task-errors.ts'
import { held } from './task-heartbeat.ts'
import { readyIf, status, taskChanged, taskIn, tasksMove, UNLEASED } from './task-move.ts'
import { taskReleaseCancelled } from './task-release.ts'

/**
 * The holder of the lease gives its task back until the task's children have ended, however they end: nobody is occupied by
 * waiting. Then it is claimed again, as a further attempt that costs none. Where all have ended already, that is at once.
 */
export async function taskWait(work: Work, lease: Lease): Promise<'QUEUED' | 'CANCELLED'> {
  const [mine] = await work.rows<{ id: string }>(
    Prisma.sql`SELECT "id" FROM "Task" WHERE ${held(lease)} AND "cancelRequestedAtMs" IS NULL ${work.sql.forUpdate}`,
  )
  if (!mine) {
    // Asked to stop, or not its task any more: the first ends it, the second is told.
    await taskReleaseCancelled(work, lease)
    return 'CANCELLED'
  }
  // Held: what is deleted or ends just now is not waited for.
  const rows = await work.rows<{ id: string }>(
    Prisma.sql`SELECT "id" FROM "Task" WHERE "parentId" = ${lease.id} AND "completedAtMs" IS NULL ORDER BY "id" ${work.sql.forUpdate}`,
  )
  const children = rows.map(({ id }) => id)
  const waitingFor = await dependenciesAdd(work, lease.id, children, 'RUN')
  // A child that waits for its parent, by itself or through others, would never end.
  const [chained] = await work.rows(Prisma.sql`SELECT "taskId" FROM "TaskDependency" WHERE ${taskIn(work, children, '"taskId"')} AND "isPending" LIMIT 1`)
  if (chained) await circlesRefuse(work, lease.id, children, ['input', 'id'])
  const count = Prisma.sql`CAST(${waitingFor} AS INTEGER)`
  const [moved] = await tasksMove(work, {
    guard: held(lease),
    set: Prisma.sql`"status" = ${status('QUEUED')}, "queuedAtMs" = ${work.sql.nowMs}, "runAtMs" = ${work.sql.nowMs}, ${readyIf(work, Prisma.sql`${count} = 0`)},
      "waitingFor" = ${count}, "maxAttempts" = "maxAttempts" + 1, ${UNLEASED}`,
  })
  if (!moved) throw new TaskNotLeased()
  const reason = 'It waits for its children.'
  await streamsEnd(work, producedBy([lease.id]), { status: 'INTERRUPTED', error: reason, pending: false })
  await attemptsKeep(work, [moved], 'WAITED')
  taskChanged(work, 'WAITING', moved, { reason })
  return 'QUEUED'
}
