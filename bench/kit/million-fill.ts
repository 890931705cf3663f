/** Many tasks at once, written past the product by SQL alone: who ended, who waits, of whom, of which type. */
import Libsql from 'libsql'
import pg from 'pg'
import type { Dialect } from '../../src/db/sql.ts'

export interface Fill {
  finished: number
  waiting: number
  /** One of so many tasks is the owner's. */
  share: number
  ownerId: string
}

export const TYPES = ['bench.0', 'bench.1', 'bench.2', 'bench.3', 'bench.4']

export const OTHERS = 200
export const AT_ONCE = 100_000
const DAY_MS = 86_400_000
const SPREAD_MS = 20 * DAY_MS

/** What the databases say differently. */
export const WORDS = {
  sqlite: {
    numbers: (from: number, to: number) =>
      `(WITH RECURSIVE "s"("n") AS (SELECT ${from} UNION ALL SELECT "n" + 1 FROM "s" WHERE "n" < ${to}) SELECT "n" FROM "s")`,
    hex: (value: string) => `printf('%012x', ${value})`,
    digits: (value: string) => `printf('%012d', ${value})`,
    as: (_type: string, value: string) => value,
  },
  postgresql: {
    numbers: (from: number, to: number) => `(SELECT generate_series(${from}, ${to}) AS "n")`,
    hex: (value: string) => `lpad(to_hex((${value})::bigint), 12, '0')`,
    digits: (value: string) => `lpad((${value})::text, 12, '0')`,
    as: (type: string, value: string) => `(${value})::${type}`,
  },
} as const

interface Target {
  run(sql: string): Promise<unknown>
  /** The checks of the first status, and whatever else stands before an insert. */
  checks(on: boolean): Promise<void>
  close(): Promise<void>
}

/** Fills a database that no server uses. The log of events looks as if all that happened had been removed by retention. */
export async function fill(dialect: Dialect, url: string, what: Fill): Promise<void> {
  const target = await openTarget(dialect, url, 'Task')
  const count = what.finished + what.waiting
  try {
    await target.run(othersInsert(dialect))
    await target.checks(false)
    for (let from = 1; from <= count; from += AT_ONCE) await target.run(tasksInsert(dialect, what, from, Math.min(count, from + AT_ONCE - 1)))
    await target.checks(true)
    await target.run('DELETE FROM "Event"')
    await target.run(`UPDATE "LogHead" SET "position" = "position" + ${3 * count}, "expiredThrough" = "position" + ${3 * count}`)
    // The server makes the tallies anew, out of the table: the log does not reach back to their head.
    await target.run('DELETE FROM "TallyHead"')
    await target.run(dialect === 'sqlite' ? 'ANALYZE' : 'VACUUM ANALYZE')
  } finally {
    await target.close()
  }
}

export const otherId = (dialect: Dialect, n: string) => `'00000000-0000-7000-8000-' || ${WORDS[dialect].digits(n)}`

export function othersInsert(dialect: Dialect): string {
  const { numbers, as } = WORDS[dialect]
  return `INSERT INTO "User" ("id", "email", "displayName", "preferences", "createdAtMs", "updatedAtMs")
    SELECT ${otherId(dialect, '"n"')}, 'other-' || "n" || '@example.com', 'other', ${as('jsonb', "'{}'")}, 0, 0 FROM ${numbers(0, OTHERS - 1)} AS "of"`
}

/** The first are the oldest, and those that wait the newest. Of what has ended 20 % FAILED and 10 % are CANCELLED; of what waits 10 % are due tomorrow. */
function tasksInsert(dialect: Dialect, { finished, waiting, share, ownerId }: Fill, from: number, to: number): string {
  const { numbers, hex, digits, as } = WORDS[dialect]
  const now = Date.now()
  const step = Math.floor(SPREAD_MS / (finished + waiting))
  const createdAt = `(${now} - (${finished + waiting} - "n" + 1) * ${as('bigint', String(step))})`
  // One after the other, of each owner too: the type, then the status, then the priority.
  const turn = (each: number, of: number) => `("n" / ${share * each} % ${of})`
  const isFinal = `("n" <= ${finished})`
  const status = `CASE WHEN NOT ${isFinal} THEN 'QUEUED' WHEN ${turn(5, 10)} < 2 THEN 'FAILED' WHEN ${turn(5, 10)} = 2 THEN 'CANCELLED' ELSE 'COMPLETED' END`
  const whenFinal = (value: string) => `CASE WHEN ${isFinal} THEN ${value} END`
  const startedAt = '"createdAtMs" + 50 + "n" % 1000'
  const duration = '100 + "n" % 977 * 61'
  return `INSERT INTO "Task" ("id", "ownerId", "type", "lane", "status", "description", "params", "result", "error", "priority", "attempt", "agentsInvolved", "lastWorker",
      "readyAtMs", "runAtMs", "createdAtMs", "updatedAtMs", "queuedAtMs", "startedAtMs", "completedAtMs", "durationMs")
    SELECT substr("hex", 1, 8) || '-' || substr("hex", 9, 4) || '-7000-8000-' || ${digits('"n"')},
      CASE WHEN "n" % ${share} = 0 THEN '${ownerId}' ELSE ${otherId(dialect, `"n" % ${OTHERS}`)} END,
      "type", "type", ${as('"TaskStatus"', '"status"')}, 'The task number ' || "n", ${as('jsonb', `'{"n":' || "n" || ',"prompt":"What is to be done, in a line of some length."}'`)},
      ${as('jsonb', `CASE WHEN "status" = 'COMPLETED' THEN '{"text":"What came of it, in a line that is a bit longer than the question was."}' END`)},
      CASE WHEN "status" = 'FAILED' THEN 'It did not go well.' END, ${turn(50, 10)}, ${as('int', isFinal)}, ${as('jsonb', "'[]'")}, ${whenFinal("'host:1'")},
      CASE WHEN NOT ${isFinal} AND NOT "isLater" THEN "createdAtMs" END, CASE WHEN "isLater" THEN ${now + DAY_MS} ELSE "createdAtMs" END,
      "createdAtMs", CASE WHEN ${isFinal} THEN ${startedAt} + ${duration} ELSE "createdAtMs" END, "createdAtMs",
      ${whenFinal(startedAt)}, ${whenFinal(`${startedAt} + ${duration}`)}, ${whenFinal(duration)}
    FROM (SELECT "n", ${createdAt} AS "createdAtMs", ${hex(createdAt)} AS "hex", 'bench.' || ${turn(1, 5)} AS "type", ${status} AS "status",
      (NOT ${isFinal} AND ${turn(5, 10)} = 0) AS "isLater" FROM ${numbers(from, to)} AS "s") AS "of"`
}

/** The database as one that is filled without a server; the checks of a table may be put aside. */
export const openTarget = (dialect: Dialect, url: string, name: string): Promise<Target> => (dialect === 'sqlite' ? openFile(url, name) : openServer(url, name))

async function openFile(url: string, name: string): Promise<Target> {
  const db = new Libsql(url.replace('file:', ''))
  db.exec('PRAGMA synchronous = OFF; PRAGMA cache_size = -1000000; PRAGMA temp_store = MEMORY')
  const triggers = db.prepare(`SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?`).all(name) as { name: string; sql: string }[]
  return {
    run: async (sql) => db.exec(sql),
    checks: async (on) => {
      for (const trigger of triggers) db.exec(on ? trigger.sql : `DROP TRIGGER "${trigger.name}"`)
    },
    close: async () => {
      db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
      db.close()
    },
  }
}

async function openServer(url: string, name: string): Promise<Target> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  return {
    run: (sql) => client.query(sql),
    checks: async (on) => {
      await client.query(`ALTER TABLE "${name}" ${on ? 'ENABLE' : 'DISABLE'} TRIGGER USER`)
    },
    close: () => client.end(),
  }
}
