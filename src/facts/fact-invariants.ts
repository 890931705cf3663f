/** What holds of facts. */
import { foundBy, NEWEST, registerInvariant } from '../events/invariants.ts'
import { Prisma } from '../generated/sqlite/client.ts'

const NEWEST_FACTS = Prisma.raw(`(SELECT * FROM "Fact" ORDER BY "createdAtMs" DESC, "id" DESC LIMIT ${NEWEST}) AS "fact"`)

registerInvariant({
  name: 'FACT_TAG_OF_ANOTHER',
  description: 'Every tag of a fact names the fact’s owner; looked at are those of the newest 10,000 facts.',
  find: foundBy(
    'Fact',
    ({ each }) => Prisma.sql`SELECT "fact"."id" AS "subjectId", "of"."tag", "of"."ownerId" AS "tagOwnerId"
      FROM ${each(NEWEST_FACTS, 'FactTag', Prisma.sql`"of"."factId" = "fact"."id"`)} WHERE "of"."ownerId" <> "fact"."ownerId"`,
  ),
})

registerInvariant({
  name: 'FACT_FROM_ANOTHERS',
  description: 'Every task and message that a fact comes from is its owner’s; looked at are the newest 10,000 facts.',
  find: foundBy(
    'Fact',
    ({ each }) => Prisma.sql`SELECT "fact"."id" AS "subjectId", "of"."id" AS "sourceId"
      FROM ${each(NEWEST_FACTS, 'Task', Prisma.sql`"of"."id" = "fact"."taskId"`)} WHERE "of"."ownerId" <> "fact"."ownerId"
      UNION ALL SELECT "fact"."id" AS "subjectId", "of"."id" AS "sourceId"
      FROM ${each(NEWEST_FACTS, 'Message', Prisma.sql`"of"."id" = "fact"."messageId"`)} WHERE "of"."ownerId" <> "fact"."ownerId"`,
  ),
})

registerInvariant({
  name: 'FACT_NOT_INDEXED',
  description: 'Every fact is in the full-text index of its owner’s facts; looked at are the newest 10,000 facts.',
  find: foundBy(
    'Fact',
    () => Prisma.sql`SELECT "fact"."id" AS "subjectId" FROM ${NEWEST_FACTS} WHERE NOT EXISTS (
      SELECT 1 FROM "TextSpace" AS "space" JOIN "TextItem" AS "item" ON "item"."spaceNo" = "space"."no"
      WHERE "space"."key" = 'facts:' || "fact"."ownerId" AND "item"."id" = "fact"."id")`,
  ),
})
