import { requireKnown, seesAll } from '../core/actor.ts'
import { BadUserInput, NotFound } from '../core/errors.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { userRequire } from '../identity/user-require.ts'
import { PERSONAL_DATA_REMOVED } from './audit-entry.ts'

/** Whose: one of them. */
export interface Removal {
  /** Null: no user of this server has the id that was given. */
  userId?: string | null | undefined
  email?: string | undefined
  address?: string | undefined
}

/**
 * Removes personal data from the trail: of a user, with the failed logins by the user's address; or, for ADMINs, by an email address or a
 * network address that belong to nobody here. The entries stay, and so does the chain over them. Answers of how many origins it was.
 */
export async function personalDataRemove(work: Work, removal: Removal): Promise<number> {
  const self = requireKnown(work.actor)
  const isAdmin = seesAll(work.actor)
  const { userId = removal.email === undefined && removal.address === undefined ? self.userId : undefined, email, address } = removal
  if ([userId, email, address].filter((given) => given !== undefined).length > 1) throw new BadUserInput('Give one of userId, email and address.', ['input'])
  if (!isAdmin && userId !== self.userId) throw new NotFound('User', ['input', 'userId'])
  const where = userId !== undefined ? await ofUser(work, userId) : email !== undefined ? Prisma.sql`"email" = ${email}` : Prisma.sql`"address" = ${address}`
  const removed = await work.execute(Prisma.sql`DELETE FROM "AuditOrigin" WHERE ${where}`)
  // Also where there was nothing: whatever server is just writing some forgets what it shares.
  const by = userId !== undefined ? 'USER' : email !== undefined ? 'EMAIL' : 'ADDRESS'
  work.events.push({ kind: PERSONAL_DATA_REMOVED, subjectType: 'User', subjectId: userId ?? self.userId, ownerId: userId ?? null, data: { by, removed } })
  return removed
}

async function ofUser(work: Work, userId: string | null): Promise<Prisma.Sql> {
  const { email } = await userRequire(work, userId, ['input', 'userId'])
  return Prisma.sql`"userId" = ${userId} OR "email" = ${email}`
}
