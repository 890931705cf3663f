/**
 * What hangs on a task learns of its end in the transaction that ends it, whoever does: its worker, a cancel, a rescue, its removal. Its
 * streams have ended by then. Rooms register what they have to do when their file is loaded.
 */
import type { Work } from '../events/work.ts'
import type { TaskValues } from './task.ts'

export type WhenTasksEnd = (work: Work, ended: readonly TaskValues[]) => Promise<void>

const registered = new Map<string, WhenTasksEnd>()

/** `then` is given tasks that have just become final, many at once. It is asked at every end of a task: look at their type first. */
export function whenTasksEnd(room: string, then: WhenTasksEnd): void {
  registered.set(room, then)
}

export async function tellTasksEnded(work: Work, ended: readonly TaskValues[]): Promise<void> {
  for (const then of registered.values()) await then(work, ended)
}
