/** The chunks of a collection, as what has vectors: each with its document's title before what it says. */
import { Prisma } from '../generated/sqlite/client.ts'
import { registerItemSource } from '../vectors/vector-space.ts'

const idIn = (space: string): string => space.slice(space.indexOf(':') + 1)

registerItemSource('collection', {
  subjectType: 'SearchCollection',
  async idsAfter(reader, space, after, limit) {
    const rows = await reader.rows<{ id: string }>(Prisma.sql`SELECT "id" FROM "SearchChunk" WHERE "collectionId" = ${idIn(space)}
      ${after === null ? Prisma.empty : Prisma.sql`AND "id" > ${after}`} ORDER BY "id" LIMIT ${limit}`)
    return rows.map(({ id }) => id)
  },
  async texts(reader, space, ids) {
    const rows = await reader.rows<{ id: string; title: string | null; text: string }>(Prisma.sql`
      SELECT "chunk"."id", "document"."title", substr("document"."content", "chunk"."startAt" + 1, "chunk"."endAt" - "chunk"."startAt") AS "text"
      FROM "SearchChunk" AS "chunk" JOIN "SearchDocument" AS "document" ON "document"."id" = "chunk"."documentId"
      WHERE "chunk"."collectionId" = ${idIn(space)} AND "chunk"."id" IN (SELECT "id" FROM ${reader.sql.table('asked', { id: { kind: 'text', values: ids } })})`)
    return rows.map(({ id, title, text }) => ({ id, text: title ? `${title}\n${text}` : text }))
  },
})
