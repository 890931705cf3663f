/** Whether what stands in the trail is what was sealed. Pure: it is given the rows. */
import { originDigest } from '../events/trail.ts'
import type { EntryRow } from './audit-entry.ts'
import { entryMac, isSame, type Key, MAC_BYTES, macAt, type Seal, sealMac } from './chain.ts'

export const FAULTS = {
  ENTRY_CHANGED: 'The entry at this position is not what was sealed.',
  ENTRY_MISSING: 'There is no entry at this position, though one was written.',
  ENTRY_ADDED: 'There is an entry where none was written: below the beginning of the trail, or beyond its end.',
  SEAL_CHANGED: 'The seal over this position is not as it was made.',
  SEAL_MISSING: 'There is no seal over this position, though it was sealed.',
  ENDS_CHANGED: 'The row that says where the chain begins and ends is not as it was left.',
  PERSONAL_DATA_CHANGED: 'The personal data of the entry at this position is not what it was.',
  CHECKPOINT_CONTRADICTED: 'What was sealed at this position is not what was noted of it elsewhere.',
} as const
export type FaultKind = keyof typeof FAULTS

export interface Fault {
  kind: FaultKind
  position: number
  /** The entry's, where there is one. */
  entryId: string | null
}

export interface OriginRow {
  digest: string
  salt: string
  userId: string | null
  address: string | null
  userAgent: string | null
  email: string | null
  createdAtMs: number
}

/** The first of a seal's entries that is not what it was; `before`: the MAC of the one that they follow. */
export function sealFault(key: Key, before: Uint8Array, seal: Seal, entries: ReadonlyMap<number, EntryRow>): Fault | null {
  const { firstPosition, lastPosition, macs } = seal
  if (macs.length !== (lastPosition - firstPosition + 1) * MAC_BYTES) return { kind: 'SEAL_CHANGED', position: firstPosition, entryId: null }
  const isWhole = isSame(sealMac(key, seal), seal.mac)
  let last = before
  for (let position = firstPosition; position <= lastPosition; position++) {
    const entry = entries.get(position) ?? null
    const mac = entryMac(key, last, entry)
    const isSealed = isSame(mac, macAt(seal, position))
    if (!isSealed || !entry) return { kind: !isWhole ? 'SEAL_CHANGED' : entry ? 'ENTRY_CHANGED' : 'ENTRY_MISSING', position, entryId: entry?.id ?? null }
    last = mac
  }
  return isWhole ? null : { kind: 'SEAL_CHANGED', position: firstPosition, entryId: null }
}

export const isOriginWhole = (origin: OriginRow): boolean => originDigest(origin.salt, origin, origin.createdAtMs) === origin.digest
