import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { STREAM_VALUES, type StreamValues, toStreamValues } from './stream.ts'

export interface TakeUp {
  /** The task that writes it. */
  taskId: string
  attempt: number
  model?: string | undefined
  provider?: string | undefined
}

/** Gives an attempt the eldest stream of its task that waits for one, without a chunk yet; null where none does. */
export async function streamTakeUp(work: Work, { taskId, attempt, model, provider }: TakeUp): Promise<StreamValues | null> {
  const [waiting] = await work.rows<Record<string, unknown>>(Prisma.sql`
    UPDATE "Stream" SET "attempt" = CAST(${attempt} AS INTEGER), "model" = COALESCE(CAST(${model ?? null} AS TEXT), "model"), "provider" = COALESCE(CAST(${provider ?? null} AS TEXT), "provider")
    WHERE "id" = (SELECT "id" FROM "Stream" WHERE "producerTaskId" = ${taskId} AND "status" = ${Prisma.raw("'PENDING'")} AND "attempt" IS NULL ORDER BY "createdAtMs", "id" LIMIT 1)
    RETURNING ${STREAM_VALUES}`)
  return waiting ? toStreamValues(waiting) : null
}

/** The task that the first stream which a task has written belongs to; null where there is none. */
export async function firstBelongsTo(work: Work, taskId: string): Promise<string | null> {
  const [first] = await work.rows<{ taskId: string | null }>(
    Prisma.sql`SELECT "taskId" FROM "Stream" WHERE "producerTaskId" = ${taskId} ORDER BY "createdAtMs", "id" LIMIT 1`,
  )
  return first?.taskId ?? null
}
