import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { type FinalStreamStatus, STREAM_VALUES, type StreamStatus, type StreamValues, streamChanged, toStreamValues } from './stream.ts'
import { tellStreamsEnded } from './stream-ended.ts'

const STATUS = {
  COMPLETED: Prisma.raw("'COMPLETED'"),
  FAILED: Prisma.raw("'FAILED'"),
  CANCELLED: Prisma.raw("'CANCELLED'"),
  INTERRUPTED: Prisma.raw("'INTERRUPTED'"),
}

/**
 * Ends the open streams that fulfil `condition`. `pending: false` spares those without a chunk yet: they wait for a further
 * attempt, and the one that had them may not begin to write any more. Answers the ended ones.
 */
export async function streamsEnd(
  work: Work,
  condition: Prisma.Sql,
  end: { status: FinalStreamStatus; error?: string | null; pending?: boolean },
): Promise<StreamValues[]> {
  const rows = await work.rows<Record<string, unknown>>(Prisma.sql`
    UPDATE "Stream" SET "status" = ${STATUS[end.status]}, "error" = CAST(${end.error ?? null} AS TEXT), "completedAtMs" = ${work.sql.nowMs}, "leaseExpiresAtMs" = NULL
    WHERE ${condition} AND "status" IN ${end.pending === false ? Prisma.raw("('STREAMING')") : Prisma.raw("('PENDING', 'STREAMING')")}
    RETURNING ${STREAM_VALUES}`)
  if (end.pending === false) await work.execute(Prisma.sql`UPDATE "Stream" SET "attempt" = NULL WHERE ${condition} AND "status" = 'PENDING'`)
  const ended = rows.map(toStreamValues)
  // An open stream with a chunk is STREAMING, one without is PENDING.
  for (const stream of ended)
    streamChanged(work, end.status, stream, { status: (stream.lastSeq < 0 ? 'PENDING' : 'STREAMING') satisfies StreamStatus, error: null })
  await tellStreamsEnded(work, ended)
  return ended
}

/** The streams that attempts of these tasks write. */
export const producedBy = (taskIds: readonly string[]): Prisma.Sql =>
  taskIds.length ? Prisma.sql`"producerTaskId" IN (${Prisma.join([...taskIds])})` : Prisma.sql`1 = 0`

/** So many at once: after an hour without a server there may be thousands. */
const RESCUE_BATCH = 500

/** Producers elsewhere that fell silent: their streams are INTERRUPTED, the text so far is kept. The longest silent ones first. */
export const streamsRescue = (work: Work): Promise<StreamValues[]> => {
  const silent = Prisma.sql`"producer" = 'OUTSIDE' AND "leaseExpiresAtMs" <= ${work.sql.nowMs}`
  const first = Prisma.sql`SELECT "id" FROM "Stream" WHERE ${silent} AND "status" IN ('PENDING', 'STREAMING') ORDER BY "leaseExpiresAtMs" LIMIT ${RESCUE_BATCH}`
  return streamsEnd(work, Prisma.sql`"id" IN (${first}) AND ${silent}`, { status: 'INTERRUPTED', error: 'The producer fell silent.' })
}
