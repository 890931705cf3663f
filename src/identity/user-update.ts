import { NotFound } from '../core/errors.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { subjectOf } from './identity-access.ts'
import { userLock } from './user-lock.ts'

export interface UserChanges {
  displayName?: string | undefined
  /** Replaces the preferences as a whole. */
  preferences?: Record<string, unknown> | undefined
}

/** Changes the acting user's profile, or for an ADMIN anyone's. Answers the user's id. */
export async function userUpdate(work: Work, userId: string | undefined, { displayName, preferences }: UserChanges): Promise<string> {
  const { db, sql } = work
  const subject = subjectOf(work.actor, userId)
  const user = subject === null ? null : await userLock(work, subject)
  if (!user) throw new NotFound('User', ['input', 'id'])
  const sets = [Prisma.sql`"updatedAtMs" = ${sql.nowMs}`]
  if (displayName !== undefined) sets.push(Prisma.sql`"displayName" = ${displayName}`)
  if (preferences !== undefined) sets.push(Prisma.sql`"preferences" = ${sql.json(preferences)}`)
  await db.$executeRaw`UPDATE "User" SET ${Prisma.join(sets)} WHERE "id" = ${user.id}`
  work.events.push({
    kind: 'USER_UPDATED',
    subjectType: 'User',
    subjectId: user.id,
    ownerId: user.id,
    data: {
      ...(preferences !== undefined && { preferences }),
      ...(displayName !== undefined && { displayName, before: { displayName: user.displayName } }),
    },
  })
  return user.id
}
