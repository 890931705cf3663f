import { follow } from '../events/live.ts'
import { readHead } from '../events/log.ts'
import type { Store } from '../events/store.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { readStreamStates, type StreamState } from '../streams/stream-read.ts'
import { isFinalTask, type TaskStatus } from './task.ts'

interface Row {
  taskId: string
  ownerId: string
  status: TaskStatus
  nextId: string | null
}

/** Whether a task may still write on after this stream, which one of its attempts wrote. */
export async function taskMayWriteOn(store: Store, streamId: string): Promise<boolean> {
  const row = await look(store, streamId)
  return row !== null && !isFinalTask(row.status)
}

/**
 * Where a task writes on after one of its streams has ended without being complete: the stream of the next attempt that has one, as
 * soon as it is there. Null where none will come: the task has ended, or it was not a task that wrote it; or at the signal.
 */
export async function taskStreamNext(store: Store, streamId: string, signal: AbortSignal): Promise<StreamState | null> {
  // Read first: what happens to the task after this is told.
  const { position } = await readHead(store.database)
  let row = await look(store, streamId)
  const found = () => row === null || row.nextId !== null || isFinalTask(row.status)
  if (row && !found())
    for await (const _change of follow(store, position, { subjectType: 'Task', subjectId: row.taskId, ownerId: row.ownerId }, signal)) {
      row = await look(store, streamId)
      if (found()) break
    }
  if (signal.aborted || !row?.nextId) return null
  return (await readStreamStates(store.database, [row.nextId]))[0] ?? null
}

async function look(store: Store, streamId: string): Promise<Row | null> {
  const [row] = await store.database.rows<Row>(Prisma.sql`
    SELECT "Task"."id" AS "taskId", "Task"."ownerId", "Task"."status", "next"."id" AS "nextId"
    FROM "Stream" AS "ended" JOIN "Task" ON "Task"."id" = "ended"."producerTaskId"
      LEFT JOIN "Stream" AS "next" ON "next"."producerTaskId" = "Task"."id" AND "next"."attempt" > "ended"."attempt"
    WHERE "ended"."id" = ${streamId} ORDER BY "next"."attempt", "next"."createdAtMs", "next"."id" LIMIT 1`)
  return row ?? null
}
