import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { FACT_ROW, factChanged, tagsInOrder, toFactValues } from './fact.ts'
import { factHold, factMine, type Source, sourceRequire } from './fact-access.ts'
import './fact-errors.ts'
import { factsIndex, factsMeanOther } from './fact-index.ts'
import { likenessKeys } from './fact-likeness.ts'
import { tagsInsert, textSet } from './facts-insert.ts'
import { factsSimilar, type Similar } from './facts-similar.ts'

/** Undefined leaves a value as it is; null clears it. */
export interface FactUpdate extends Source {
  text?: string | undefined
  /** All of them. */
  tags?: readonly string[] | null | undefined
  metadata?: unknown
}

/** Changes what a fact says. Where its text is another, it points out again what says the same. */
export async function factUpdate(work: Work, id: string, update: FactUpdate): Promise<Similar[]> {
  const before = await factHold(work, id)
  if (Object.values(update).every((value) => value === undefined)) return []
  const { ownerId } = before
  await sourceRequire(work, ownerId, update)
  const tags = update.tags === undefined ? before.tags : tagsInOrder(update.tags ?? [])
  const text = update.text !== undefined && update.text !== before.text ? update.text : null
  const keys = text === null ? null : likenessKeys(ownerId, text)
  const set = [
    ...(text !== null && keys ? [textSet(text, keys)] : []),
    ...(update.metadata === undefined ? [] : [Prisma.sql`"metadata" = ${update.metadata === null ? Prisma.sql`NULL` : work.sql.json(update.metadata)}`]),
    ...(['taskId', 'messageId'] as const).flatMap((name) =>
      update[name] === undefined ? [] : [Prisma.sql`${Prisma.raw(`"${name}"`)} = CAST(${update[name]} AS TEXT)`],
    ),
    Prisma.sql`"updatedAtMs" = ${work.sql.nowMs}`,
  ]
  const [row] = await work.rows<Record<string, unknown>>(Prisma.sql`UPDATE "Fact" SET ${Prisma.join(set)} WHERE ${factMine(work, id)} RETURNING ${FACT_ROW}`)
  const isRetagged = tags.join('\0') !== before.tags.join('\0')
  if (isRetagged) {
    await work.execute(Prisma.sql`DELETE FROM "FactTag" WHERE "factId" = ${id}`)
    await tagsInsert(work, [{ id, ownerId, tags }])
  }
  const after = toFactValues(row!, tags)
  if (isRetagged || text !== null) await factsIndex(work, [after])
  if (text !== null) await factsMeanOther(work, [after])
  factChanged(work, 'UPDATED', after, before)
  if (text === null || !keys) return []
  const [similar] = (await factsSimilar(work, [{ id, ownerId, text, keys }])) as [Similar[]]
  return similar
}
