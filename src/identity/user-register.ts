import { isKnown, seesAll } from '../core/actor.ts'
import { IdTaken } from '../core/errors.ts'
import { newId } from '../core/ids.ts'
import { registerConstraint } from '../db/constraints.ts'
import type { Work } from '../events/work.ts'
import { RegistrationClosed } from './identity-errors.ts'
import { type SessionOpening, sessionOpen } from './session-open.ts'
import type { SessionTimes } from './tokens.ts'

registerConstraint({ model: 'User', fields: ['id'] }, () => new IdTaken('User'))

export interface Registration {
  id?: string | undefined
  /** Lower-cased. */
  email: string
  displayName: string
  passwordHash: string
  /** `closed`: only ADMINs register others. */
  registration: 'open' | 'closed'
  session: Omit<SessionOpening, 'userId'>
}

/**
 * Makes a user and logs them in. The first user of an empty installation may always register and is its ADMIN: of two who
 * race for it the row of the installation decides, and the other becomes a plain user, or is refused where registration is
 * closed.
 */
export async function userRegister(work: Work, { id = newId(), email, displayName, passwordHash, registration, session }: Registration): Promise<SessionTimes> {
  const { db, sql } = work
  const isFirst = await installationClaim(work, id)
  if (!isFirst && registration === 'closed' && !seesAll(work.actor)) throw new RegistrationClosed()
  const role = isFirst ? 'ADMIN' : 'USER'
  const [user] = await db.$queryRaw<{ createdAtMs: bigint }[]>`
    INSERT INTO "User" ("id", "email", "displayName", "role", "preferences", "createdAtMs", "updatedAtMs")
    VALUES (${id}, ${email}, ${displayName}, ${sql.asEnum('UserRole', role)}, ${sql.json({})}, ${sql.nowMs}, ${sql.nowMs}) RETURNING "createdAtMs"`
  await db.$executeRaw`INSERT INTO "Credential" ("userId", "passwordHash", "changedAtMs") VALUES (${id}, ${passwordHash}, ${user!.createdAtMs})`
  work.events.push({
    kind: 'USER_REGISTERED',
    subjectType: 'User',
    subjectId: id,
    ownerId: id,
    ...(!isKnown(work.actor) && { actorId: id }),
    data: { email, displayName, role },
  })
  return sessionOpen(work, { ...session, userId: id })
}

/** Takes the installation for its first user. The row may be there before, for other purposes. */
async function installationClaim({ db }: Work, userId: string): Promise<boolean> {
  const claimed = await db.$executeRaw`
    INSERT INTO "Installation" ("id", "adminUserId")
    SELECT 1, CAST(${userId} AS TEXT) WHERE NOT EXISTS (SELECT 1 FROM "Installation" WHERE "adminUserId" IS NOT NULL)
    ON CONFLICT ("id") DO UPDATE SET "adminUserId" = excluded."adminUserId" WHERE "Installation"."adminUserId" IS NULL`
  return claimed === 1
}

/** Refuses early whom `userRegister` would refuse, before a password is hashed in vain. */
export async function registrationCheck({ db, actor }: Work, registration: 'open' | 'closed'): Promise<void> {
  if (registration === 'open' || seesAll(actor)) return
  const installation = await db.installation.findUnique({ where: { id: 1 }, select: { adminUserId: true } })
  if (installation?.adminUserId) throw new RegistrationClosed()
}
