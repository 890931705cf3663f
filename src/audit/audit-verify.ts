/** Whether the trail is what was written: page by page, from the oldest entry that is left to the newest. */
import { setImmediate as breath } from 'node:timers/promises'
import { BadUserInput } from '../core/errors.ts'
import type { Database } from '../db/database.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { EntryRow } from './audit-entry.ts'
import { entriesBetween } from './audit-seal.ts'
import { type Chain, chainRead, hex, isGenuine, isSame, type Key, macAt, NEW_ENDS, SEAL_VALUES, type Seal } from './chain.ts'
import { type Fault, type FaultKind, isOriginWhole, type OriginRow, sealFault } from './chain-check.ts'

export interface Verifying {
  /** Go on after this position; left out: from the beginning. */
  after?: number | undefined
  /** So many entries, about. */
  limit: number
  /** What was noted elsewhere of the chain. */
  known?: { position: number; mac: string } | undefined
}

export interface Verified {
  fault: Fault | null
  /** So many sealed entries were looked at, each of them found whole. */
  checkedCount: number
  /** All entries up to here are what was sealed, as far as this page and those before it went. */
  through: number
  /** Whether there is more to look at, after `through`. */
  hasMore: boolean
  expiredThrough: number
  sealedThrough: number
  sealedMac: string
  /** Written, and not yet sealed. */
  unsealedCount: number
}

const SEALS_AT_ONCE = 20

/** Names the first fault of the page. What is removed by retention meanwhile is none. */
export async function auditVerify(database: Database, key: Key, verifying: Verifying): Promise<Verified> {
  for (;;) {
    const { chain, position } = await chainRead(database)
    const verified = await pageVerify(database, key, { chain, position }, verifying)
    if (!verified.fault) return verified
    const { chain: now } = await chainRead(database)
    if ((now?.cutThrough ?? 0) <= (chain?.cutThrough ?? 0)) return verified
  }
}

type Head = Awaited<ReturnType<typeof chainRead>>

async function pageVerify(database: Database, key: Key, { chain, position }: Head, { after = 0, limit, known }: Verifying): Promise<Verified> {
  const ends = chain ?? NEW_ENDS
  const { cutThrough, sealedThrough } = ends
  const state = { expiredThrough: cutThrough, sealedThrough, sealedMac: hex(ends.sealedMac), unsealedCount: Math.max(0, position - sealedThrough) }
  let through = cutThrough
  let last: Uint8Array = ends.cutMac
  let checkedCount = 0
  const at = (kind: FaultKind, faulty: number, entryId: string | null = null): Verified => ({
    ...state,
    fault: { kind, position: faulty, entryId },
    checkedCount,
    through,
    hasMore: false,
  })
  if (chain && !isGenuine(key, chain)) return at('ENDS_CHANGED', sealedThrough)
  if (position < sealedThrough) return at('ENDS_CHANGED', position)
  if (known && !(await isAsKnown(database, ends, known))) return at('CHECKPOINT_CONTRADICTED', known.position)
  if (after > cutThrough) {
    const former = await sealBefore(database, Math.min(after, sealedThrough))
    if (former) [through, last] = [former.lastPosition, macAt(former, former.lastPosition)]
  }
  while (through < sealedThrough && checkedCount < limit) {
    const seals = await sealsAfter(database, through, sealedThrough)
    if (!seals.length) return at('SEAL_MISSING', through + 1)
    for (const seal of seals) {
      if (seal.firstPosition !== through + 1) return at('SEAL_MISSING', through + 1)
      const entries = await entriesBetween(database, seal.firstPosition, seal.lastPosition)
      const fault = sealFault(key, last, seal, entries) ?? (await originFault(database, entries))
      if (fault) return at(fault.kind, fault.position, fault.entryId)
      checkedCount += entries.size
      through = seal.lastPosition
      last = macAt(seal, through)
      // On SQLite nothing else happens in this process while a statement runs.
      await breath()
      if (checkedCount >= limit) break
    }
  }
  if (through < sealedThrough) return { ...state, fault: null, checkedCount, through, hasMore: true }
  if (!isSame(last, ends.sealedMac)) return at('ENDS_CHANGED', sealedThrough)
  const fault = await edgesFault(database, ends)
  return fault ? at(fault.kind, fault.position) : { ...state, fault: null, checkedCount, through, hasMore: false }
}

/** The seal that ends there, or the last one that ends before. */
async function sealBefore({ rows }: Pick<Database, 'rows'>, position: number): Promise<Seal | undefined> {
  return (
    await rows<Seal>(Prisma.sql`SELECT ${SEAL_VALUES} FROM "AuditSeal" WHERE "lastPosition" <= ${BigInt(position)} ORDER BY "lastPosition" DESC LIMIT 1`)
  )[0]
}

const sealsAfter = ({ rows }: Pick<Database, 'rows'>, after: number, through: number): Promise<Seal[]> =>
  rows(
    Prisma.sql`SELECT ${SEAL_VALUES} FROM "AuditSeal" WHERE "lastPosition" > ${BigInt(after)} AND "lastPosition" <= ${BigInt(through)} ORDER BY "lastPosition" LIMIT ${SEALS_AT_ONCE}`,
  )

async function isAsKnown(
  database: Database,
  ends: Pick<Chain, 'cutThrough' | 'cutMac' | 'sealedThrough'>,
  known: { position: number; mac: string },
): Promise<boolean> {
  const { position, mac } = known
  if (position < ends.cutThrough) throw new BadUserInput('What was sealed there has been removed by retention; note a later checkpoint.', ['known', 'position'])
  if (position === ends.cutThrough) return hex(ends.cutMac) === mac
  if (position > ends.sealedThrough) return false
  const [seal] = await database.rows<Seal>(
    Prisma.sql`SELECT ${SEAL_VALUES} FROM "AuditSeal" WHERE "lastPosition" >= ${BigInt(position)} ORDER BY "lastPosition" LIMIT 1`,
  )
  return seal !== undefined && seal.firstPosition <= position && hex(macAt(seal, position)) === mac
}

/** Personal data that is still there is what its digest says. What was removed is not there. */
async function originFault({ rows }: Pick<Database, 'rows'>, entries: ReadonlyMap<number, EntryRow>): Promise<Fault | null> {
  const digests = [...new Set([...entries.values()].flatMap(({ originDigest }) => originDigest ?? []))]
  if (!digests.length) return null
  const origins = await rows<OriginRow>(
    Prisma.sql`SELECT "digest", "salt", "userId", "address", "userAgent", "email", "createdAtMs" FROM "AuditOrigin" WHERE "digest" IN (${Prisma.join(digests)})`,
  )
  const changed = new Set(origins.filter((origin) => !isOriginWhole(origin)).map(({ digest }) => digest))
  const first = changed.size ? [...entries.values()].find(({ originDigest }) => originDigest !== null && changed.has(originDigest)) : undefined
  return first ? { kind: 'PERSONAL_DATA_CHANGED', position: first.position, entryId: first.id } : null
}

/** What is not sealed yet has no hole, and there is nothing before the beginning or after the end. By one statement, so that it sees one moment. */
async function edgesFault({ rows }: Pick<Database, 'rows'>, { cutThrough, sealedThrough }: Pick<Chain, 'cutThrough' | 'sealedThrough'>): Promise<Fault | null> {
  const sealed = BigInt(sealedThrough)
  const [edges] = await rows<{ position: number; count: number; hole: number | null; below: number | null; beyond: number | null }>(Prisma.sql`
    SELECT "head"."entryPosition" AS "position",
      (SELECT COUNT(*) FROM "AuditEntry" WHERE "position" > ${sealed} AND "position" <= "head"."entryPosition") AS "count",
      (SELECT MIN("here"."position") + 1 FROM (SELECT CAST(${sealed} AS BIGINT) AS "position" UNION ALL SELECT "position" FROM "AuditEntry" WHERE "position" > ${sealed}) AS "here"
        WHERE NOT EXISTS (SELECT 1 FROM "AuditEntry" AS "next" WHERE "next"."position" = "here"."position" + 1)) AS "hole",
      (SELECT MIN("position") FROM "AuditEntry" WHERE "position" <= ${BigInt(cutThrough)}) AS "below",
      (SELECT MIN("position") FROM "AuditEntry" WHERE "position" > "head"."entryPosition") AS "beyond"
    FROM "LogHead" AS "head" WHERE "head"."id" = 1`)
  const { position, count, hole, below, beyond } = edges!
  if (below !== null) return { kind: 'ENTRY_ADDED', position: below, entryId: null }
  if (count !== Math.max(0, position - sealedThrough)) return { kind: 'ENTRY_MISSING', position: hole!, entryId: null }
  return beyond === null ? null : { kind: 'ENTRY_ADDED', position: beyond, entryId: null }
}
