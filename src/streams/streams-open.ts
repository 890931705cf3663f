import type { Database } from '../db/database.ts'
import { Prisma } from '../generated/sqlite/client.ts'

/** How many streams have not ended, of all servers together. */
export async function streamsOpen(database: Pick<Database, 'rows'>): Promise<number> {
  const [open] = await database.rows<{ count: number }>(Prisma.sql`SELECT COUNT(*) AS "count" FROM "Stream" WHERE "status" IN ('PENDING', 'STREAMING')`)
  return Number(open!.count)
}
