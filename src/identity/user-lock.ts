import type { Work } from '../events/work.ts'

export interface LockedUser {
  id: string
  email: string
  displayName: string
  role: 'USER' | 'ADMIN'
  disabledAtMs: bigint | null
}

/** The user as they are, and stay until the commit unless this transaction changes them. */
export async function userLock({ db, sql }: Work, userId: string): Promise<LockedUser | null> {
  const [user] = await db.$queryRaw<LockedUser[]>`
    SELECT "id", "email", "displayName", "role", "disabledAtMs" FROM "User" WHERE "id" = ${userId} ${sql.forUpdate}`
  return user ?? null
}

/** From here to the commit nobody else makes or unmakes an ADMIN. */
export async function adminsLock({ db, sql }: Work): Promise<void> {
  await db.$queryRaw`SELECT "id" FROM "Installation" WHERE "id" = 1 ${sql.forUpdate}`
}

/** Whether an ADMIN who is not disabled is left besides this user. To be asked under `adminsLock`. */
export async function otherAdminExists({ db }: Work, userId: string): Promise<boolean> {
  const [other] = await db.$queryRaw<unknown[]>`
    SELECT "id" FROM "User" WHERE "role" = 'ADMIN' AND "disabledAtMs" IS NULL AND "id" <> ${userId} LIMIT 1`
  return other !== undefined
}
