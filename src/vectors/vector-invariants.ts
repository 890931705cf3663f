/** What holds of sets of vectors. How many vectors a set has is counted only where it is small. */
import { foundBy, registerInvariant } from '../events/invariants.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { mayRun } from '../tasks/task-standing.ts'

registerInvariant({
  name: 'VECTORS_LIVE_TWICE',
  description: 'One set of vectors of a space answers, at most.',
  find: foundBy(
    'VectorSet',
    () =>
      Prisma.sql`SELECT MIN("id") AS "subjectId", "space", COUNT(*) AS "live" FROM "VectorSet" WHERE "status" = 'LIVE' GROUP BY "space" HAVING COUNT(*) > 1`,
  ),
})

registerInvariant({
  name: 'VECTORS_WITHOUT_TASK',
  description: 'A set of vectors that says a task works on it has one that has not ended.',
  find: foundBy(
    'VectorSet',
    () =>
      Prisma.sql`SELECT "id" AS "subjectId", "space", "taskId" FROM "VectorSet" WHERE "taskId" IS NOT NULL AND NOT (${mayRun(Prisma.sql`"VectorSet"."taskId"`)})`,
  ),
})

registerInvariant({
  name: 'VECTORS_PENDING_UNHEEDED',
  description: 'What is to be embedded of a set has a task that does it, or the set says why the last one failed.',
  find: foundBy(
    'VectorSet',
    () => Prisma.sql`SELECT "id" AS "subjectId", "space", "status" FROM "VectorSet" WHERE "status" <> 'RETIRED' AND "taskId" IS NULL AND "error" IS NULL
      AND EXISTS (SELECT 1 FROM "VectorPending" WHERE "setId" = "VectorSet"."id")`,
  ),
})

registerInvariant({
  name: 'VECTORS_MISCOUNTED',
  description: 'A set counts its vectors; those of up to 10,000 are counted here.',
  find: foundBy(
    'VectorSet',
    () => Prisma.sql`SELECT "id" AS "subjectId", "items", "there" FROM (
      SELECT "id", "items", (SELECT COUNT(*) FROM "Vector" WHERE "setId" = "VectorSet"."id") AS "there" FROM "VectorSet" WHERE "status" <> 'RETIRED' AND "items" <= 10000) AS "counted"
      WHERE "items" <> "there"`,
  ),
})
