import { server } from '../core/actor.ts'
import type { Store } from '../events/store.ts'
import { transact } from '../events/transact.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { ENTRY_VALUES, type EntryRow } from './audit-entry.ts'
import { BEGINNING, bytes, type Chain, chainRead, type Ends, endsMac, entryMac, isGenuine, type Key, NEW_ENDS, type Seal, sealMac } from './chain.ts'

/** On SQLite the process does nothing else while they are read. */
const ENTRIES_A_SEAL = 500
const LEASE_MS = 10_000

export interface Sealing {
  key: Key
  /** Which server this is. */
  sealer: string
}

/** `more`: there may be more. `busy`: another server seals. `forged`: the chain is not as it was left, and is left so. */
export type Sealed = 'more' | 'done' | 'busy' | 'forged'

/**
 * Seals the next entries. Whoever holds the lease does; but it is the guard of the last statement that keeps two from sealing the same, so
 * that it holds also where a lease was lost in the middle of it. A server that dies here has sealed nothing.
 */
export async function auditSeal(store: Store, { key, sealer }: Sealing): Promise<Sealed> {
  const { chain, position } = await chainRead(store.database)
  if (position <= (chain?.sealedThrough ?? 0)) return 'done'
  if (chain && !isGenuine(key, chain)) return 'forged'
  if (!(await leaseTake(store, key, sealer))) return 'busy'
  const before = chain ?? NEW_ENDS
  const firstPosition = before.sealedThrough + 1
  const lastPosition = Math.min(position, before.sealedThrough + ENTRIES_A_SEAL)
  const entries = await entriesBetween(store.database, firstPosition, lastPosition)
  const macs: Uint8Array[] = []
  let last = before.sealedMac
  for (let at = firstPosition; at <= lastPosition; at++) {
    last = entryMac(key, last, entries.get(at) ?? null)
    macs.push(last)
  }
  const { result } = await transact(store, server, (work) =>
    sealWrite(work, { key, sealer }, before, { firstPosition, lastPosition, macs: new Uint8Array(Buffer.concat(macs)) }),
  )
  if (!result) return 'busy'
  return lastPosition < position ? 'more' : 'done'
}

export async function entriesBetween({ rows }: Pick<Work, 'rows'>, first: number, last: number): Promise<Map<number, EntryRow>> {
  const found = await rows<EntryRow>(
    Prisma.sql`SELECT ${ENTRY_VALUES} FROM "AuditEntry" WHERE "position" BETWEEN ${BigInt(first)} AND ${BigInt(last)} ORDER BY "position"`,
  )
  return new Map(found.map((entry) => [entry.position, entry]))
}

/** Whether this server is the one that seals. A lease that is half over is begun anew. */
async function leaseTake(store: Store, key: Key, sealer: string): Promise<boolean> {
  const [known] = await store.database.rows<{ isHeld: number | boolean }>(
    Prisma.sql`SELECT "sealer" = ${sealer} AND "leaseExpiresAtMs" > ${store.database.sql.nowMs} + ${Prisma.raw(String(LEASE_MS / 2))} AS "isHeld" FROM "AuditChain" WHERE "id" = 1`,
  )
  if (known?.isHeld) return true
  const { result } = await transact(store, server, async (work) => {
    if (!known) await chainMake(work, key)
    return work.execute(Prisma.sql`UPDATE "AuditChain" SET "sealer" = ${sealer}, "leaseExpiresAtMs" = ${work.sql.nowMs} + ${Prisma.raw(String(LEASE_MS))}
      WHERE "id" = 1 AND ("sealer" IS NULL OR "sealer" = ${sealer} OR "leaseExpiresAtMs" < ${work.sql.nowMs})`)
  })
  return result === 1
}

/** Another server need not wait for the lease to run out. */
export const sealerLeave = (store: Store, sealer: string) =>
  transact(store, server, (work) =>
    work.execute(Prisma.sql`UPDATE "AuditChain" SET "sealer" = NULL, "leaseExpiresAtMs" = NULL WHERE "id" = 1 AND "sealer" = ${sealer}`),
  )

const chainMake = (work: Work, key: Key) =>
  work.execute(Prisma.sql`INSERT INTO "AuditChain" ("id", "sealedThrough", "sealedMac", "cutThrough", "cutMac", "mac")
    VALUES (1, 0, ${bytes(work, BEGINNING)}, 0, ${bytes(work, BEGINNING)}, ${bytes(work, endsMac(key, NEW_ENDS))}) ON CONFLICT ("id") DO NOTHING`)

async function sealWrite(work: Work, { key, sealer }: Sealing, before: Ends | Chain, { firstPosition, lastPosition, macs }: Omit<Seal, 'mac' | 'sealedAtMs'>) {
  const sealedMac = macs.subarray(-BEGINNING.length)
  const after = { ...before, sealedThrough: lastPosition, sealedMac }
  const moved =
    await work.execute(Prisma.sql`UPDATE "AuditChain" SET "sealedThrough" = ${BigInt(lastPosition)}, "sealedMac" = ${bytes(work, sealedMac)}, "mac" = ${bytes(work, endsMac(key, after))}
    WHERE "id" = 1 AND "sealer" = ${sealer} AND "sealedThrough" = ${BigInt(before.sealedThrough)} AND "cutThrough" = ${BigInt(before.cutThrough)}`)
  if (!moved) return false
  const [clock] = await work.rows<{ nowMs: number }>(Prisma.sql`SELECT ${work.sql.nowMs} AS "nowMs"`)
  const seal = { firstPosition, lastPosition, macs, sealedAtMs: clock!.nowMs }
  await work.execute(Prisma.sql`INSERT INTO "AuditSeal" ("firstPosition", "lastPosition", "macs", "sealedAtMs", "mac")
    VALUES (${BigInt(firstPosition)}, ${BigInt(lastPosition)}, ${bytes(work, macs)}, ${BigInt(seal.sealedAtMs)}, ${bytes(work, sealMac(key, seal))})`)
  return true
}
