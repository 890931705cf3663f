import { ownedBy } from '../core/actor.ts'
import { NotFound } from '../core/errors.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { STREAM_VALUES, streamChanged, toStreamValues } from '../streams/stream.ts'
import { producedBy, streamsEnd } from '../streams/streams-end.ts'
import { TASK_VALUES, toTaskValues } from './task.ts'
import { taskOwned } from './task-create.ts'
import { TaskRunning } from './task-errors.ts'
import { ownedTask, status, taskChanged } from './task-move.ts'

/** Removes a task that does not run, with its streams; those it was to write for others are CANCELLED. What the log says of it stays. */
export async function taskDelete(work: Work, id: string): Promise<void> {
  // Held, so that no worker claims it and no stream is opened for it before it is gone.
  const mine = Prisma.sql`"id" = ${id} AND ${ownedTask(ownedBy(work.actor))} AND "status" <> ${status('RUNNING')}`
  const [row] = await work.db.$queryRaw<Record<string, unknown>[]>`SELECT ${TASK_VALUES} FROM "Task" WHERE ${mine} ${work.sql.forUpdate}`
  if (!row) {
    if (await taskOwned(work, id)) throw new TaskRunning()
    throw new NotFound('Task', ['input', 'id'])
  }
  await streamsEnd(work, Prisma.sql`${producedBy([id])} AND ("taskId" IS NULL OR "taskId" <> ${id})`, { status: 'CANCELLED' })
  const streams = await work.db.$queryRaw<Record<string, unknown>[]>`SELECT ${STREAM_VALUES} FROM "Stream" WHERE "taskId" = ${id}`
  await work.db.$executeRaw`DELETE FROM "Task" WHERE ${mine}`
  for (const stream of streams) streamChanged(work, 'DELETED', toStreamValues(stream))
  taskChanged(work, 'DELETED', { before: null, after: toTaskValues(row) })
}
