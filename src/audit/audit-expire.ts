import { server } from '../core/actor.ts'
import { DAY_MS } from '../core/clock.ts'
import type { Store } from '../events/store.ts'
import { ORIGIN_SHARED_MS } from '../events/trail.ts'
import { transact } from '../events/transact.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { bytes, chainRead, endsMac, isGenuine, isSame, type Key, macAt, SEAL_VALUES, type Seal, sealMac } from './chain.ts'

/** In one transaction. */
const ENTRIES_AT_ONCE = 2000
const SEALS_AT_ONCE = 100
/** Servers' clocks go by the database's, more or less. */
const MARGIN_MS = 3_600_000

interface Expiring {
  retentionDays: number
  /** By the database's clock; for tests. */
  nowMs?: number
}

/**
 * Removes what was sealed so long ago, from the old end, and keeps the MAC that the rest follows: so the chain holds, and nobody else can
 * cut it. Any number of servers may do it at once. Answers how many entries went.
 */
export async function auditExpire(store: Store, key: Key, expiring: Expiring): Promise<number> {
  let total = 0
  for (;;) {
    const { result } = await transact(store, server, (work) => oldestExpire(work, key, expiring))
    if (result === null) break
    total += result
  }
  if (total) await transact(store, server, originsExpire)
  return total
}

async function oldestExpire(work: Work, key: Key, { retentionDays, nowMs }: Expiring): Promise<number | null> {
  const { chain } = await chainRead(work)
  if (!chain || !isGenuine(key, chain)) return null
  const now = nowMs === undefined ? work.sql.nowMs : Prisma.sql`CAST(${BigInt(nowMs)} AS BIGINT)`
  const seals =
    await work.rows<Seal>(Prisma.sql`SELECT ${SEAL_VALUES} FROM (SELECT * FROM "AuditSeal" ORDER BY "lastPosition" LIMIT ${SEALS_AT_ONCE}) AS "oldest"
    WHERE "sealedAtMs" < ${now} - CAST(${BigInt(retentionDays * DAY_MS)} AS BIGINT) ORDER BY "lastPosition"`)
  const within = seals.filter(({ lastPosition }, i) => i === 0 || lastPosition - chain.cutThrough <= ENTRIES_AT_ONCE)
  const last = within.at(-1)
  if (!last || !isSame(sealMac(key, last), last.mac)) return null
  const cutMac = macAt(last, last.lastPosition)
  const after = { ...chain, cutThrough: last.lastPosition, cutMac }
  const moved =
    await work.execute(Prisma.sql`UPDATE "AuditChain" SET "cutThrough" = ${BigInt(last.lastPosition)}, "cutMac" = ${bytes(work, cutMac)}, "mac" = ${bytes(work, endsMac(key, after))}
    WHERE "id" = 1 AND "cutThrough" = ${BigInt(chain.cutThrough)} AND "sealedThrough" = ${BigInt(chain.sealedThrough)}`)
  // Somebody sealed, or cut, meanwhile.
  if (!moved) return 0
  const removed = await work.execute(Prisma.sql`DELETE FROM "AuditEntry" WHERE "position" <= ${BigInt(last.lastPosition)}`)
  await work.execute(Prisma.sql`DELETE FROM "AuditSeal" WHERE "lastPosition" <= ${BigInt(last.lastPosition)}`)
  return removed
}

/** Personal data that no entry holds any more: entries share it for a day at most. */
async function originsExpire(work: Work): Promise<void> {
  const [oldest] = await work.rows<{ occurredAtMs: number }>(Prisma.sql`SELECT "occurredAtMs" FROM "AuditEntry" ORDER BY "position" LIMIT 1`)
  if (oldest) await work.execute(Prisma.sql`DELETE FROM "AuditOrigin" WHERE "createdAtMs" < ${BigInt(oldest.occurredAtMs - ORIGIN_SHARED_MS - MARGIN_MS)}`)
}
