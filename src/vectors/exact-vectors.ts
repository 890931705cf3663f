/**
 * Vectors of sets in memory, where the database cannot compare them. What is new is read with each search; what was removed is found out
 * by the search itself, which looks for as many more as there are too many here.
 */
import type { Store } from '../events/store.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { ExactThread } from './exact-thread.ts'
import { fromBytes } from './vector-bytes.ts'

export interface NearItem {
  itemId: string
  similarity: number
}

export interface ExactSearch {
  setId: string
  query: Float32Array
  k: number
  /** Only these items; null: all. */
  among: readonly string[] | null
}

/** Of the sets that were searched last; one that is larger is read anew each time. */
const MAX_BYTES = 512 * 1024 * 1024
const READ_AT_ONCE = 500

interface Kept {
  dimensions: number
  version: number
  numbers: SharedArrayBuffer
  ids: string[]
  rows: Map<string, number>
  /** Set while it is being read: all who come meanwhile wait for it. */
  reading: Promise<void> | null
}

interface SetNow {
  version: number
  items: number
  dimensions: number | null
}

export class ExactVectors {
  readonly #thread = new ExactThread()
  readonly #kept = new Map<string, Kept>()

  constructor(readonly store: Store) {}

  async nearest({ setId, query, k, among }: ExactSearch): Promise<NearItem[]> {
    const [now] = await this.store.database.rows<SetNow>(Prisma.sql`SELECT "version", "items", "dimensions" FROM "VectorSet" WHERE "id" = ${setId}`)
    if (!now?.items || now.dimensions === null) return []
    const kept = await this.#upToDate(setId, now)
    const rows = among && Uint32Array.from(among.flatMap((id) => kept.rows.get(id) ?? []))
    const gone = Math.max(0, kept.ids.length - now.items)
    const best = await this.#thread.nearest({ numbers: kept.numbers, dimensions: kept.dimensions, rows, count: kept.ids.length, query, k: k + gone })
    const found = best.map(({ row, similarity }) => ({ itemId: kept.ids[row]!, similarity }))
    if (!gone) return found
    const there = await this.store.database.rows<{ itemId: string }>(
      Prisma.sql`SELECT "itemId" FROM "Vector" WHERE "setId" = ${setId} AND "itemId" IN (SELECT "itemId" FROM ${this.store.database.sql.table('found', { itemId: { kind: 'text', values: found.map(({ itemId }) => itemId) } })})`,
    )
    const ids = new Set(there.map(({ itemId }) => itemId))
    return found.filter(({ itemId }) => ids.has(itemId)).slice(0, k)
  }

  close(): Promise<void> {
    return this.#thread.close()
  }

  async #upToDate(setId: string, now: SetNow): Promise<Kept> {
    for (;;) {
      const known = this.#kept.get(setId)
      if (known?.reading) {
        await known.reading
        continue
      }
      // Where many were removed it is read anew.
      const isStale = known && (known.dimensions !== now.dimensions || known.ids.length - now.items > 1000 + now.items / 10)
      const kept =
        known && !isStale
          ? known
          : { dimensions: now.dimensions!, version: -1, numbers: new SharedArrayBuffer(0), ids: [], rows: new Map<string, number>(), reading: null }
      // The last used goes to the end.
      this.#kept.delete(setId)
      this.#kept.set(setId, kept)
      if (kept.version >= now.version) return kept
      kept.reading = this.#read(setId, kept, now).finally(() => {
        kept.reading = null
      })
      try {
        await kept.reading
      } catch (error) {
        this.#kept.delete(setId)
        throw error
      }
      this.#trim()
      return kept
    }
  }

  /** What is newer than what is here, in the order of its making; the later of two replaces the earlier. */
  async #read(setId: string, kept: Kept, now: SetNow): Promise<void> {
    let after = { version: kept.version, itemId: '' }
    for (;;) {
      const rows = await this.store.database.rows<{ itemId: string; version: number; bytes: Uint8Array }>(Prisma.sql`
        SELECT "itemId", "version", "bytes" FROM "Vector" WHERE "setId" = ${setId} AND "version" >= CAST(${after.version} AS BIGINT)
          AND ("version" > CAST(${after.version} AS BIGINT) OR "itemId" > ${after.itemId}) ORDER BY "version", "itemId" LIMIT ${READ_AT_ONCE}`)
      // Those of the version that is here were all read with it.
      for (const { itemId, bytes } of rows) this.#put(kept, itemId, fromBytes(bytes), now.items)
      const last = rows.at(-1)
      if (!last || rows.length < READ_AT_ONCE) break
      after = { version: last.version, itemId: last.itemId }
    }
    kept.version = now.version
  }

  #put(kept: Kept, itemId: string, vector: Float32Array, expected: number): void {
    let row = kept.rows.get(itemId)
    if (row === undefined) {
      row = kept.ids.push(itemId) - 1
      kept.rows.set(itemId, row)
    }
    const at = row * kept.dimensions
    if ((at + kept.dimensions) * 4 > kept.numbers.byteLength) {
      // Searches under way go on with what they have.
      const larger = new SharedArrayBuffer(Math.max(expected, Math.ceil((row + 1) * 1.5)) * kept.dimensions * 4)
      new Float32Array(larger).set(new Float32Array(kept.numbers))
      kept.numbers = larger
    }
    new Float32Array(kept.numbers).set(vector, at)
  }

  #trim(): void {
    let bytes = [...this.#kept.values()].reduce((sum, { numbers }) => sum + numbers.byteLength, 0)
    for (const [setId, { numbers, reading }] of this.#kept) {
      if (bytes <= MAX_BYTES) return
      if (reading) continue
      this.#kept.delete(setId)
      bytes -= numbers.byteLength
    }
  }
}
