import { BadUserInput, NotFound } from '../core/errors.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { ownSessionId, visibleSessions } from './identity-access.ts'
import { sessionsEnd } from './sessions-end.ts'

/** Logs a session out; `undefined` stands for the current one. One that is over already stays as it is. Answers its id. */
export async function sessionRevoke(work: Work, given: string | null | undefined): Promise<string> {
  const id = given === undefined ? ownSessionId(work.actor) : given
  if (given === undefined && id === null) throw new BadUserInput('An API key has no session of its own; give an id.', ['input', 'id'])
  const session = id === null ? null : await work.db.session.findFirst({ where: { AND: [{ id }, visibleSessions(work.actor)] }, select: { id: true } })
  if (!session) throw new NotFound('Session', ['input', 'id'])
  await sessionsEnd(work, Prisma.sql`"id" = ${session.id}`, 'LOGOUT')
  return session.id
}
