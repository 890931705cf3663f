import { NotFound } from '../core/errors.ts'
import type { Work } from '../events/work.ts'
import { requireAdmin } from './identity-access.ts'
import { LastAdmin } from './identity-errors.ts'
import { adminsLock, otherAdminExists, userLock } from './user-lock.ts'

/** Makes a user an ADMIN, or a plain user again. However many ADMINs do this at once, one of them stays ADMIN. */
export async function userSetRole(work: Work, userId: string | null, role: 'USER' | 'ADMIN'): Promise<string> {
  requireAdmin(work.actor)
  const { db, sql } = work
  await adminsLock(work)
  const user = userId === null ? null : await userLock(work, userId)
  if (!user) throw new NotFound('User', ['input', 'id'])
  if (user.role === role) return user.id
  if (role === 'USER' && !(await otherAdminExists(work, user.id))) throw new LastAdmin()
  await db.$executeRaw`UPDATE "User" SET "role" = ${sql.asEnum('UserRole', role)}, "updatedAtMs" = ${sql.nowMs} WHERE "id" = ${user.id}`
  work.events.push({
    kind: 'USER_ROLE_CHANGED',
    subjectType: 'User',
    subjectId: user.id,
    ownerId: user.id,
    data: { role, before: { role: user.role } },
  })
  return user.id
}
