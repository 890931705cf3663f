import { foundBy, registerInvariant } from '../events/invariants.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { ownerActs } from './schedules-fire.ts'

/** Longer than any server needs to come to it, with many that are due at once. */
const FIRED_WITHIN_MS = 30_000

registerInvariant({
  name: 'SCHEDULE_NOT_FIRED',
  description: 'What a schedule has due fires within 30 s, or is passed over as the schedule says.',
  find: foundBy(
    'Schedule',
    ({ ago }) => Prisma.sql`SELECT "Schedule"."id" AS "subjectId", "ownerId", "nextRunAtMs", "pausedAtMs", "error" FROM "Schedule"
      WHERE "nextRunAtMs" IS NOT NULL AND "nextRunAtMs" < ${ago(FIRED_WITHIN_MS)} AND ${ownerActs}`,
  ),
})
