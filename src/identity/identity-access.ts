/** Who may see and change whose account: everybody their own, ADMINs all. */
import { type Actor, actorId, isKnown, type KnownActor, requireKnown, seesAll } from '../core/actor.ts'
import { Forbidden } from '../core/errors.ts'

/** The users an actor sees. A stranger's matches nothing. */
export const visibleUsers = (actor: Actor): { id?: string } => (seesAll(actor) ? {} : { id: actorId(actor) ?? '' })

/** The sessions an actor sees. */
export const visibleSessions = (actor: Actor): { userId?: string } => (seesAll(actor) ? {} : { userId: actorId(actor) ?? '' })

/** The user an operation is about: the actor, or for an ADMIN anyone. Null where the actor may not know whether it exists. */
export const subjectOf = (actor: Actor, userId: string | undefined): string | null => {
  const known = requireKnown(actor)
  if (userId === undefined || userId === known.userId) return known.userId
  return seesAll(known) ? userId : null
}

export function requireAdmin(actor: Actor): KnownActor {
  const known = requireKnown(actor)
  if (!seesAll(known)) throw new Forbidden('Only an ADMIN may do this.')
  return known
}

/** The session the actor came with; a key has none. */
export const ownSessionId = (actor: Actor): string | null => (isKnown(actor) && actor.kind === 'session' ? actor.sessionId : null)
