/** What holds of the log of changes, and of the keys that make mutations safe to send again. */
import { Prisma } from '../generated/sqlite/client.ts'
import { type At, foundBy, NEWEST, registerInvariant } from './invariants.ts'

/** Events are small, and found by their positions alone. */
const POSITIONS = Prisma.raw(String(2 * NEWEST))
const OLDEST_OPEN_KEY_MS = 60_000

registerInvariant({
  name: 'LOG_HOLE',
  description: 'Positions in the log follow each other without a hole; looked at are the newest 20,000, for a hole can only be where it grows.',
  find: foundBy(
    'Event',
    () => Prisma.sql`SELECT "position" AS "subjectId", (SELECT MAX("position") FROM "Event" WHERE "Event"."position" < "newest"."position") AS "formerPosition"
      FROM (SELECT "position" FROM "Event" ORDER BY "position" DESC LIMIT ${POSITIONS}) AS "newest"
      WHERE "position" > (SELECT MIN("position") FROM "Event") AND 0 = (SELECT COUNT(*) FROM "Event" AS "former" WHERE "former"."position" = "newest"."position" - 1)`,
  ),
})

registerInvariant({
  name: 'LOG_HEAD_WRONG',
  description: 'The head of the log says where the log ends, and from where on it is kept.',
  find: foundBy(
    'LogHead',
    () => Prisma.sql`SELECT "id" AS "subjectId", "position", "expiredThrough", "first" AS "firstEvent", "last" AS "lastEvent" FROM (
        SELECT "id", "position", "expiredThrough", (SELECT MIN("position") FROM "Event") AS "first", (SELECT MAX("position") FROM "Event") AS "last" FROM "LogHead") AS "head"
      WHERE "position" <> COALESCE("last", "expiredThrough") OR "first" <> "expiredThrough" + 1`,
  ),
})

registerInvariant({
  name: 'IDEMPOTENCY_KEY_OPEN',
  description: 'What a mutation led to is kept with its idempotency key, in one commit; looked at are the newest 10,000 that are a minute old.',
  find: foundBy(
    'IdempotencyKey',
    ({ ago }) => Prisma.sql`SELECT "mutation" || ' ' || "key" AS "subjectId", "ownerId", "createdAtMs" FROM (
        SELECT "ownerId", "mutation", "key", "createdAtMs", CAST("outcome" AS TEXT) AS "outcome" FROM "IdempotencyKey"
        WHERE "createdAtMs" < ${ago(OLDEST_OPEN_KEY_MS)} ORDER BY "createdAtMs" DESC LIMIT ${Prisma.raw(String(NEWEST))}) AS "newest"
      WHERE "outcome" IS NULL OR "outcome" = 'null'`,
  ),
})

/** The last event of each thing of a type, as far as it is among the newest of the log: a table to select from. */
export const lastEvents = ({ each }: At, subjectType: string): Prisma.Sql =>
  each(
    Prisma.sql`(SELECT "subjectId", MAX("position") AS "position"
      FROM (SELECT "subjectType", "subjectId", "position" FROM "Event" ORDER BY "position" DESC LIMIT ${Prisma.raw(String(NEWEST / 2))}) AS "newest"
      WHERE "subjectType" = ${Prisma.raw(`'${subjectType}'`)} GROUP BY "subjectId") AS "last"`,
    'Event',
    Prisma.sql`"of"."position" = "last"."position"`,
  )
