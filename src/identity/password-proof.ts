/**
 * Proof of a password, in two steps, for hashing takes long and a transaction must not. First the password is checked,
 * then, in the transaction that needs the proof, it is settled: the attempt is counted, and what the proof rests on must
 * still hold. Of many attempts at once only as many learn anything as if they had come one after another.
 */
import type { Work } from '../events/work.ts'
import type { Secrets } from '../secrets.ts'
import { accountHashOf, loginFailureAdd, loginFailuresCheck, loginFailuresClear, loginFailuresLock } from './login-failures.ts'
import type { PasswordHasher } from './password-hash.ts'

export interface PasswordProof {
  readonly accountHash: string
  /** Null: the password is wrong, or there is no such user, or it is disabled. */
  readonly proven: { userId: string; changedAtMs: bigint; rehashed: string | null } | null
}

/** Takes the same time whether there is such a user or not. */
export async function passwordCheck(
  work: Work,
  { secrets, passwords }: { secrets: Secrets; passwords: PasswordHasher },
  { email, password }: { email: string; password: string },
): Promise<PasswordProof> {
  const accountHash = accountHashOf(secrets, email)
  await loginFailuresCheck(work, accountHash)
  const user = await work.db.user.findUnique({
    where: { email },
    select: { id: true, disabledAtMs: true, credential: { select: { passwordHash: true, changedAtMs: true } } },
  })
  const credential = user?.credential ?? null
  const right = await passwords.verify(credential?.passwordHash ?? null, password)
  if (!right || !user || !credential || user.disabledAtMs !== null) return { accountHash, proven: null }
  const rehashed = passwords.needsRehash(credential.passwordHash) ? await passwords.hash(password) : null
  return { accountHash, proven: { userId: user.id, changedAtMs: credential.changedAtMs, rehashed } }
}

/**
 * The proven user's id, with the user locked until the commit; null where the proof failed or holds no longer. A wrong
 * password is counted, so the caller must commit before it refuses.
 */
export async function passwordSettle(work: Work, { accountHash, proven }: PasswordProof): Promise<string | null> {
  await loginFailuresLock(work, accountHash)
  await loginFailuresCheck(work, accountHash)
  if (!proven) {
    await loginFailureAdd(work, accountHash)
    return null
  }
  const { userId, changedAtMs, rehashed } = proven
  const { db, sql } = work
  // A change of the password or a ban that came in between ends here; one that comes later waits, and then finds what was made.
  const held = await db.$queryRaw<unknown[]>`
    SELECT u."id" FROM "User" u JOIN "Credential" c ON c."userId" = u."id"
    WHERE u."id" = ${userId} AND u."disabledAtMs" IS NULL AND c."changedAtMs" = ${changedAtMs} ${sql.forUpdate}`
  if (!held.length) return null
  await loginFailuresClear(work, accountHash)
  if (rehashed) await db.$executeRaw`UPDATE "Credential" SET "passwordHash" = ${rehashed} WHERE "userId" = ${userId}`
  return userId
}
