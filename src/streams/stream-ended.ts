/**
 * What hangs on a stream learns of its end in the transaction that ends it, whoever does: its producer, a cancel, a rescue.
 * Rooms register what they have to do when their file is loaded.
 */
import type { Work } from '../events/work.ts'
import type { StreamValues } from './stream.ts'

export type WhenStreamsEnd = (work: Work, ended: readonly StreamValues[]) => Promise<void>

const registered = new Map<string, WhenStreamsEnd>()

/** `then` is given streams that have just become final, many at once. It costs every end of a stream: look by an index, and only once. */
export function whenStreamsEnd(room: string, then: WhenStreamsEnd): void {
  registered.set(room, then)
}

export async function tellStreamsEnded(work: Work, ended: readonly StreamValues[]): Promise<void> {
  if (!ended.length) return
  for (const then of registered.values()) await then(work, ended)
}
