import { CursorExpired } from '../core/errors.ts'
import type { Store } from '../events/store.ts'
import { EVENTS_TOPIC } from '../events/tail.ts'
import { TRAIL_TOPIC } from '../events/trail.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { ENTRY_VALUES, type EntryRow } from './audit-entry.ts'
import { chainRead } from './chain.ts'

const PAGE = 100
const LOOK_EVERY_MS = 1000

/** Where a reader begins: after the entry it has seen last, or now. */
export async function followStart(store: Store, after: number | null): Promise<number> {
  const { chain, position } = await chainRead(store.database)
  if (after === null) return position
  if (after > position || after < (chain?.cutThrough ?? 0)) throw new CursorExpired()
  return after
}

/**
 * Every entry after a position, in order, until the signal aborts: positions have no hole and stand in the order of the commits, so that
 * none is missed and none comes twice. A slow reader is served from the table.
 */
export async function* auditFollow(store: Store, after: number, signal: AbortSignal): AsyncGenerator<EntryRow, void, void> {
  let position = after
  let wake = () => {}
  let isAwake = false
  const look = () => {
    isAwake = true
    wake()
  }
  const offs = [store.tail.on('*', look), store.signals.on(EVENTS_TOPIC, look), store.signals.on(TRAIL_TOPIC, look)]
  signal.addEventListener('abort', look, { once: true })
  try {
    while (!signal.aborted && !store.tail.closed) {
      isAwake = false
      const entries = await store.database.rows<EntryRow>(
        Prisma.sql`SELECT ${ENTRY_VALUES} FROM "AuditEntry" WHERE "position" > ${BigInt(position)} ORDER BY "position" LIMIT ${Prisma.raw(String(PAGE))}`,
      )
      for (const entry of entries) {
        if (signal.aborted) return
        // Retention was faster than the reader.
        if (entry.position !== position + 1) throw new CursorExpired()
        yield entry
        position = entry.position
      }
      if (entries.length < PAGE && !isAwake && !signal.aborted) await woken((resolve) => (wake = resolve))
    }
  } finally {
    for (const off of offs) off()
    signal.removeEventListener('abort', look)
  }
}

function woken(listen: (resolve: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, LOOK_EVERY_MS)
    timer.unref()
    listen(() => {
      clearTimeout(timer)
      resolve()
    })
  })
}
