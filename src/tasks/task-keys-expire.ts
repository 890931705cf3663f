import { server } from '../core/actor.ts'
import { DAY_MS } from '../core/clock.ts'
import type { Store } from '../events/store.ts'
import { transact } from '../events/transact.ts'
import { Prisma } from '../generated/sqlite/client.ts'

const AT_ONCE = 1000

/**
 * Removes what no longer means anything, in small steps: which task stands for a type with some params, once its time is over, and
 * when the next task of a type may start, where that was a day ago. What somebody holds is passed over.
 */
export async function taskKeysExpire(store: Store): Promise<void> {
  const { sql } = store.database
  const expired = [
    Prisma.sql`DELETE FROM "TaskUnique" WHERE ("ownerId", "key") IN
      (SELECT "ownerId", "key" FROM "TaskUnique" WHERE "expiresAtMs" <= (SELECT ${sql.nowMs}) LIMIT ${AT_ONCE} ${sql.forUpdateSkipLocked})`,
    Prisma.sql`DELETE FROM "TaskRate" WHERE "name" IN
      (SELECT "name" FROM "TaskRate" WHERE "freeAtMs" < (SELECT ${sql.nowMs} - ${Prisma.raw(String(DAY_MS))}) LIMIT ${AT_ONCE} ${sql.forUpdateSkipLocked})`,
  ]
  for (const statement of expired) {
    for (let count = AT_ONCE; count === AT_ONCE; ) {
      const { result } = await transact(store, server, (work) => work.execute(statement))
      count = result
    }
  }
}
