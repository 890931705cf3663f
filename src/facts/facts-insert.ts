import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { FACT_ROW, type FactValues, factChanged, tagsInOrder, toFactValues } from './fact.ts'
import type { Source } from './fact-access.ts'
import { factsIndex, factsMeanOther } from './fact-index.ts'
import { type LikenessKeys, NEAR_KEYS } from './fact-likeness.ts'
import { folded } from './fact-text.ts'

/** A fact to be written down, with what was found out about it. */
export interface NewFact extends Source {
  id: string
  ownerId: string
  text: string
  tags: readonly string[]
  metadata?: unknown
  keys: LikenessKeys
}

/** SQLite takes 32,766 values in a statement. */
const AT_ONCE = 500
const TAGS_AT_ONCE = 5000

const NEAR_COLUMNS = Array.from({ length: NEAR_KEYS }, (_, i) => `near${i}`)
const KEY_COLUMNS = Prisma.raw(['sameKey', ...NEAR_COLUMNS].map((column) => `"${column}"`).join(', '))

/** Writes facts down, many by one statement, each with its event. All are of one owner. Answers them in their order. */
export async function factsInsert(work: Work, facts: readonly NewFact[]): Promise<FactValues[]> {
  const made: FactValues[] = []
  for (let done = 0; done < facts.length; done += AT_ONCE) made.push(...(await insert(work, facts.slice(done, done + AT_ONCE))))
  await tagsInsert(work, facts)
  await factsIndex(work, made)
  await factsMeanOther(work, made)
  for (const fact of made) factChanged(work, 'CREATED', fact)
  return made
}

async function insert(work: Work, facts: readonly NewFact[]): Promise<FactValues[]> {
  const { sql } = work
  const text = (value: (fact: NewFact) => string | null | undefined) => ({ kind: 'text' as const, values: facts.map((fact) => value(fact) ?? null) })
  const bigint = (value: (fact: NewFact) => number) => ({ kind: 'bigint' as const, values: facts.map(value) })
  const given = sql.table('given', {
    id: text(({ id }) => id),
    ownerId: text(({ ownerId }) => ownerId),
    text: text((fact) => fact.text),
    folded: text((fact) => folded(fact.text)),
    metadata: text(({ metadata }) => (metadata ? JSON.stringify(metadata) : null)),
    taskId: text(({ taskId }) => taskId),
    messageId: text(({ messageId }) => messageId),
    sameKey: bigint(({ keys }) => keys.same),
    ...Object.fromEntries(NEAR_COLUMNS.map((column, i) => [column, bigint(({ keys }) => keys.near[i]!)])),
  })
  const rows = await work.rows<Record<string, unknown>>(Prisma.sql`
    INSERT INTO "Fact" ("id", "ownerId", "text", "folded", "metadata", "taskId", "messageId", ${KEY_COLUMNS}, "createdAtMs", "updatedAtMs")
    SELECT "id", "ownerId", "text", "folded", ${sql.asJson(Prisma.sql`"metadata"`)}, "taskId", "messageId", ${KEY_COLUMNS}, "now", "now"
    FROM (SELECT ${sql.nowMs} AS "now") AS "clock", ${given} RETURNING ${FACT_ROW}`)
  const byId = new Map(rows.map((row) => [row.id, row]))
  return facts.map(({ id, tags }) => toFactValues(byId.get(id)!, tagsInOrder(tags)))
}

export async function tagsInsert(work: Work, facts: readonly Pick<NewFact, 'id' | 'ownerId' | 'tags'>[]): Promise<void> {
  const all = facts.flatMap(({ id, ownerId, tags }) => tagsInOrder(tags).map((tag) => ({ factId: id, tag, ownerId })))
  for (let done = 0; done < all.length; done += TAGS_AT_ONCE) {
    const some = all.slice(done, done + TAGS_AT_ONCE)
    const column = (name: keyof (typeof some)[number]) => ({ kind: 'text' as const, values: some.map((row) => row[name]) })
    await work.execute(Prisma.sql`INSERT INTO "FactTag" ("factId", "tag", "ownerId")
      SELECT "factId", "tag", "ownerId" FROM ${work.sql.table('given', { factId: column('factId'), tag: column('tag'), ownerId: column('ownerId') })}`)
  }
}

/** Of a text that has changed: what goes with it. */
export const textSet = (text: string, keys: LikenessKeys): Prisma.Sql =>
  Prisma.join([
    Prisma.sql`"text" = ${text}, "folded" = ${folded(text)}, "sameKey" = CAST(${keys.same} AS BIGINT)`,
    ...NEAR_COLUMNS.map((column, i) => Prisma.sql`${Prisma.raw(`"${column}"`)} = CAST(${keys.near[i]} AS BIGINT)`),
  ])
