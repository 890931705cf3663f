/** The facts of an owner, as what has vectors. */
import { Prisma } from '../generated/sqlite/client.ts'
import { registerItemSource } from '../vectors/vector-space.ts'

const ownerIn = (space: string): string => space.slice(space.indexOf(':') + 1)

registerItemSource('facts', {
  subjectType: 'User',
  async idsAfter(reader, space, after, limit) {
    const rows = await reader.rows<{ id: string }>(Prisma.sql`SELECT "id" FROM "Fact" WHERE "ownerId" = ${ownerIn(space)}
      ${after === null ? Prisma.empty : Prisma.sql`AND "id" > ${after}`} ORDER BY "id" LIMIT ${limit}`)
    return rows.map(({ id }) => id)
  },
  texts: (reader, space, ids) =>
    reader.rows(Prisma.sql`SELECT "id", "text" FROM "Fact" WHERE "ownerId" = ${ownerIn(space)}
      AND "id" IN (SELECT "id" FROM ${reader.sql.table('asked', { id: { kind: 'text', values: ids } })})`),
})
