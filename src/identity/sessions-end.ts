import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'

export type RevokedReason = 'LOGOUT' | 'REUSE' | 'PASSWORD_CHANGED' | 'USER_DISABLED' | 'TOO_MANY'

/** Ends those of the sessions that are open, and says so. Answers how many. */
export async function sessionsEnd({ db, sql, events }: Work, which: Prisma.Sql, reason: RevokedReason): Promise<number> {
  const ended = await db.$queryRaw<{ id: string; userId: string }[]>(Prisma.sql`
    UPDATE "Session" SET "revokedAtMs" = ${sql.nowMs}, "revokedReason" = ${reason}
    WHERE "revokedAtMs" IS NULL AND "expiresAtMs" > ${sql.nowMs} AND ${which} RETURNING "id", "userId"`)
  for (const { id, userId } of ended) events.push({ kind: 'SESSION_REVOKED', subjectType: 'Session', subjectId: id, ownerId: userId, data: { reason } })
  return ended.length
}
