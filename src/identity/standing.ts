/** Whether a session or key still counts, read from the rows, past Prisma: this runs at every request. */
import type { Actor, KnownActor } from '../core/actor.ts'
import type { ApiScope } from '../core/scopes.ts'
import { API_SCOPES } from '../core/scopes.ts'
import type { Store } from '../events/store.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { AccessClaims } from './tokens.ts'

/** The actor as of now, by the database's clock, or why there is none any more. */
export type Standing = { actor: KnownActor; nowMs: number } | { ended: string }

/** Until when a session lasts without being used, whatever its token says. */
export type SessionStanding = { actor: KnownActor; nowMs: number; lastsUntilMs: number } | { ended: string }

export const EXPIRED = 'It has expired.'
export const REVOKED = 'It has been revoked.'
export const DISABLED = 'The user is disabled.'

interface Row {
  userId: string
  role: 'USER' | 'ADMIN'
  expiresAtMs: number | null
  revokedAtMs: number | null
  disabledAtMs: number | null
  nowMs: number
}

const endOf = (row: Row): string | null =>
  row.revokedAtMs !== null ? REVOKED : row.expiresAtMs !== null && row.expiresAtMs <= row.nowMs ? EXPIRED : row.disabledAtMs !== null ? DISABLED : null

export async function sessionStanding({ database }: Store, { userId, sessionId, expiresAtMs }: AccessClaims): Promise<SessionStanding> {
  const [row] = await database.rows<Row>(Prisma.sql`
    SELECT s."userId", s."expiresAtMs", s."revokedAtMs", u."disabledAtMs", u."role", ${database.sql.nowMs} AS "nowMs"
    FROM "Session" s JOIN "User" u ON u."id" = s."userId" WHERE s."id" = ${sessionId}`)
  if (!row || row.userId !== userId) return { ended: REVOKED }
  const ended = endOf(row) ?? (expiresAtMs <= row.nowMs ? EXPIRED : null)
  if (ended) return { ended }
  return { actor: { kind: 'session', userId, role: row.role, sessionId, expiresAtMs }, nowMs: row.nowMs, lastsUntilMs: row.expiresAtMs ?? expiresAtMs }
}

type KeyRow = Row & { id: string; scopes: unknown; lastUsedAtMs: number | null }

const isScope = (scope: unknown): scope is ApiScope => typeof scope === 'string' && scope in API_SCOPES

/** A key found by its secret's digest or by its id. */
export async function apiKeyStanding(
  { database }: Store,
  by: { secretHash: string } | { id: string },
): Promise<(Standing & { lastUsedAtMs?: number | null }) | null> {
  const condition = 'id' in by ? Prisma.sql`k."id" = ${by.id}` : Prisma.sql`k."secretHash" = ${by.secretHash}`
  const [row] = await database.rows<KeyRow>(Prisma.sql`
    SELECT k."id", k."ownerId" AS "userId", k."scopes", k."expiresAtMs", k."revokedAtMs", k."lastUsedAtMs", u."disabledAtMs", u."role", ${database.sql.nowMs} AS "nowMs"
    FROM "ApiKey" k JOIN "User" u ON u."id" = k."ownerId" WHERE ${condition}`)
  if (!row) return null
  const ended = endOf(row)
  if (ended) return { ended }
  const scopes = (row.scopes as unknown[]).filter(isScope)
  const actor: Actor = { kind: 'apiKey', userId: row.userId, role: row.role, apiKeyId: row.id, scopes, expiresAtMs: row.expiresAtMs }
  return { actor, nowMs: row.nowMs, lastUsedAtMs: row.lastUsedAtMs }
}
