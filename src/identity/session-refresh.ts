import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { daysMs } from './session-open.ts'
import { sessionsEnd } from './sessions-end.ts'
import { refreshTokenHash, type SessionTimes } from './tokens.ts'

/** How long a used token gives its successor again: the answer may have been lost, or two tabs may have asked at once. */
export const REFRESH_GRACE_MS = 10_000

export interface Refresh {
  refreshToken: string
  /** `refreshTokenAfter` it. */
  successor: string
  refreshTokenDays: number
}

/**
 * Exchanges a refresh token for its successor, once. Of two who come at once one exchanges it and the other is given the
 * same successor, as is a repeat within the grace as long as nobody went on from there. Any later repeat means that two
 * hold the same token, one of them a thief: the session ends. Null where the token is of no use; the caller commits, for the
 * end of a session must stay, and then refuses.
 */
export async function sessionRefresh(work: Work, { refreshToken, successor, refreshTokenDays }: Refresh): Promise<SessionTimes | null> {
  const { db, sql } = work
  const tokenHash = refreshTokenHash(refreshToken)
  const [used] = await db.$queryRaw<{ sessionId: string }[]>`
    UPDATE "RefreshToken" SET "usedAtMs" = ${sql.nowMs} WHERE "tokenHash" = ${tokenHash} AND "usedAtMs" IS NULL AND "expiresAtMs" > ${sql.nowMs}
    RETURNING "sessionId"`
  if (!used) return refreshAgain(work, tokenHash, refreshTokenHash(successor))
  const [session] = await db.$queryRaw<{ userId: string; lastUsedAtMs: bigint; expiresAtMs: bigint }[]>`
    UPDATE "Session" SET "lastUsedAtMs" = ${sql.nowMs}, "expiresAtMs" = ${sql.nowMs} + ${daysMs(refreshTokenDays)}
    WHERE "id" = ${used.sessionId} AND "revokedAtMs" IS NULL AND "expiresAtMs" > ${sql.nowMs}
      AND EXISTS (SELECT 1 FROM "User" u WHERE u."id" = "Session"."userId" AND u."disabledAtMs" IS NULL)
    RETURNING "userId", "lastUsedAtMs", "expiresAtMs"`
  if (!session) return null
  const { userId, lastUsedAtMs, expiresAtMs } = session
  await db.$executeRaw`INSERT INTO "RefreshToken" ("tokenHash", "sessionId", "createdAtMs", "expiresAtMs")
    VALUES (${refreshTokenHash(successor)}, ${used.sessionId}, ${lastUsedAtMs}, ${expiresAtMs})`
  return { userId, sessionId: used.sessionId, issuedAtMs: Number(lastUsedAtMs), refreshExpiresAtMs: Number(expiresAtMs) }
}

interface UsedToken {
  sessionId: string
  userId: string
  usedAgoMs: bigint | null
  nowMs: bigint
  isOpen: bigint | number
  successorExpiresAtMs: bigint | null
  successorUsedAtMs: bigint | null
}

/** The token could not be used now: why? */
async function refreshAgain(work: Work, tokenHash: string, successorHash: string): Promise<SessionTimes | null> {
  const { db, sql } = work
  const [token] = await db.$queryRaw<UsedToken[]>`
    SELECT t."sessionId", s."userId", ${sql.nowMs} - t."usedAtMs" AS "usedAgoMs", ${sql.nowMs} AS "nowMs",
      CASE WHEN s."revokedAtMs" IS NULL AND s."expiresAtMs" > ${sql.nowMs} AND u."disabledAtMs" IS NULL THEN 1 ELSE 0 END AS "isOpen",
      n."expiresAtMs" AS "successorExpiresAtMs", n."usedAtMs" AS "successorUsedAtMs"
    FROM "RefreshToken" t JOIN "Session" s ON s."id" = t."sessionId" JOIN "User" u ON u."id" = s."userId"
      LEFT JOIN "RefreshToken" n ON n."tokenHash" = ${successorHash}
    WHERE t."tokenHash" = ${tokenHash}`
  // Unknown, expired unused, or of a session that is over anyway.
  if (!token || token.usedAgoMs === null || Number(token.isOpen) !== 1) return null
  if (token.usedAgoMs <= REFRESH_GRACE_MS && token.successorExpiresAtMs !== null && token.successorUsedAtMs === null) {
    const { userId, sessionId, nowMs, successorExpiresAtMs } = token
    return { userId, sessionId, issuedAtMs: Number(nowMs), refreshExpiresAtMs: Number(successorExpiresAtMs) }
  }
  await sessionsEnd(work, Prisma.sql`"id" = ${token.sessionId}`, 'REUSE')
  return null
}
