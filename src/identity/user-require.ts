import { NotFound } from '../core/errors.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'

/** Refuses an id that is no user's. Whether the actor may know of the user, the caller asks. */
export async function userRequire(work: Work, userId: string | null, path: string[]): Promise<{ email: string }> {
  const [user] = await work.rows<{ email: string }>(Prisma.sql`SELECT "email" FROM "User" WHERE "id" = ${userId}`)
  if (!user) throw new NotFound('User', path)
  return user
}
