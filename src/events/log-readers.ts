/**
 * Who must have read the log before it is cut: what is counted out of events would be wrong for ever without those that were
 * removed unread. Subscribers are not among them, for they are told when their cursors expire.
 */
import type { Store } from './store.ts'
import type { Work } from './work.ts'

export interface LogReader {
  name: string
  /** Reads on to the end of the log, or waits for another server that does. */
  catchUp(store: Store): Promise<void>
  /** How far it has read, as it is committed: no event after this may be removed. */
  position(work: Pick<Work, 'rows'>): Promise<number>
}

const readers = new Map<string, LogReader>()

/** Once for each reader, when its file is loaded. */
export function registerLogReader(reader: LogReader): void {
  readers.set(reader.name, reader)
}

/** Before the log is cut: not within a transaction, for readers write what they have read. */
export async function logReadersCatchUp(store: Store): Promise<void> {
  for (const reader of readers.values()) await reader.catchUp(store)
}

/** The last position that all have read, whatever happened to them; positions only grow, so that it may be cut as far as this. */
export async function logReadThrough(work: Pick<Work, 'rows'>): Promise<number> {
  let through = Number.MAX_SAFE_INTEGER
  for (const reader of readers.values()) through = Math.min(through, await reader.position(work))
  return through
}
