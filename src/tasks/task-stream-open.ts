import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { STREAM_VALUES, type StreamValues, toStreamValues } from '../streams/stream.ts'
import { streamOpen } from '../streams/stream-open.ts'
import type { Lease } from './task.ts'
import { taskHeld } from './task-held.ts'
import { taskChanged } from './task-move.ts'

/** Only the holder of the lease may open a stream for a task. One that waits for an attempt, without a chunk yet, is taken up. */
export async function taskStreamOpen(work: Work, lease: Lease, about: { model?: string | undefined; provider?: string | undefined }): Promise<StreamValues> {
  // A rescue that comes now waits, and then finds the stream.
  const task = await taskHeld(work, lease)
  const [waiting] = await work.rows<Record<string, unknown>>(Prisma.sql`
    UPDATE "Stream" SET "attempt" = CAST(${task.attempt} AS INTEGER), "model" = COALESCE(CAST(${about.model ?? null} AS TEXT), "model"), "provider" = COALESCE(CAST(${about.provider ?? null} AS TEXT), "provider")
    WHERE "id" = (SELECT "id" FROM "Stream" WHERE "producerTaskId" = ${task.id} AND "status" = ${Prisma.raw("'PENDING'")} AND "attempt" IS NULL ORDER BY "createdAtMs", "id" LIMIT 1)
    RETURNING ${STREAM_VALUES}`)
  const stream = waiting
    ? toStreamValues(waiting)
    : await streamOpen(work, { taskId: await belongsTo(work, task.id), ...about, producer: { taskId: task.id, attempt: task.attempt, ownerId: task.ownerId } })
  taskChanged(work, 'STREAM_OPENED', { before: null, after: task }, { streamId: `Stream:${stream.id}` })
  return stream
}

/** A later attempt's stream belongs to what the first one's did. */
async function belongsTo(work: Work, taskId: string): Promise<string> {
  const [first] = await work.rows<{ taskId: string | null }>(
    Prisma.sql`SELECT "taskId" FROM "Stream" WHERE "producerTaskId" = ${taskId} ORDER BY "createdAtMs", "id" LIMIT 1`,
  )
  return first?.taskId ?? taskId
}
