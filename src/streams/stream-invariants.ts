/** What holds of streams and their chunks. */
import { foundBy, NEWEST, registerInvariant } from '../events/invariants.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { mayRun, runsAttempt } from '../tasks/task-standing.ts'

/** So long a stream whose producer fell silent may wait for the sweep that ends it. */
const SWEPT_WITHIN_MS = 10_000
/** So many chunks are counted at most. */
const CHUNKS = Prisma.raw('100000')

const isOpen = Prisma.raw(`"status" IN ('PENDING', 'STREAMING')`)
const producer = Prisma.sql`"Stream"."producerTaskId"`

registerInvariant({
  name: 'STREAM_WITHOUT_PRODUCER',
  description:
    'Every open stream has somebody who may write it: the attempt of a task that runs, a task that may have another attempt, or a producer elsewhere whose lease ran out no longer than 10 s ago.',
  find: foundBy(
    'Stream',
    ({
      ago,
    }) => Prisma.sql`SELECT "id" AS "subjectId", "status", "producer", "producerTaskId", "attempt", "leaseExpiresAtMs" FROM "Stream" WHERE ${isOpen} AND NOT (
      CASE WHEN "producer" = 'OUTSIDE' THEN "leaseExpiresAtMs" IS NOT NULL AND "leaseExpiresAtMs" >= ${ago(SWEPT_WITHIN_MS)}
        WHEN "attempt" IS NULL THEN "status" = 'PENDING' AND ${mayRun(producer)}
        ELSE ${runsAttempt(producer, Prisma.sql`"Stream"."attempt"`)} END)`,
  ),
})

registerInvariant({
  name: 'STREAM_ENDED_AND_HELD',
  description: 'A stream that has ended has no lease, and only what is final has ended; looked at are the newest 10,000.',
  find: foundBy(
    'Stream',
    () => Prisma.sql`SELECT "id" AS "subjectId", "status", "leaseExpiresAtMs", "completedAtMs"
      FROM (SELECT "id", "status", "leaseExpiresAtMs", "completedAtMs" FROM "Stream" ORDER BY "createdAtMs" DESC, "id" DESC LIMIT ${Prisma.raw(String(NEWEST))}) AS "newest"
      WHERE (NOT ${isOpen} AND "leaseExpiresAtMs" IS NOT NULL) OR (${isOpen}) <> ("completedAtMs" IS NULL)`,
  ),
})

registerInvariant({
  name: 'STREAM_CHUNKS_MISCOUNTED',
  description:
    'A stream whose text was not removed by age has as many chunks as its last seq says, and STREAMING begins with the first; looked at are the newest 1,000 streams, as far as they have 100,000 chunks.',
  find: foundBy(
    'Stream',
    () => Prisma.sql`SELECT * FROM (
        SELECT "id" AS "subjectId", "status", "lastSeq", (SELECT COALESCE(SUM(COALESCE("throughSeq", "seq") - "seq" + 1), 0) FROM "StreamChunk" WHERE "streamId" = "some"."id") AS "chunks",
          (SELECT MAX(COALESCE("throughSeq", "seq")) FROM "StreamChunk" WHERE "streamId" = "some"."id") AS "greatestSeq"
        FROM (SELECT "id", "status", "lastSeq", SUM("lastSeq" + 1) OVER (ORDER BY "createdAtMs" DESC, "id" DESC) AS "before" FROM (
          SELECT "id", "status", "lastSeq", "createdAtMs" FROM "Stream" WHERE "expiredAtMs" IS NULL ORDER BY "createdAtMs" DESC, "id" DESC LIMIT 1000) AS "newest") AS "some" WHERE "before" <= ${CHUNKS}) AS "counted"
      WHERE "chunks" <> "lastSeq" + 1 OR COALESCE("greatestSeq", -1) <> "lastSeq" OR ("status" = 'PENDING' AND "lastSeq" >= 0) OR ("status" = 'STREAMING' AND "lastSeq" < 0)`,
  ),
})
