/**
 * Guessing one account's password gets slower with every wrong guess, on every server alike: after 5 failures within 15
 * minutes the next attempt has to wait 1 s, then 2 s, 4 s … up to 15 min since the last one. Counted by the email that
 * was given, whether there is such an account or not.
 */
import { RateLimited } from '../core/errors.ts'
import { newId } from '../core/ids.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { Secrets } from '../secrets.ts'

export const FAILURE_WINDOW_MS = 15 * 60_000
const FREE_FAILURES = 5

export const accountHashOf = (secrets: Secrets, email: string): string => secrets.mac('login-failure', email)

/** How long to wait, given the failures within the window and the time since the last one. */
export function loginWaitMs(failures: number, sinceLastMs: number): number {
  if (failures < FREE_FAILURES) return 0
  return Math.max(0, Math.min(2 ** (failures - FREE_FAILURES) * 1000, FAILURE_WINDOW_MS) - sinceLastMs)
}

/** Refuses an attempt that comes too early. */
export async function loginFailuresCheck({ db, sql }: Work, accountHash: string): Promise<void> {
  const [row] = await db.$queryRaw<{ failures: bigint; sinceLastMs: bigint | null }[]>`
    SELECT COUNT(*) AS "failures", ${sql.nowMs} - MAX("failedAtMs") AS "sinceLastMs"
    FROM "LoginFailure" WHERE "accountHash" = ${accountHash} AND "failedAtMs" > ${sql.nowMs} - ${BigInt(FAILURE_WINDOW_MS)}`
  const waitMs = loginWaitMs(Number(row!.failures), Number(row!.sinceLastMs ?? 0))
  if (waitMs > 0) throw new RateLimited(waitMs, 'Too many failed logins.')
}

/** From here to the commit no other attempt on this account is counted. On SQLite there is one writer anyway. */
export async function loginFailuresLock({ db, dialect }: Work, accountHash: string): Promise<void> {
  if (dialect === 'postgresql') await db.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended(${accountHash}, 0))`
}

export async function loginFailureAdd({ db, sql }: Work, accountHash: string): Promise<void> {
  await db.$executeRaw`INSERT INTO "LoginFailure" ("id", "accountHash", "failedAtMs") VALUES (${newId()}, ${accountHash}, ${sql.nowMs})`
}

export async function loginFailuresClear({ db }: Work, accountHash: string): Promise<void> {
  await db.$executeRaw(Prisma.sql`DELETE FROM "LoginFailure" WHERE "accountHash" = ${accountHash}`)
}
