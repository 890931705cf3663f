/** Where a SQLite database may live: one server process a file, on a disk of this machine. */
import { realpathSync, statfsSync } from 'node:fs'
import path from 'node:path'
import Libsql from 'libsql'

const owned = new Set<string>()

/** Whether this very process is the file's owner. */
export const isOwnedHere = (file: string): boolean => owned.has(lockFile(file))

/** The same name for the same file, by whichever way it is reached. */
const lockFile = (file: string): string => `${path.join(realpathSync(path.dirname(path.resolve(file))), path.basename(file))}.lock`

/**
 * Makes this process the only server on a database file; the returned function gives that up. The lock is a transaction
 * held open in a tiny database beside it, so that the operating system lets go of it however the process ends. Null where
 * another process (or another part of this one) is the owner.
 */
export function ownFile(file: string): (() => void) | null {
  const lock = lockFile(file)
  if (owned.has(lock)) return null
  const db = new Libsql(lock, { timeout: 0 })
  try {
    db.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    db.close()
    if (error instanceof Error && 'code' in error && error.code === 'SQLITE_BUSY') return null
    throw error
  }
  owned.add(lock)
  return () => {
    if (!owned.delete(lock)) return
    // Closing alone might leave the lock until the garbage collector comes.
    db.exec('ROLLBACK')
    db.close()
  }
}

/** File systems behind a network or a translator: on these, locks and WAL's shared memory cannot be trusted. */
const REMOTE = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB2'],
  [0x65735546, 'FUSE'],
  [0x01021997, '9p'],
  [0x00c36400, 'Ceph'],
  [0x0bd00bd0, 'Lustre'],
  [0x5346414f, 'AFS'],
])

/** The network file system a file lies on, or null. */
export function remoteFileSystem(file: string): string | null {
  // The type is signed in some kernels' structures.
  const type = statfsSync(path.dirname(path.resolve(file))).type >>> 0
  return REMOTE.get(type) ?? null
}
