/**
 * The way to a message: those before it, up to the first.
 *
 * From each message one can step to the one before it, or jump to one far before it (`jumpId`). Jumps are as long as those of
 * skew-binary numbers, so that whatever lies n messages before is found in at most 3·log n steps: a page costs as much as a page, wherever
 * on the way it lies.
 */
import type { Database } from '../db/database.ts'
import type { SqlWords } from '../db/sql.ts'
import { Prisma } from '../generated/sqlite/client.ts'

/** A part of the way to `headId`: those at depths `lo` to `hi`. */
export interface Span {
  of: string
  headId: string
  lo: number
  hi: number
}

/** Some columns of the messages of each span, as a SELECT with `of`, `id` and `depth`; in no order. */
export function waySql(sql: SqlWords, spans: readonly Span[]): Prisma.Sql {
  const table = sql.table('span', {
    of: { kind: 'text', values: spans.map(({ of }) => of) },
    headId: { kind: 'text', values: spans.map(({ headId }) => headId) },
    lo: { kind: 'integer', values: spans.map(({ lo }) => lo) },
    hi: { kind: 'integer', values: spans.map(({ hi }) => hi) },
  })
  const columns = Prisma.raw('"m"."id", "m"."depth", "m"."parentId", "m"."jumpId", "m"."jumpDepth"')
  return Prisma.sql`WITH RECURSIVE "way" AS (
      SELECT "span"."of", "span"."lo", "span"."hi", ${columns} FROM ${table} JOIN "Message" AS "m" ON "m"."id" = "span"."headId"
      UNION ALL
      SELECT "way"."of", "way"."lo", "way"."hi", ${columns} FROM "way"
        JOIN "Message" AS "m" ON "m"."id" = CASE WHEN "way"."jumpDepth" >= "way"."hi" THEN "way"."jumpId" ELSE "way"."parentId" END
      WHERE "way"."depth" > "way"."lo"
    ) SELECT "of", "id", "depth" FROM "way" WHERE "depth" BETWEEN "lo" AND "hi"`
}

/** Where a new message that follows another jumps to, as SQL over that one (`p`) and the one that it jumps to (`j`). */
export const JUMP = (() => {
  const isTwice = '"p"."depth" - "p"."jumpDepth" = "p"."jumpDepth" - COALESCE("j"."jumpDepth", 0)'
  return {
    id: Prisma.raw(`CASE WHEN ${isTwice} THEN COALESCE("j"."jumpId", "j"."id") ELSE "p"."id" END`),
    depth: Prisma.raw(`CASE WHEN ${isTwice} THEN COALESCE("j"."jumpDepth", 0) ELSE "p"."depth" END`),
  }
})()

/** Whether a message, of which the depth is known, lies on the way to another. */
export async function isOnWay(work: Pick<Database, 'rows' | 'sql'>, headId: string | null, message: { id: string; depth: number }): Promise<boolean> {
  if (headId === null) return false
  const [found] = await work.rows<{ id: string }>(waySql(work.sql, [{ of: '', headId, lo: message.depth, hi: message.depth }]))
  return found?.id === message.id
}
