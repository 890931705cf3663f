/**
 * What must never be, with whoever breaks it.
 *
 * Each room registers its own, when its file is loaded. An invariant is found by one statement, so that it sees one moment and a
 * system at work gives no false alarm; what is allowed for a while (a lease that is just being taken over) counts only after it.
 * It may be asked for at any time: rows are found by an index, and where there is none, so many of the newest are looked at.
 */
import { setImmediate as breath } from 'node:timers/promises'
import type { Database } from '../db/database.ts'
import { Prisma } from '../generated/sqlite/client.ts'

export interface Violation {
  /** As in events. */
  subjectType: string
  subjectId: string
  /** What is wrong with it. Never a secret. */
  detail: Record<string, unknown>
}

export interface Invariant {
  /** Stable, as `TASK_LEASE_LAPSED`: what is wrong where it is broken. */
  name: string
  /** What holds. */
  description: string
  /** At most `limit` of what breaks it. */
  find(database: Database, limit: number): Promise<Violation[]>
}

export interface Checked extends Pick<Invariant, 'name' | 'description'> {
  violations: Violation[]
  /** How many there are; `MOST_VIOLATIONS` stands for that many or more. */
  count: number
}

/** More of one kind are not looked for. */
export const MOST_VIOLATIONS = 1000
/** So many of the newest are looked at where no index leads to those that are wrong. */
export const NEWEST = 10_000

const registered = new Map<string, Invariant>()

export function registerInvariant(invariant: Invariant): void {
  registered.set(invariant.name, invariant)
}

/** By a SELECT of `subjectId`; its other columns are the detail. */
export const foundBy =
  (subjectType: string, select: (at: At) => Prisma.Sql): Invariant['find'] =>
  async (database, limit) => {
    const found = await database.rows<{ subjectId: string; [column: string]: unknown }>(
      Prisma.sql`SELECT * FROM (${select(atDatabase(database))}) AS "broken" LIMIT ${limit}`,
    )
    return found.map(({ subjectId, ...detail }) => ({ subjectType, subjectId: String(subjectId), detail }))
  }

/** Words for such a SELECT. */
export interface At extends Pick<Database, 'sql'> {
  /** So long ago, by the database's clock, which is read once: an index can be searched for it. */
  ago(ms: number): Prisma.Sql
  /**
   * What is found for each row of a table, as `of`, by whatever index leads to it: PostgreSQL would rather read a table as a whole, and
   * that it is read within milliseconds it owes to all its processors.
   */
  each(rows: Prisma.Sql, table: string, where: Prisma.Sql): Prisma.Sql
}

const atDatabase = ({ sql, dialect }: Database): At => ({
  sql,
  ago: (ms) => Prisma.sql`(SELECT ${sql.nowMs} - ${Prisma.raw(String(ms))})`,
  each: (rows, table, where) =>
    dialect === 'postgresql'
      ? Prisma.sql`${rows} CROSS JOIN LATERAL (SELECT "of".* FROM ${Prisma.raw(`"${table}"`)} AS "of" WHERE ${where} OFFSET 0) AS "of"`
      : Prisma.sql`${rows} CROSS JOIN ${Prisma.raw(`"${table}"`)} AS "of" ON ${where}`,
})

/** Every invariant with what breaks it, one after the other: it may take a while, and takes little of the database. */
export async function invariantsCheck(database: Database): Promise<Checked[]> {
  const checked: Checked[] = []
  for (const { name, description, find } of [...registered.values()].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const violations = await find(database, MOST_VIOLATIONS)
    checked.push({ name, description, violations, count: violations.length })
    // On SQLite nothing else happens in this process while a statement runs.
    await breath()
  }
  return checked
}
