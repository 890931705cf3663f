/**
 * The chain that seals the trail.
 *
 * The MAC of each entry is made over that of the one before it and all that the entry holds, under a key derived from the server's secret:
 * who can write to the database but does not know the secret cannot make another chain that fits. The MACs of many entries stand in one
 * `Seal`, and the two ends of the chain in one row: without that, the trail could be cut short from either side.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { Database } from '../db/database.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { Secrets } from '../secrets.ts'
import { ENTRY_COLUMNS, type EntryRow } from './audit-entry.ts'

export type Key = Uint8Array
export const MAC_BYTES = 32
/** What the very first entry follows. */
export const BEGINNING: Uint8Array = new Uint8Array(MAC_BYTES)

export const chainKey = (secrets: Secrets): Key => secrets.key('audit-chain')

export interface Seal {
  firstPosition: number
  lastPosition: number
  macs: Uint8Array
  sealedAtMs: number
  mac: Uint8Array
}

export interface Ends {
  sealedThrough: number
  sealedMac: Uint8Array
  cutThrough: number
  cutMac: Uint8Array
}

export interface Chain extends Ends {
  mac: Uint8Array
}

export const NEW_ENDS: Ends = { sealedThrough: 0, sealedMac: BEGINNING, cutThrough: 0, cutMac: BEGINNING }

/** `entry`: null, where there was none when the place was sealed. */
export const entryMac = (key: Key, before: Uint8Array, entry: EntryRow | null): Uint8Array =>
  createHmac('sha256', key)
    .update(before)
    .update(entry ? JSON.stringify(ENTRY_COLUMNS.map((column) => plain(entry[column]))) : 'missing')
    .digest()

/** What is no number that JavaScript holds exactly was never written so. */
const plain = (value: string | number | null): string | number | null => (typeof value === 'bigint' ? String(value) : value)

export const sealMac = (key: Key, { firstPosition, lastPosition, macs, sealedAtMs }: Omit<Seal, 'mac'>): Uint8Array =>
  createHmac('sha256', key)
    .update(JSON.stringify(['seal', firstPosition, lastPosition, sealedAtMs, createHash('sha256').update(macs).digest('hex')]))
    .digest()

export const endsMac = (key: Key, { sealedThrough, sealedMac, cutThrough, cutMac }: Ends): Uint8Array =>
  createHmac('sha256', key)
    .update(JSON.stringify(['ends', sealedThrough, hex(sealedMac), cutThrough, hex(cutMac)]))
    .digest()

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
export const isSame = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && timingSafeEqual(a, b)

/** The MAC of the entry at a position. */
export const macAt = ({ firstPosition, macs }: Pick<Seal, 'firstPosition' | 'macs'>, position: number): Uint8Array =>
  macs.subarray((position - firstPosition) * MAC_BYTES, (position - firstPosition + 1) * MAC_BYTES)

export const SEAL_VALUES = Prisma.raw('"firstPosition", "lastPosition", "macs", "sealedAtMs", "mac"')
export const CHAIN_VALUES = Prisma.raw('"sealedThrough", "sealedMac", "cutThrough", "cutMac", "mac"')

/** The ends, and how far the trail goes: of one moment. Null: nothing was ever sealed. */
export async function chainRead({ rows }: Pick<Database, 'rows'>): Promise<{ chain: Chain | null; position: number }> {
  const [row] = await rows<{ entryPosition: number } & { [K in keyof Chain]: Chain[K] | null }>(
    Prisma.sql`SELECT "LogHead"."entryPosition", ${CHAIN_VALUES} FROM "LogHead" LEFT JOIN "AuditChain" ON "AuditChain"."id" = 1 WHERE "LogHead"."id" = 1`,
  )
  const { entryPosition, ...chain } = row!
  return { chain: chain.mac ? (chain as Chain) : null, position: entryPosition }
}

/** Whether the ends are as this server, or one with the same secret, left them. */
export const isGenuine = (key: Key, chain: Chain): boolean => isSame(endsMac(key, chain), chain.mac)

export const bytes = ({ dialect }: Pick<Database, 'dialect'>, value: Uint8Array): Prisma.Sql =>
  dialect === 'postgresql' ? Prisma.sql`CAST(${value} AS BYTEA)` : Prisma.sql`${value}`
