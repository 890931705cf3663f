/**
 * Whether an actor still may, for as long as something of theirs stays open: a socket, a stream of events.
 *
 * The log tells of revocations, bans and changes of role, on every server; a timer tells of expiry. Between the moment an
 * actor was authenticated and the moment the watch began something may have happened, so the rows are read once more;
 * that also tells how far the database's clock, by which expiry goes, is from this server's.
 */
import { type Actor, isKnown, type KnownActor } from '../core/actor.ts'
import type { LoggedEvent } from '../events/log.ts'
import type { Store } from '../events/store.ts'
import { apiKeyStanding, DISABLED, EXPIRED, REVOKED, type Standing, sessionStanding } from './standing.ts'

const ROLE_CHANGED = 'The role of the user has changed.'
const REASONS: Record<string, string> = { SESSION_REVOKED: REVOKED, API_KEY_REVOKED: REVOKED, USER_DISABLED: DISABLED, USER_ROLE_CHANGED: ROLE_CHANGED }
/** Timers hold 31 bits. */
const LONGEST_TIMER_MS = 2 ** 31 - 1
const LOOK_AGAIN_MS = 1000

/** Calls `onEnd` once, when the actor ceases to be what it was. The function it answers ends the watch. */
export function watchActor(store: Store, actor: Actor, onEnd: (reason: string) => void): () => void {
  if (!isKnown(actor) || actor.kind === 'deputy') return () => {}
  let watching = true
  let expiry: NodeJS.Timeout | undefined
  let again: NodeJS.Timeout | undefined
  const leave = () => {
    watching = false
    clearTimeout(expiry)
    clearTimeout(again)
    for (const off of offs) off()
  }
  const end = (reason: string) => {
    if (!watching) return
    leave()
    onEnd(reason)
  }
  const hear = (event: LoggedEvent) => {
    const reason = REASONS[event.kind]
    if (reason) end(reason)
  }
  const offs = [store.tail.on(actor.userId, hear), store.tail.on(actor.kind === 'session' ? actor.sessionId : actor.apiKeyId, hear)]

  const expireAt = (deadlineMs: number) => {
    clearTimeout(expiry)
    const restMs = deadlineMs - performance.now()
    if (restMs <= 0) return end(EXPIRED)
    expiry = setTimeout(() => expireAt(deadlineMs), Math.min(restMs, LONGEST_TIMER_MS))
    expiry.unref()
  }
  const expireByClock = (nowMs: number) => {
    if (actor.expiresAtMs !== null) expireAt(performance.now() + actor.expiresAtMs - nowMs)
  }
  const look = async () => {
    try {
      const standing = await standingOf(store, actor)
      if (!watching) return
      if ('ended' in standing) return end(standing.ended)
      if (standing.actor.role !== actor.role) return end(ROLE_CHANGED)
      expireByClock(standing.nowMs)
    } catch {
      // The database cannot say now; it will be asked until it can.
      if (watching) again = setTimeout(() => void look(), LOOK_AGAIN_MS).unref()
    }
  }
  if (actor.expiresAtMs !== null && actor.expiresAtMs > store.clock.nowMs()) expireByClock(store.clock.nowMs())
  void look()
  return leave
}

async function standingOf(store: Store, actor: Exclude<KnownActor, { kind: 'deputy' }>): Promise<Standing> {
  if (actor.kind === 'session') return sessionStanding(store, actor)
  return (await apiKeyStanding(store, { id: actor.apiKeyId })) ?? { ended: REVOKED }
}
