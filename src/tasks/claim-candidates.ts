/** Which waiting tasks a claim takes: the heads of its lanes, as far as keys and rates allow. */
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { Lanes } from './lanes.ts'
import { type Rate, ratesOpen } from './task-rates.ts'

export interface Candidate {
  id: string
  lane: string
  ownerId: string
  type: string
  priority: number
  runAtMs: number
  concurrencyKey: string | null
  concurrencyLimit: number | null
}

/** So many lanes behind keys and owners are looked at in one claim; the next one goes on where this one stopped. */
const LANES_A_CLAIM = 100

const READY = Prisma.raw(`"status" = 'QUEUED' AND "readyAtMs" IS NOT NULL`)

/** Where the last claim stopped, by range: so that every lane's turn comes. Forgetting it harms nothing. */
export type Turns = Map<string, string>

/** Takes hold of the candidates: on PostgreSQL their rows are locked, and what others have locked is passed over. */
export async function claimCandidates(
  work: Work,
  { lanes, limit, rates, turns }: { lanes: Lanes; limit: number; rates: ReadonlyMap<string, Rate | null>; turns?: Turns | undefined },
): Promise<Candidate[]> {
  const found = await lanesFind(work, lanes, turns)
  const keyed = found.filter((lane) => lane.includes('#'))
  const free = keyed.length ? await keysHold(work, keyed) : new Set<string>()
  const heads = await headsHold(work, [...lanes.exact, ...found.filter((lane) => !lane.includes('#') || free.has(lane))], limit)
  heads.sort((a, b) => b.priority - a.priority || a.runAtMs - b.runAtMs || (a.id < b.id ? -1 : 1))
  const keys = await keysCount(work, heads)
  const gate = await ratesOpen(work, rates, heads)
  const kept: Candidate[] = []
  for (const candidate of heads) {
    if (kept.length === limit) break
    // The rate last: what it lets through is used up, and must start.
    if (!keys.hasRoom(candidate) || !gate.letsThrough(candidate)) continue
    keys.occupy(candidate)
    kept.push(candidate)
  }
  await gate.close()
  return kept
}

/** The lanes in which something waits, of those that lie in the ranges: found by leaping from one to the next in the index. */
async function lanesFind(work: Work, { ranges }: Lanes, turns?: Turns): Promise<string[]> {
  if (!ranges.length) return []
  const lane = work.sql.byBytes(Prisma.sql`"lane"`)
  const next = (after: Prisma.Sql, to: Prisma.Sql) =>
    Prisma.sql`(SELECT "lane" FROM "Task" WHERE ${READY} AND ${lane} > ${after} AND ${lane} < ${to} ORDER BY ${lane} LIMIT 1)`
  const given = work.sql.table('span', {
    number: { kind: 'integer', values: ranges.map((_, i) => i) },
    after: { kind: 'text', values: ranges.map(({ from }) => turns?.get(from) ?? from) },
    to: { kind: 'text', values: ranges.map(({ to }) => to) },
  })
  const rows = await work.rows<{ number: number; found: string }>(Prisma.sql`
    WITH RECURSIVE "walk"("number", "to", "found", "step") AS (
      SELECT "number", "to", ${next(Prisma.sql`"span"."after"`, Prisma.sql`"span"."to"`)}, 1 FROM ${given}
      UNION ALL
      SELECT "number", "to", ${next(Prisma.sql`"walk"."found"`, Prisma.sql`"walk"."to"`)}, "step" + 1 FROM "walk" WHERE "found" IS NOT NULL AND "step" < ${Prisma.raw(String(LANES_A_CLAIM))}
    )
    SELECT "number", "found" FROM "walk" WHERE "found" IS NOT NULL`)
  if (turns) {
    for (const [number, { from }] of ranges.entries()) {
      const own = rows.filter((row) => row.number === number)
      // Those that are left after a full walk come next; then it begins anew.
      if (own.length === LANES_A_CLAIM) turns.set(from, own[own.length - 1]!.found)
      else turns.delete(from)
    }
  }
  return rows.map((row) => row.found)
}

/**
 * Keys are claimed by one worker at a time: a lane's name, without its type, is locked to the end of the transaction, and who
 * runs under it is counted by a later statement. A key that another worker is just claiming is passed over.
 */
async function keysHold(work: Work, lanes: readonly string[]): Promise<Set<string>> {
  if (work.dialect === 'sqlite') return new Set(lanes)
  const rows = await work.rows<{ lane: string }>(Prisma.sql`
    SELECT "lane" FROM (SELECT "lane", pg_try_advisory_xact_lock(4711, hashtext("key")) AS "held"
      FROM (SELECT "lane", "key" FROM ${work.sql.table('keyed', { lane: { kind: 'text', values: [...lanes] }, key: { kind: 'text', values: lanes.map(keyOf) } })} ORDER BY "key" OFFSET 0) AS "sorted") AS "tried" WHERE "held"`)
  return new Set(rows.map((row) => row.lane))
}

const keyOf = (lane: string) => lane.slice(lane.indexOf('@'))

async function headsHold(work: Work, lanes: readonly string[], limit: number): Promise<Candidate[]> {
  const columns = Prisma.raw(
    ['id', 'lane', 'ownerId', 'type', 'priority', 'runAtMs', 'concurrencyKey', 'concurrencyLimit'].map((column) => `"of"."${column}"`).join(', '),
  )
  const inLane = (name: string) => Prisma.sql`${READY} AND ${work.sql.byBytes(Prisma.sql`"lane"`)} = ${Prisma.raw(name)}`
  if (work.dialect === 'postgresql')
    return work.rows<Candidate>(Prisma.sql`
      SELECT "head".* FROM unnest(${[...lanes]}::text[]) AS "wanted"("name"), LATERAL (
        SELECT ${columns} FROM "Task" AS "of" WHERE ${inLane('"wanted"."name"')} ORDER BY "priority" DESC, "runAtMs", "id" LIMIT ${limit} FOR UPDATE SKIP LOCKED) AS "head"`)
  // Without LATERAL: the ids of each lane's head, lane by lane, and then their rows.
  return work.rows<Candidate>(Prisma.sql`
    SELECT ${columns} FROM json_each(${JSON.stringify(lanes)}) AS "wanted" CROSS JOIN "Task" AS "of" WHERE "of"."id" IN (
      SELECT "Task"."id" FROM "Task" WHERE ${inLane('"wanted"."value"')} ORDER BY "priority" DESC, "runAtMs", "id" LIMIT ${limit})`)
}

interface Keys {
  hasRoom(candidate: Candidate): boolean
  occupy(candidate: Candidate): void
}

/** How many run under the keys of the candidates; those that are taken now are counted as they are. */
async function keysCount(work: Work, candidates: readonly Candidate[]): Promise<Keys> {
  const counts = new Map<string, number>()
  const name = ({ ownerId, concurrencyKey }: Pick<Candidate, 'ownerId' | 'concurrencyKey'>) => `${ownerId}#${concurrencyKey}`
  const pairs = [...new Map(candidates.filter(({ concurrencyKey }) => concurrencyKey !== null).map((each) => [name(each), each])).values()]
  if (pairs.length) {
    const running = await work.rows<{ ownerId: string; concurrencyKey: string; count: number }>(Prisma.sql`
      SELECT "wanted"."ownerId", "wanted"."concurrencyKey", (SELECT COUNT(*) FROM "Task" WHERE "status" = 'RUNNING' AND "Task"."concurrencyKey" IS NOT NULL
        AND "Task"."ownerId" = "wanted"."ownerId" AND "Task"."concurrencyKey" = "wanted"."concurrencyKey") AS "count"
      FROM ${work.sql.table('wanted', { ownerId: { kind: 'text', values: pairs.map((each) => each.ownerId) }, concurrencyKey: { kind: 'text', values: pairs.map((each) => each.concurrencyKey) } })}`)
    for (const row of running) counts.set(name(row), Number(row.count))
  }
  const count = (candidate: Candidate) => counts.get(name(candidate)) ?? 0
  return {
    hasRoom: (candidate) => candidate.concurrencyKey === null || count(candidate) < (candidate.concurrencyLimit ?? 1),
    occupy: (candidate) => {
      if (candidate.concurrencyKey !== null) counts.set(name(candidate), count(candidate) + 1)
    },
  }
}
