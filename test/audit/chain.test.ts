import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { EntryRow } from '../../src/audit/audit-entry.ts'
import { auditExpire } from '../../src/audit/audit-expire.ts'
import { auditSeal, entriesBetween } from '../../src/audit/audit-seal.ts'
import { auditVerify } from '../../src/audit/audit-verify.ts'
import { BEGINNING, bytes, chainRead, entryMac, isGenuine, isSame, macAt, SEAL_VALUES, type Seal, sealMac } from '../../src/audit/chain.ts'
import { isOriginWhole, type OriginRow, sealFault } from '../../src/audit/chain-check.ts'
import type { Database } from '../../src/db/database.ts'
import { Prisma } from '../../src/generated/sqlite/client.ts'
import { dialects } from '../kit/databases.ts'
import { KEY, openTrail, type TrailStore, tamper, write } from './store.ts'

const ENTRIES = 1000
const sealer = { key: KEY, sealer: 'one' }
const sealAll = async (trail: TrailStore) => {
  for (let sealed = 'more'; sealed === 'more'; ) sealed = await auditSeal(trail.store, sealer)
}
const sealsOf = ({ rows }: Database) => rows<Seal>(Prisma.sql`SELECT ${SEAL_VALUES} FROM "AuditSeal" ORDER BY "lastPosition"`)

/** The value with one bit of one byte of its text turned over, for each byte; or of its digits. */
function* flips(value: string | number): Generator<string | number> {
  const original = Buffer.from(String(value))
  for (let i = 0; i < original.length; i++) {
    const flipped = Buffer.from(original)
    flipped[i] = flipped[i]! ^ 1
    yield typeof value === 'number' ? Number(flipped.toString()) : flipped.toString()
  }
}

function* flipsOfBytes(value: Uint8Array): Generator<Uint8Array> {
  for (let i = 0; i < value.length; i++) {
    const flipped = new Uint8Array(value)
    flipped[i] = flipped[i]! ^ 1
    yield flipped
  }
}

describe.each(dialects())('a chain of 1,000 entries on %s', (dialect) => {
  let trail: TrailStore
  let database: Database
  const verify = (options: Partial<Parameters<typeof auditVerify>[2]> = {}) => auditVerify(database, KEY, { limit: 100_000, ...options })
  const entryAt = async (position: number) => (await entriesBetween(database, position, position)).get(position)!
  beforeAll(async () => {
    trail = await openTrail(dialect)
    database = trail.store.database
    await write(trail.store, ENTRIES)
    await sealAll(trail)
  })
  afterAll(() => trail.close())

  it('is whole as it was written, also page by page', async () => {
    const { chain } = await chainRead(database)
    expect(await verify()).toMatchObject({ fault: null, checkedCount: ENTRIES, through: ENTRIES, hasMore: false, sealedThrough: ENTRIES, unsealedCount: 0 })
    const pages: number[] = []
    for (let after = 0; ; ) {
      const page = await verify({ after, limit: 1 })
      expect(page.fault).toBeNull()
      pages.push(page.checkedCount)
      after = page.through
      if (!page.hasMore) break
    }
    expect(pages.length).toBeGreaterThan(1)
    expect(pages.reduce((a, b) => a + b)).toBe(ENTRIES)
    expect(isGenuine(KEY, chain!)).toBe(true)
  })

  it('shows each byte of each entry that is flipped', { timeout: 120_000 }, async () => {
    const entries = await entriesBetween(database, 1, ENTRIES)
    const seals = await sealsOf(database)
    let [flipped, found] = [0, 0]
    for (const seal of seals) {
      for (let position = seal.firstPosition; position <= seal.lastPosition; position += dialect === 'sqlite' ? 1 : 10) {
        const entry = entries.get(position)!
        const before = position === 1 ? BEGINNING : macAt(seals.find(({ lastPosition }) => lastPosition >= position - 1)!, position - 1)
        // The entry alone, under its own MAC: the seal is looked at below.
        const part = { firstPosition: position, lastPosition: position, macs: macAt(seal, position), sealedAtMs: seal.sealedAtMs }
        const whole = { ...part, mac: sealMac(KEY, part) }
        expect(sealFault(KEY, before, whole, new Map([[position, entry]]))).toBeNull()
        for (const [column, value] of Object.entries(entry) as [keyof EntryRow, string | number | null][]) {
          if (value === null) continue
          let last = value
          for (const other of flips(value)) {
            flipped++
            if (!isSame(entryMac(KEY, before, { ...entry, [column]: other } as EntryRow), macAt(seal, position))) found++
            last = other
          }
          const fault = sealFault(KEY, before, whole, new Map([[position, { ...entry, [column]: last } as EntryRow]]))
          expect(fault).toMatchObject({ kind: 'ENTRY_CHANGED', position })
        }
      }
    }
    expect(flipped).toBeGreaterThan(ENTRIES * (dialect === 'sqlite' ? 200 : 20))
    expect(found).toBe(flipped)
  })

  it('shows each byte of its seals, its ends and its personal data that is flipped', async () => {
    for (const seal of await sealsOf(database)) {
      for (const column of ['firstPosition', 'lastPosition', 'sealedAtMs'] as const)
        for (const other of flips(seal[column])) expect(Buffer.from(sealMac(KEY, { ...seal, [column]: other })).equals(seal.mac)).toBe(false)
      for (const macs of flipsOfBytes(seal.macs))
        if (Buffer.from(sealMac(KEY, { ...seal, macs })).equals(seal.mac)) expect.fail('a MAC was flipped and not found')
    }
    const { chain } = await chainRead(database)
    for (const column of ['sealedThrough', 'cutThrough'] as const)
      for (const other of flips(chain![column])) expect(isGenuine(KEY, { ...chain!, [column]: other as number })).toBe(false)
    for (const column of ['sealedMac', 'cutMac', 'mac'] as const)
      for (const other of flipsOfBytes(chain![column])) expect(isGenuine(KEY, { ...chain!, [column]: other })).toBe(false)
    const origins = await database.rows<OriginRow>(Prisma.sql`SELECT * FROM "AuditOrigin" LIMIT 100`)
    for (const origin of origins) {
      expect(isOriginWhole(origin)).toBe(true)
      for (const [column, value] of Object.entries(origin))
        if (value !== null) for (const other of flips(value)) expect(isOriginWhole({ ...origin, [column]: other })).toBe(false)
    }
  })

  it.each([1, 2, 499, 500, 501, 777, 1000])('names the place where an entry was changed, removed or put in another’s place: %i', async (position) => {
    const entry = await entryAt(position)
    const columns = Object.keys(entry).map((column) => Prisma.raw(`"${column}"`))
    const insert = Prisma.sql`INSERT INTO "AuditEntry" (${Prisma.join(columns)}) VALUES (${Prisma.join(Object.values(entry).map((value) => (typeof value === 'number' ? BigInt(value) : value)))})`
    const remove = Prisma.sql`DELETE FROM "AuditEntry" WHERE "id" = ${entry.id}`
    await tamper(database, Prisma.sql`UPDATE "AuditEntry" SET "operation" = 'taskDelete' WHERE "id" = ${entry.id}`)
    expect((await verify()).fault).toEqual({ kind: 'ENTRY_CHANGED', position, entryId: entry.id })
    await tamper(database, Prisma.sql`UPDATE "AuditEntry" SET "operation" = ${entry.operation} WHERE "id" = ${entry.id}`)
    await tamper(database, remove)
    expect((await verify()).fault).toEqual({ kind: 'ENTRY_MISSING', position, entryId: null })
    expect((await verify()).through).toBeLessThan(position)
    await tamper(database, insert)
    const other = await entryAt(position === 1 ? 2 : 1)
    const swap = (a: number, b: number) =>
      tamper(
        database,
        Prisma.sql`UPDATE "AuditEntry" SET "position" = -1 WHERE "position" = ${BigInt(a)}`,
        Prisma.sql`UPDATE "AuditEntry" SET "position" = ${BigInt(a)} WHERE "position" = ${BigInt(b)}`,
        Prisma.sql`UPDATE "AuditEntry" SET "position" = ${BigInt(b)} WHERE "position" = -1`,
      )
    await swap(position, other.position)
    expect((await verify()).fault).toMatchObject({ kind: 'ENTRY_CHANGED', position: Math.min(position, other.position) })
    await swap(other.position, position)
    expect((await verify()).fault).toBeNull()
  })

  it('names what was changed of its seals and its ends', async () => {
    const [first, second] = (await sealsOf(database)) as [Seal, Seal]
    const macs = (seal: Seal, value: Uint8Array) =>
      Prisma.sql`UPDATE "AuditSeal" SET "macs" = ${bytes(database, value)} WHERE "lastPosition" = ${BigInt(seal.lastPosition)}`
    const flipped = new Uint8Array(second.macs)
    flipped[32 * 10] = flipped[32 * 10]! ^ 1
    await tamper(database, macs(second, flipped))
    expect((await verify()).fault).toMatchObject({ kind: 'SEAL_CHANGED', position: second.firstPosition + 10 })
    await tamper(database, macs(second, second.macs))
    await tamper(database, Prisma.sql`UPDATE "AuditSeal" SET "sealedAtMs" = "sealedAtMs" - 1 WHERE "lastPosition" = ${BigInt(first.lastPosition)}`)
    expect((await verify()).fault).toMatchObject({ kind: 'SEAL_CHANGED', position: 1 })
    await tamper(database, Prisma.sql`UPDATE "AuditSeal" SET "sealedAtMs" = ${BigInt(first.sealedAtMs)} WHERE "lastPosition" = ${BigInt(first.lastPosition)}`)
    const seal = Prisma.sql`INSERT INTO "AuditSeal" ("firstPosition", "lastPosition", "macs", "sealedAtMs", "mac")
      VALUES (${BigInt(first.firstPosition)}, ${BigInt(first.lastPosition)}, ${bytes(database, first.macs)}, ${BigInt(first.sealedAtMs)}, ${bytes(database, first.mac)})`
    await tamper(database, Prisma.sql`DELETE FROM "AuditSeal" WHERE "lastPosition" = ${BigInt(first.lastPosition)}`)
    expect((await verify()).fault).toMatchObject({ kind: 'SEAL_MISSING', position: 1 })
    await tamper(database, seal)
    // As if retention had cut, or as if nothing had been sealed after.
    for (const [column, value] of [
      ['cutThrough', 500],
      ['sealedThrough', 500],
    ] as const) {
      const { chain } = await chainRead(database)
      await tamper(database, Prisma.sql`UPDATE "AuditChain" SET ${Prisma.raw(`"${column}"`)} = ${BigInt(value)}`)
      expect((await verify()).fault).toMatchObject({ kind: 'ENDS_CHANGED' })
      expect(await auditSeal(trail.store, sealer)).toBe(column === 'sealedThrough' ? 'forged' : 'done')
      await tamper(database, Prisma.sql`UPDATE "AuditChain" SET ${Prisma.raw(`"${column}"`)} = ${BigInt(chain![column])}`)
    }
    expect((await verify()).fault).toBeNull()
  })

  it('cannot be made anew by somebody without the secret', async () => {
    const other = new Uint8Array(KEY).fill(7)
    expect((await auditVerify(database, other, { limit: 10 })).fault).toMatchObject({ kind: 'ENDS_CHANGED' })
  })

  it('contradicts what was noted of it elsewhere once an older one is in its place', async () => {
    const { sealedMac: mac } = await verify()
    expect((await verify({ known: { position: ENTRIES, mac } })).fault).toBeNull()
    expect((await verify({ known: { position: ENTRIES + 1, mac } })).fault).toMatchObject({ kind: 'CHECKPOINT_CONTRADICTED' })
    expect((await verify({ known: { position: 700, mac } })).fault).toMatchObject({ kind: 'CHECKPOINT_CONTRADICTED' })
  })

  it('tells what is not sealed yet, and what is missing of that', async () => {
    await write(trail.store, 5)
    expect(await verify()).toMatchObject({ fault: null, sealedThrough: ENTRIES, unsealedCount: 5 })
    const entry = await entryAt(ENTRIES + 3)
    await tamper(database, Prisma.sql`DELETE FROM "AuditEntry" WHERE "id" = ${entry.id}`)
    expect((await verify()).fault).toEqual({ kind: 'ENTRY_MISSING', position: ENTRIES + 3, entryId: null })
    // It stays missing, whatever is sealed after it.
    await sealAll(trail)
    expect((await verify()).fault).toEqual({ kind: 'ENTRY_MISSING', position: ENTRIES + 3, entryId: null })
  })

  it('is not changed by whoever asks the database to', async () => {
    const refused = (statement: Prisma.Sql) => expect(trail.store.database.client.$executeRaw(statement)).rejects.toThrow()
    await refused(Prisma.sql`UPDATE "AuditEntry" SET "operation" = 'x' WHERE "position" = 1`)
    await refused(Prisma.sql`DELETE FROM "AuditEntry" WHERE "position" = 1`)
    await refused(Prisma.sql`UPDATE "AuditSeal" SET "sealedAtMs" = 1`)
    await refused(Prisma.sql`DELETE FROM "AuditSeal"`)
    await refused(Prisma.sql`DELETE FROM "AuditChain"`)
    await refused(Prisma.sql`UPDATE "AuditChain" SET "sealedThrough" = 1`)
    await refused(Prisma.sql`UPDATE "AuditOrigin" SET "address" = '192.0.2.1'`)
    if (dialect === 'postgresql') await refused(Prisma.sql`TRUNCATE "AuditEntry"`)
    else await refused(Prisma.sql`INSERT OR REPLACE INTO "AuditEntry" SELECT * FROM "AuditEntry" WHERE "position" = 1`)
  })
})

describe.each(dialects())('retention on %s', (dialect) => {
  it('cuts the trail from its old end, and what is left is still whole', async () => {
    const trail = await openTrail(dialect)
    const { database } = trail.store
    const verify = () => auditVerify(database, KEY, { limit: 10_000 })
    await write(trail.store, 700)
    await sealAll(trail)
    const [first] = await sealsOf(database)
    await write(trail.store, 50)
    await sealAll(trail)
    const seals = await sealsOf(database)
    const day = 86_400_000
    expect(await auditExpire(trail.store, KEY, { retentionDays: 1 })).toBe(0)
    // Between the seals there is at least a moment; where there is none, they go together.
    const nowMs = first!.sealedAtMs + 1 + day
    const gone = seals.filter(({ sealedAtMs }) => sealedAtMs < first!.sealedAtMs + 1).at(-1)!.lastPosition
    expect(await auditExpire(trail.store, KEY, { retentionDays: 1, nowMs })).toBe(gone)
    expect(await verify()).toMatchObject({ fault: null, expiredThrough: gone, checkedCount: 750 - gone })
    // Nobody else cuts further.
    await tamper(database, Prisma.sql`DELETE FROM "AuditEntry" WHERE "position" = ${BigInt(gone + 1)}`)
    expect((await verify()).fault).toMatchObject(gone < 750 ? { kind: 'ENTRY_MISSING', position: gone + 1 } : {})
    await trail.close()
  })
})
