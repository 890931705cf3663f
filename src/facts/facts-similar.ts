import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { taskIn } from '../tasks/task-move.ts'
import { type Compared, type LikenessKeys, likeness, NEAR, NEAR_KEYS, toCompared } from './fact-likeness.ts'

export interface Similar {
  id: string
  /** From 0 to 1. */
  likeness: number
  /** Whether the words are the same. */
  isSame: boolean
}

export interface Likened {
  id: string
  ownerId: string
  text: string
  keys: LikenessKeys
}

/** So many are told of each. */
export const MAX_SIMILAR = 5
/** So many of a key are looked at, so that it takes no longer where very many are alike; and of many facts fewer of each. */
const OF_A_KEY = { one: 50, many: 10 }
/** So many of those that share most keys are compared. */
const COMPARED = { one: 50, many: 10 }
const AT_ONCE = 100

/**
 * The facts of the same owner that say the same, or nearly: the likest first. Looked at is what this transaction sees: of two that are made
 * in the same moment neither may know of the other.
 */
export async function factsSimilar(work: Work, facts: readonly Likened[]): Promise<Similar[][]> {
  const found: Similar[][] = []
  for (let done = 0; done < facts.length; done += AT_ONCE) found.push(...(await similar(work, facts.slice(done, done + AT_ONCE))))
  return found
}

async function similar(work: Work, facts: readonly Likened[]): Promise<Similar[][]> {
  const size = facts.length === 1 ? 'one' : 'many'
  const rows = await work.rows<{ place: number; id: string }>(sharing(work, facts, OF_A_KEY[size]))
  const shared = facts.map(() => new Map<string, number>())
  for (const { place, id } of rows) shared[place]!.set(id, (shared[place]!.get(id) ?? 0) + 1)
  const candidates = facts.map(({ id }, place) =>
    [...shared[place]!]
      .filter(([other]) => other !== id)
      .sort(([a, most], [b, more]) => more - most || (a < b ? 1 : -1))
      .slice(0, COMPARED[size])
      .map(([other]) => other),
  )
  const others = await comparedOf(work, [...new Set(candidates.flat())])
  return facts.map(({ ownerId, text }, place) => {
    const own = toCompared(text)
    return candidates[place]!.flatMap((id) => {
      const other = others.get(id)
      if (other?.ownerId !== ownerId) return []
      const isSame = other.words === own.words
      const by = isSame ? 1 : likeness(own, other)
      return by >= NEAR ? [{ id, likeness: Math.round(by * 1000) / 1000, isSame }] : []
    })
      .sort((a, b) => Number(b.isSame) - Number(a.isSame) || b.likeness - a.likeness || (a.id < b.id ? 1 : -1))
      .slice(0, MAX_SIMILAR)
  })
}

/** What shares a key with each, at most so many a key. */
function sharing({ sql, dialect }: Work, facts: readonly Likened[], limit: number): Prisma.Sql {
  const columns = ['sameKey', ...Array.from({ length: NEAR_KEYS }, (_, i) => `near${i}`)]
  const given = sql.table('given', {
    place: { kind: 'integer', values: facts.map((_, i) => i) },
    ...Object.fromEntries(
      columns.map((column, i) => [column, { kind: 'bigint' as const, values: facts.map(({ keys }) => (i === 0 ? keys.same : keys.near[i - 1]!)) }]),
    ),
  })
  const most = Prisma.raw(String(limit))
  const parts = columns.map((column) => {
    const name = Prisma.raw(`"${column}"`)
    return dialect === 'postgresql'
      ? Prisma.sql`SELECT "given"."place", "of"."id" FROM "given" CROSS JOIN LATERAL (SELECT "Fact"."id" FROM "Fact" WHERE "Fact".${name} = "given".${name} LIMIT ${most}) AS "of"`
      : Prisma.sql`SELECT "given"."place", "of"."id" FROM "given" CROSS JOIN "Fact" AS "of" ON "of".rowid IN (SELECT "Fact".rowid FROM "Fact" WHERE "Fact".${name} = "given".${name} LIMIT ${most})`
  })
  return Prisma.sql`WITH "given" AS (SELECT * FROM ${given}) ${Prisma.join(parts, ' UNION ALL ')}`
}

async function comparedOf(work: Work, ids: readonly string[]): Promise<Map<string, Compared & { ownerId: string }>> {
  if (!ids.length) return new Map()
  const rows = await work.rows<{ id: string; ownerId: string; folded: string }>(
    Prisma.sql`SELECT "id", "ownerId", "folded" FROM "Fact" WHERE ${taskIn(work, ids)}`,
  )
  return new Map(rows.map(({ id, ownerId, folded }) => [id, { ...toCompared(folded, folded), ownerId }]))
}
