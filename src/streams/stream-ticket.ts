/**
 * A ticket opens the plain doors of one stream for a minute: for what takes a URL and no header (`EventSource`). It is a signed word
 * that says which stream, whose, and by which session or key it was asked for; whether these still count is read at each use.
 * It is not kept anywhere, and opens nothing but reading.
 */
import { jwtVerify, SignJWT } from 'jose'
import { hasScope, type KnownActor } from '../core/actor.ts'
import { Unauthenticated } from '../core/errors.ts'
import type { Store } from '../events/store.ts'
import { apiKeyStanding, sessionStanding } from '../identity/standing.ts'
import type { Secrets } from '../secrets.ts'

export const TICKET_SECONDS = 60
const ALGORITHM = 'HS256'
const NAMED = { issuer: 'holdfast', audience: 'holdfast:stream' }

/** The same for the same stream, actor and second. */
export async function streamTicket(secrets: Secrets, actor: KnownActor, streamId: string, expiresAtMs: number): Promise<string> {
  if (actor.kind === 'deputy') throw new Unauthenticated()
  const by = actor.kind === 'session' ? { sid: actor.sessionId } : { kid: actor.apiKeyId }
  return new SignJWT({ stream: streamId, ...by })
    .setProtectedHeader({ alg: ALGORITHM, typ: 'JWT' })
    .setSubject(actor.userId)
    .setIssuer(NAMED.issuer)
    .setAudience(NAMED.audience)
    .setExpirationTime(Math.floor(expiresAtMs / 1000))
    .sign(secrets.key('stream-ticket'))
}

interface Claims {
  userId: string
  sessionId?: string
  apiKeyId?: string
  expiresAtMs: number
}

const INVALID = 'This ticket is not valid.'

/**
 * Who holds a ticket of this stream. What was opened with it lasts as long as the session or key does; the ticket's own time only
 * says until when it opens anything.
 */
export async function ticketActor({ store, secrets }: { store: Store; secrets: Secrets }, ticket: string, streamId: string): Promise<KnownActor> {
  const { userId, sessionId, apiKeyId, expiresAtMs } = await claimsOf(secrets, ticket, streamId)
  const standing = sessionId
    ? await sessionStanding(store, { userId, sessionId, expiresAtMs: Number.MAX_SAFE_INTEGER })
    : await apiKeyStanding(store, { id: apiKeyId! })
  if (!standing || 'ended' in standing || standing.actor.userId !== userId || !hasScope(standing.actor, 'STREAMS_READ')) throw new Unauthenticated(INVALID)
  if (expiresAtMs <= standing.nowMs) throw new Unauthenticated('This ticket has expired.')
  const { actor } = standing
  return actor.kind === 'session' && 'lastsUntilMs' in standing ? { ...actor, expiresAtMs: standing.lastsUntilMs as number } : actor
}

async function claimsOf(secrets: Secrets, ticket: string, streamId: string): Promise<Claims> {
  try {
    const { payload } = await jwtVerify(ticket, secrets.key('stream-ticket'), {
      ...NAMED,
      algorithms: [ALGORITHM],
      requiredClaims: ['sub', 'exp', 'stream'],
      // Its time is compared with the database's clock.
      currentDate: new Date(0),
    })
    const { stream, sid, kid } = payload
    if (stream !== streamId || (typeof sid !== 'string' && typeof kid !== 'string')) throw new Error('not of this stream')
    return {
      userId: payload.sub!,
      expiresAtMs: payload.exp! * 1000,
      ...(typeof sid === 'string' && { sessionId: sid }),
      ...(typeof kid === 'string' && { apiKeyId: kid }),
    }
  } catch {
    throw new Unauthenticated(INVALID)
  }
}
