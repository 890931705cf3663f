import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'

/** Holds a stream that takes chunks from this attempt; false where it does not, or does not any more. */
export async function streamHold(work: Work, streamId: string, attempt: number): Promise<boolean> {
  const [open] = await work.rows(
    Prisma.sql`SELECT "id" FROM "Stream" WHERE "id" = ${streamId} AND "attempt" = CAST(${attempt} AS INTEGER) AND "status" IN ('PENDING', 'STREAMING') ${work.sql.forUpdate}`,
  )
  return open !== undefined
}
