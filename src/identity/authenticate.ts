/** Who a request is from. */
import { type Actor, stranger } from '../core/actor.ts'
import { Unauthenticated } from '../core/errors.ts'
import type { Store } from '../events/store.ts'
import type { Secrets } from '../secrets.ts'
import { API_KEY_PREFIX, apiKeyHash } from './api-key.ts'
import { apiKeyTouch, isTouchDue } from './api-key-touch.ts'
import { apiKeyStanding, sessionStanding } from './standing.ts'
import { accessClaims } from './tokens.ts'

const BEARER = /^Bearer +([\w.~+/=-]{1,4096})$/i

/**
 * The actor that an `Authorization` header stands for, or a stranger without one. The rows are asked at every call, so that
 * what was revoked anywhere ends here at once.
 */
export async function authenticate(app: { store: Store; secrets: Secrets }, authorization: string | null | undefined): Promise<Actor> {
  if (authorization === null || authorization === undefined) return stranger
  const token = BEARER.exec(authorization)?.[1]
  if (!token) throw new Unauthenticated('The header must read `Authorization: Bearer <access token or API key>`.')
  return token.startsWith(API_KEY_PREFIX) ? byApiKey(app.store, token) : byAccessToken(app, token)
}

async function byAccessToken({ store, secrets }: { store: Store; secrets: Secrets }, token: string): Promise<Actor> {
  const standing = await sessionStanding(store, await accessClaims(secrets, token))
  // Only the holder of a token that was signed here is told why it ended.
  if ('ended' in standing) throw new Unauthenticated(`This access token does not count any more. ${standing.ended}`)
  return standing.actor
}

async function byApiKey(store: Store, secret: string): Promise<Actor> {
  const standing = await apiKeyStanding(store, { secretHash: apiKeyHash(secret) })
  if (!standing) throw new Unauthenticated('This API key is not valid.')
  if ('ended' in standing) throw new Unauthenticated(`This API key does not count any more. ${standing.ended}`)
  const { actor, nowMs, lastUsedAtMs } = standing
  if (actor.kind === 'apiKey' && isTouchDue(lastUsedAtMs, nowMs)) apiKeyTouch(store, actor.apiKeyId)
  return actor
}
