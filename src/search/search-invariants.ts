/** What holds of documents and imports. */
import { foundBy, NEWEST, registerInvariant } from '../events/invariants.ts'
import { Prisma } from '../generated/sqlite/client.ts'

registerInvariant({
  name: 'SEARCH_CHUNK_NOT_INDEXED',
  description: `Every chunk of a collection can be found by its words; the newest ${NEWEST} are looked at.`,
  find: foundBy(
    'SearchChunk',
    () => Prisma.sql`SELECT "chunk"."id" AS "subjectId", "chunk"."documentId" FROM (SELECT "id", "documentId", "collectionId" FROM "SearchChunk" ORDER BY "id" DESC LIMIT ${NEWEST}) AS "chunk"
      JOIN "SearchCollection" AS "in" ON "in"."id" = "chunk"."collectionId" AND "in"."deletedAtMs" IS NULL
      LEFT JOIN "TextSpace" AS "space" ON "space"."key" = 'collection:' || "chunk"."collectionId"
      LEFT JOIN "TextItem" AS "item" ON "item"."spaceNo" = "space"."no" AND "item"."id" = "chunk"."id" WHERE "item"."row" IS NULL`,
  ),
})

registerInvariant({
  name: 'SEARCH_IMPORT_READ_TOO_FAR',
  description: `No more is read of a file than has come, and all of it where its import is completed; the newest ${NEWEST} are looked at.`,
  find: foundBy(
    'SearchImport',
    () => Prisma.sql`SELECT "id" AS "subjectId", "readBytes", "receivedBytes" FROM (SELECT * FROM "SearchImport" ORDER BY "createdAtMs" DESC, "id" DESC LIMIT ${NEWEST}) AS "newest"
      WHERE "readBytes" > "receivedBytes" OR ("completedAtMs" IS NOT NULL AND "readBytes" < "receivedBytes")`,
  ),
})
