import { requireKnown } from '../core/actor.ts'
import { IdTaken } from '../core/errors.ts'
import { newId } from '../core/ids.ts'
import { registerConstraint } from '../db/constraints.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
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
  return (await streamsOpen(work, [opening]))[0]!
}

/** SQLite takes 32,766 values in a statement. */
const AT_ONCE = 1000

/** Opens many by one statement. Answers them in their order. */
export async function streamsOpen(work: Work, openings: readonly StreamOpening[]): Promise<StreamValues[]> {
  const opened: StreamValues[] = []
  for (let done = 0; done < openings.length; done += AT_ONCE) opened.push(...(await open(work, openings.slice(done, done + AT_ONCE))))
  return opened
}

async function open(work: Work, openings: readonly StreamOpening[]): Promise<StreamValues[]> {
  const { sql } = work
  const ids = openings.map(({ id }) => id ?? newId())
  const text = (value: (opening: StreamOpening) => string | null | undefined) => ({
    kind: 'text' as const,
    values: openings.map((each) => value(each) ?? null),
  })
  const rows = await work.rows<Record<string, unknown>>(Prisma.sql`
    INSERT INTO "Stream" ("id", "ownerId", "taskId", "producerTaskId", "attempt", "producer", "status", "model", "provider", "lastSeq", "idempotencyKey", "leaseExpiresAtMs", "createdAtMs")
    SELECT "id", "ownerId", "taskId", "producerTaskId", "attempt", ${sql.asEnum('StreamProducer', Prisma.sql`"producer"`)}, ${sql.asEnum('StreamStatus', 'PENDING')}, "model", "provider", -1, "idempotencyKey",
      CASE WHEN "producer" = 'OUTSIDE' THEN ${sql.nowMs} + ${Prisma.raw(String(OUTSIDE_LEASE_MS))} END, ${sql.nowMs}
    FROM ${sql.table('opening', {
      id: { kind: 'text', values: ids },
      ownerId: text(({ producer }) => producer?.ownerId ?? requireKnown(work.actor).userId),
      taskId: text(({ taskId }) => taskId),
      producerTaskId: text(({ producer }) => producer?.taskId),
      attempt: { kind: 'integer', values: openings.map(({ producer }) => producer?.attempt ?? null) },
      producer: text(({ producer }) => (producer ? 'TASK' : 'OUTSIDE')),
      model: text(({ model }) => model),
      provider: text(({ provider }) => provider),
      idempotencyKey: text(({ idempotencyKey }) => idempotencyKey),
    })}
    RETURNING ${STREAM_VALUES}`)
  const byId = new Map(rows.map((row) => [row.id, toStreamValues(row)]))
  return ids.map((id) => {
    const stream = byId.get(id)!
    streamChanged(work, 'OPENED', stream)
    return stream
  })
}
