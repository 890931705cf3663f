import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { STREAM_VALUES, type StreamValues, toStreamValues } from '../streams/stream.ts'
import { streamOpen } from '../streams/stream-open.ts'
import { type Lease, TASK_VALUES, toTaskValues } from './task.ts'
import { TaskNotLeased } from './task-errors.ts'
import { taskChanged } from './task-move.ts'
import { held } from './task-progress.ts'

/** Only the holder of the lease may open a stream for a task. One that waits for an attempt, without a chunk yet, is taken up. */
export async function taskStreamOpen(work: Work, lease: Lease, about: { model?: string | undefined; provider?: string | undefined }): Promise<StreamValues> {
  // Held to the end of the transaction: a rescue that comes now waits, and then finds the stream.
  const [row] = await work.db.$queryRaw<Record<string, unknown>[]>`SELECT ${TASK_VALUES} FROM "Task" WHERE ${held(lease)} ${work.sql.forUpdate}`
  if (!row) throw new TaskNotLeased()
  const task = toTaskValues(row)
  const [waiting] = await work.db.$queryRaw<Record<string, unknown>[]>`
    UPDATE "Stream" SET "attempt" = CAST(${task.attempt} AS INTEGER), "model" = COALESCE(CAST(${about.model ?? null} AS TEXT), "model"), "provider" = COALESCE(CAST(${about.provider ?? null} AS TEXT), "provider")
    WHERE "id" = (SELECT "id" FROM "Stream" WHERE "producerTaskId" = ${task.id} AND "status" = ${Prisma.raw("'PENDING'")} AND "attempt" IS NULL ORDER BY "createdAtMs", "id" LIMIT 1)
    RETURNING ${STREAM_VALUES}`
  const stream = waiting
    ? toStreamValues(waiting)
    : await streamOpen(work, { taskId: await belongsTo(work, task.id), ...about, producer: { taskId: task.id, attempt: task.attempt, ownerId: task.ownerId } })
  taskChanged(work, 'STREAM_OPENED', { before: null, after: task }, { streamId: `Stream:${stream.id}` })
  return stream
}

/** A later attempt's stream belongs to what the first one's did. */
async function belongsTo(work: Work, taskId: string): Promise<string> {
  const first = await work.db.stream.findFirst({
    where: { producerTaskId: taskId },
    orderBy: [{ createdAtMs: 'asc' }, { id: 'asc' }],
    select: { taskId: true },
  })
  return first?.taskId ?? taskId
}
