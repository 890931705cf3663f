import type { Store } from '../events/store.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { FAILURE_WINDOW_MS } from './login-failures.ts'
import { daysMs } from './session-open.ts'

const BATCH = 1000
/** How long a session that is over can still be seen in the list. */
const KEEP_DAYS = 30

/** Housekeeping: removes what is long over, in small steps that hold up nobody. Answers how many rows went. */
export async function sessionsExpire(store: Store): Promise<number> {
  const { client, sql } = store.database
  const expired = [
    // An expired token is refused whether it is known or not.
    { table: 'RefreshToken', key: 'tokenHash', where: Prisma.sql`"expiresAtMs" < ${sql.nowMs}` },
    { table: 'Session', key: 'id', where: Prisma.sql`"expiresAtMs" < ${sql.nowMs} - ${daysMs(KEEP_DAYS)}` },
    { table: 'LoginFailure', key: 'id', where: Prisma.sql`"failedAtMs" < ${sql.nowMs} - ${BigInt(FAILURE_WINDOW_MS)}` },
  ]
  let total = 0
  for (const { table, key, where } of expired) {
    const [t, k] = [Prisma.raw(`"${table}"`), Prisma.raw(`"${key}"`)]
    for (let count = BATCH; count === BATCH; total += count)
      count = await client.$executeRaw`DELETE FROM ${t} WHERE ${k} IN (SELECT ${k} FROM ${t} WHERE ${where} LIMIT ${BATCH})`
  }
  return total
}
