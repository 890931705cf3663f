import { requireKnown } from '../core/actor.ts'
import { IdTaken } from '../core/errors.ts'
import { newId } from '../core/ids.ts'
import { registerConstraint } from '../db/constraints.ts'
import type { Work } from '../events/work.ts'
import { OUTSIDE_LEASE_MS, STREAM_VALUES, type StreamValues, streamChanged, toStreamValues } from './stream.ts'

registerConstraint({ model: 'Stream', fields: ['id'] }, () => new IdTaken('Stream'))

export interface StreamOpening {
  id?: string | undefined
  taskId?: string | null | undefined
  model?: string | null | undefined
  provider?: string | null | undefined
  idempotencyKey?: string | null | undefined
  /** The task that will write it, by this attempt, or by its next one (null); left out: a producer elsewhere will. */
  producer?: { taskId: string; attempt: number | null; ownerId: string } | undefined
}

/** Opens a stream: PENDING until its first chunk. What it belongs to must have been found to be the actor's. */
export async function streamOpen(work: Work, opening: StreamOpening): Promise<StreamValues> {
  const { producer } = opening
  const ownerId = producer?.ownerId ?? requireKnown(work.actor).userId
  const now = work.sql.nowMs
  const rows = await work.db.$queryRaw<Record<string, unknown>[]>`
    INSERT INTO "Stream" ("id", "ownerId", "taskId", "producerTaskId", "attempt", "producer", "status", "model", "provider", "lastSeq", "idempotencyKey", "leaseExpiresAtMs", "createdAtMs")
    SELECT CAST(${opening.id ?? newId()} AS TEXT), CAST(${ownerId} AS TEXT), CAST(${opening.taskId ?? null} AS TEXT), CAST(${producer?.taskId ?? null} AS TEXT), CAST(${producer?.attempt ?? null} AS INTEGER),
      ${work.sql.asEnum('StreamProducer', producer ? 'TASK' : 'OUTSIDE')}, ${work.sql.asEnum('StreamStatus', 'PENDING')}, CAST(${opening.model ?? null} AS TEXT), CAST(${opening.provider ?? null} AS TEXT), -1, CAST(${opening.idempotencyKey ?? null} AS TEXT),
      CASE WHEN CAST(${producer ? 0 : 1} AS INTEGER) = 1 THEN ${now} + CAST(${OUTSIDE_LEASE_MS} AS INTEGER) END, ${now}
    RETURNING ${STREAM_VALUES}`
  const stream = toStreamValues(rows[0]!)
  streamChanged(work, 'OPENED', stream)
  return stream
}
