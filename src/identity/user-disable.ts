import { NotFound } from '../core/errors.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { requireAdmin } from './identity-access.ts'
import { LastAdmin } from './identity-errors.ts'
import { sessionsEnd } from './sessions-end.ts'
import { adminsLock, otherAdminExists, userLock } from './user-lock.ts'

/**
 * Shuts a user out, or lets them in again. Their sessions end for good; their API keys count for nothing until they are let
 * in. However many ADMINs do this at once, one of them stays.
 */
export async function userDisable(work: Work, userId: string | null, disabled: boolean): Promise<string> {
  requireAdmin(work.actor)
  const { db, sql } = work
  await adminsLock(work)
  const user = userId === null ? null : await userLock(work, userId)
  if (!user) throw new NotFound('User', ['input', 'id'])
  if ((user.disabledAtMs !== null) === disabled) return user.id
  if (disabled && user.role === 'ADMIN' && !(await otherAdminExists(work, user.id))) throw new LastAdmin()
  const disabledAtMs = disabled ? sql.nowMs : Prisma.sql`NULL`
  await db.$executeRaw`UPDATE "User" SET "disabledAtMs" = ${disabledAtMs}, "updatedAtMs" = ${sql.nowMs} WHERE "id" = ${user.id}`
  if (disabled) await sessionsEnd(work, Prisma.sql`"userId" = ${user.id}`, 'USER_DISABLED')
  work.events.push({
    kind: disabled ? 'USER_DISABLED' : 'USER_ENABLED',
    subjectType: 'User',
    subjectId: user.id,
    ownerId: user.id,
    data: { disabled, before: { disabled: !disabled } },
  })
  return user.id
}
