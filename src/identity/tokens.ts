/**
 * The tokens a session is used with. An access token is a JWT of a few minutes that only says who and which session: what
 * they may do is read from the rows at each request. A refresh token is random and kept as a digest; the one that follows it
 * is derived from it, so that whoever lost the answer gets the same one again.
 */
import { jwtVerify, SignJWT } from 'jose'
import { Unauthenticated } from '../core/errors.ts'
import { digest, type Secrets } from '../secrets.ts'

const ALGORITHM = 'HS256'
const ISSUER = 'holdfast'
const AUDIENCE = 'holdfast'

export interface AuthTokens {
  accessToken: string
  accessTokenExpiresAtMs: number
  refreshToken: string
  refreshTokenExpiresAtMs: number
}

export interface AccessClaims {
  userId: string
  sessionId: string
  expiresAtMs: number
}

/** What a session was opened or renewed with, by the database's clock. */
export type SessionTimes = { userId: string; sessionId: string; issuedAtMs: number; refreshExpiresAtMs: number }

export async function authTokens(
  secrets: Secrets,
  accessTokenMinutes: number,
  { userId, sessionId, issuedAtMs, refreshExpiresAtMs }: SessionTimes,
  refreshToken: string,
): Promise<AuthTokens> {
  const issuedAt = Math.floor(issuedAtMs / 1000)
  const expiresAt = issuedAt + accessTokenMinutes * 60
  const accessToken = await new SignJWT({ sid: sessionId })
    .setProtectedHeader({ alg: ALGORITHM, typ: 'JWT' })
    .setSubject(userId)
    .setIssuer(ISSUER)
    .setAudience(AUDIENCE)
    .setIssuedAt(issuedAt)
    .setExpirationTime(expiresAt)
    .sign(secrets.key('access-token'))
  return { accessToken, accessTokenExpiresAtMs: expiresAt * 1000, refreshToken, refreshTokenExpiresAtMs: refreshExpiresAtMs }
}

/** Checked signatures, per installation secret; the oldest unused go first. */
const checked = new WeakMap<Secrets, Map<string, AccessClaims>>()
const CHECKED_MAX = 5000

/** What a token signed here says. Whether it still counts is not asked here, nor the time: that is the database's to tell. */
export async function accessClaims(secrets: Secrets, token: string): Promise<AccessClaims> {
  const known = checked.get(secrets) ?? new Map<string, AccessClaims>()
  checked.set(secrets, known)
  const claims = known.get(token) ?? (await verified(secrets, token))
  known.delete(token)
  known.set(token, claims)
  if (known.size > CHECKED_MAX) known.delete(known.keys().next().value!)
  return claims
}

async function verified(secrets: Secrets, token: string): Promise<AccessClaims> {
  try {
    const { payload } = await jwtVerify(token, secrets.key('access-token'), {
      algorithms: [ALGORITHM],
      issuer: ISSUER,
      audience: AUDIENCE,
      requiredClaims: ['sub', 'sid', 'exp'],
      // Expiry is compared with the database's clock, at every use.
      currentDate: new Date(0),
    })
    if (typeof payload.sid !== 'string') throw new Error('no session')
    return { userId: payload.sub!, sessionId: payload.sid, expiresAtMs: payload.exp! * 1000 }
  } catch {
    throw new Unauthenticated('This access token is not valid.')
  }
}

/** The refresh token that follows another one, and nobody can tell without the installation's secret. */
export const refreshTokenAfter = (secrets: Secrets, refreshToken: string): string => secrets.mac('refresh-token', refreshToken)

export const refreshTokenHash = (refreshToken: string): string => digest(refreshToken)
