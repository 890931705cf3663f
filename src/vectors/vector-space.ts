/**
 * What has vectors: spaces of items, each kind with a room that knows them.
 *
 * Rooms register their kind when their file is loaded, and tell of every change of an item in the transaction that makes it.
 */
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'

export interface Item {
  id: string
  text: string
}

export interface ItemSource {
  /** Of which things events about a space's vectors tell: `SearchCollection` for `collection:<id>`. */
  subjectType: string
  /** The ids of a space's items after one, in the order of their bytes; null: from the first. */
  idsAfter(reader: Reader, space: string, after: string | null, limit: number): Promise<string[]>
  /** Those of the ids that are (still) there, with what is to be embedded. */
  texts(reader: Reader, space: string, ids: readonly string[]): Promise<Item[]>
}

export type Reader = Pick<Work, 'rows' | 'sql'>

const sources = new Map<string, ItemSource>()

/** `kind`: what stands before the colon of its spaces. */
export function registerItemSource(kind: string, source: ItemSource): void {
  sources.set(kind, source)
}

export function itemSourceOf(space: string): ItemSource {
  const source = sources.get(kindOf(space))
  if (!source) throw new Error(`Nobody knows what is in ${space}.`)
  return source
}

const kindOf = (space: string): string => space.slice(0, space.indexOf(':'))
export const subjectOf = (space: string): { subjectType: string; subjectId: string } => ({
  subjectType: itemSourceOf(space).subjectType,
  subjectId: space.slice(space.indexOf(':') + 1),
})

/**
 * Holds a space to the end of the transaction: SHARED by all who change its items, ALONE by who begins or ends a set. So that whoever
 * begins one sees each item that was there before, and is told of each that comes after. SQLite has one writer.
 */
export async function spaceHold(work: Work, space: string, how: 'SHARED' | 'ALONE'): Promise<void> {
  if (work.dialect === 'sqlite') return
  const key = Prisma.sql`hashtextextended(${`vectors ${space}`}::text, 0)`
  // The answer of a function without one cannot be read.
  await work.rows(
    how === 'ALONE'
      ? Prisma.sql`SELECT 1 FROM (SELECT pg_advisory_xact_lock(${key})) AS "held"`
      : Prisma.sql`SELECT 1 FROM (SELECT pg_advisory_xact_lock_shared(${key})) AS "held"`,
  )
}
