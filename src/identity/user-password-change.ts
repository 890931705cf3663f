import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { ownSessionId } from './identity-access.ts'
import { type PasswordProof, passwordSettle } from './password-proof.ts'
import { sessionsEnd } from './sessions-end.ts'

/**
 * Sets a new password for the user who has proven the current one, and ends all their other sessions. Answers the user's id;
 * null where the proof failed, which is counted: the caller commits and then refuses.
 */
export async function userPasswordChange(work: Work, proof: PasswordProof, passwordHash: string): Promise<string | null> {
  const { db, sql } = work
  const userId = await passwordSettle(work, proof)
  if (userId === null) return null
  await db.$executeRaw`UPDATE "Credential" SET "passwordHash" = ${passwordHash}, "changedAtMs" = ${sql.nowMs} WHERE "userId" = ${userId}`
  const current = ownSessionId(work.actor)
  await sessionsEnd(work, Prisma.sql`"userId" = ${userId} AND "id" <> ${current ?? ''}`, 'PASSWORD_CHANGED')
  work.events.push({ kind: 'USER_PASSWORD_CHANGED', subjectType: 'User', subjectId: userId, ownerId: userId })
  return userId
}
