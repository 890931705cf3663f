import { DAY_MS } from '../core/clock.ts'
import { newId } from '../core/ids.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { sessionsEnd } from './sessions-end.ts'
import { refreshTokenHash, type SessionTimes } from './tokens.ts'

export interface SessionOpening {
  userId: string
  /** A new one, made before the transaction, so that trying it again makes no other. */
  refreshToken: string
  refreshTokenDays: number
  userAgent: string | null
  address: string | null
}

/** More open sessions than this are no devices but a program that logs in anew each time; it should use an API key. */
const MAX_OPEN = 1000

export const daysMs = (days: number): bigint => BigInt(days * DAY_MS)

/** Opens a session for a user who has just proven to be one. The user must be locked, or be made in this transaction. */
export async function sessionOpen(work: Work, opening: SessionOpening): Promise<SessionTimes> {
  const { db, sql } = work
  const { userId, address } = opening
  const userAgent = opening.userAgent?.slice(0, 400) ?? null
  const sessionId = newId()
  const [row] = await db.$queryRaw<{ createdAtMs: bigint; expiresAtMs: bigint }[]>`
    INSERT INTO "Session" ("id", "userId", "userAgent", "address", "createdAtMs", "lastUsedAtMs", "expiresAtMs")
    VALUES (${sessionId}, ${userId}, ${userAgent}, ${address}, ${sql.nowMs}, ${sql.nowMs}, ${sql.nowMs} + ${daysMs(opening.refreshTokenDays)})
    RETURNING "createdAtMs", "expiresAtMs"`
  const { createdAtMs, expiresAtMs } = row!
  await db.$executeRaw`INSERT INTO "RefreshToken" ("tokenHash", "sessionId", "createdAtMs", "expiresAtMs")
    VALUES (${refreshTokenHash(opening.refreshToken)}, ${sessionId}, ${createdAtMs}, ${expiresAtMs})`
  work.events.push({
    kind: 'SESSION_CREATED',
    subjectType: 'Session',
    subjectId: sessionId,
    ownerId: userId,
    actorId: userId,
    data: { userAgent, address, expiresAtMs: Number(expiresAtMs) },
  })
  const old = await db.$queryRaw<{ id: string }[]>`SELECT "id" FROM "Session" WHERE "userId" = ${userId} AND "revokedAtMs" IS NULL
    ORDER BY "lastUsedAtMs" DESC, "id" DESC LIMIT 100 OFFSET ${MAX_OPEN}`
  if (old.length) await sessionsEnd(work, Prisma.sql`"id" IN (${Prisma.join(old.map(({ id }) => id))})`, 'TOO_MANY')
  return { userId, sessionId, issuedAtMs: Number(createdAtMs), refreshExpiresAtMs: Number(expiresAtMs) }
}
