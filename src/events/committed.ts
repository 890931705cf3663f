/**
 * Who is told what this process has committed, and only this one: each event is told in one server, once, so that what is counted of
 * it can be added up over all servers. Told after the commit, and not at all where the process dies in between: for figures, not for truth.
 */
import type { LoggedEvent } from './log.ts'

type Hear = (event: LoggedEvent) => void

const listeners = new Set<{ prefix: string; hear: Hear }>()

/** `hear` is told of events whose kind begins so. It must be quick and not throw. What it answers ends that. */
export function registerCommitted(prefix: string, hear: Hear): () => void {
  const listener = { prefix, hear }
  listeners.add(listener)
  return () => void listeners.delete(listener)
}

export function tellCommitted(events: readonly LoggedEvent[]): void {
  for (const event of events) for (const { prefix, hear } of listeners) if (event.kind.startsWith(prefix)) hear(event)
}
