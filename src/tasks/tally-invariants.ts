/** What holds of the tallies; that they are what the tasks add up to is not looked at, for it takes a look at every task. */
import { foundBy, registerInvariant } from '../events/invariants.ts'
import { Prisma } from '../generated/sqlite/client.ts'

registerInvariant({
  name: 'TALLY_AHEAD_OF_LOG',
  description: 'Nothing is counted into the tallies that is not in the log yet.',
  find: foundBy(
    'TallyHead',
    () => Prisma.sql`SELECT "TallyHead"."id" AS "subjectId", "TallyHead"."position", "LogHead"."position" AS "logPosition"
      FROM "TallyHead" CROSS JOIN "LogHead" WHERE "TallyHead"."position" > "LogHead"."position"`,
  ),
})

registerInvariant({
  name: 'TALLY_NEGATIVE',
  description: 'No tally counts less than no tasks.',
  find: foundBy(
    'TaskTally',
    () => Prisma.sql`SELECT "ownerId" || ' ' || "type" AS "subjectId", "created", "queued", "running", "completed", "failed", "cancelled" FROM "TaskTally"
      WHERE "created" < 0 OR "queued" < 0 OR "running" < 0 OR "completed" < 0 OR "failed" < 0 OR "cancelled" < 0`,
  ),
})
