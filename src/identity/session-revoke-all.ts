import { requireKnown } from '../core/actor.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { ownSessionId } from './identity-access.ts'
import { sessionsEnd } from './sessions-end.ts'

/** Logs all sessions of the acting user out, or all but the current one. Answers how many. */
export async function sessionRevokeAll(work: Work, exceptCurrent: boolean): Promise<number> {
  const { userId } = requireKnown(work.actor)
  const kept = exceptCurrent ? ownSessionId(work.actor) : null
  return sessionsEnd(work, Prisma.sql`"userId" = ${userId} AND "id" <> ${kept ?? ''}`, 'LOGOUT')
}
