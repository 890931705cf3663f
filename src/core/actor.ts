/** Who acts: a user through a session, a program through an API key, the server in a user's place, nobody known yet, or the server itself. */
import { Forbidden, Unauthenticated } from './errors.ts'
import type { ApiScope } from './scopes.ts'
import type { TrailedCall } from './trailed-call.ts'

interface Calling {
  /** The call that is under way, where the trail is to tell of it. */
  call?: TrailedCall
}

interface Known extends Calling {
  userId: string
  role: 'USER' | 'ADMIN'
}

export type Actor =
  | ({ kind: 'session'; sessionId: string; expiresAtMs: number } & Known)
  | ({ kind: 'apiKey'; apiKeyId: string; scopes: readonly ApiScope[]; expiresAtMs: number | null } & Known)
  /** The server, doing what a user has left it to do. */
  | ({ kind: 'deputy' } & Known)
  | ({ kind: 'stranger' } & Calling)
  | ({ kind: 'server' } & Calling)

export const stranger: Actor = { kind: 'stranger' }
export const server: Actor = { kind: 'server' }

export type KnownActor = Extract<Actor, Known>

export const isKnown = (actor: Actor): actor is KnownActor => 'userId' in actor

/** Whether this actor sees everybody's things. */
export const seesAll = (actor: Actor): boolean => actor.kind === 'server' || (isKnown(actor) && actor.role === 'ADMIN')

/** The acting user's id; the server itself has none. */
export const actorId = (actor: Actor): string | null => (isKnown(actor) ? actor.userId : null)

export function requireKnown(actor: Actor): KnownActor {
  if (!isKnown(actor)) throw new Unauthenticated()
  return actor
}

/**
 * The rows an actor may touch, as a Prisma `where`. It stands in every statement on things that have an owner.
 * A stranger's matches nothing.
 */
export function ownedBy(actor: Actor): { ownerId?: string } {
  if (seesAll(actor)) return {}
  return { ownerId: actorId(actor) ?? '' }
}

export function hasScope(actor: Actor, scope: ApiScope): boolean {
  return actor.kind === 'apiKey' ? actor.scopes.includes(scope) : actor.kind !== 'stranger'
}

/** Refuses a key without the scope, and strangers. */
export function requireScope(actor: Actor, scope: ApiScope): KnownActor {
  const known = requireKnown(actor)
  if (!hasScope(known, scope)) throw new Forbidden(`This API key lacks the scope ${scope}.`)
  return known
}
