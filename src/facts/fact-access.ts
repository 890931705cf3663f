/** Who may: a fact is its owner's, and an ADMIN's to change; what it comes from must be its owner's too. */
import { messagesKeep } from '../conversations/messages-keep.ts'
import { ownedBy } from '../core/actor.ts'
import { NotFound } from '../core/errors.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { tasksKeep } from '../tasks/tasks-keep.ts'
import { type FactValues, factValues, toFactValues } from './fact.ts'

export const factMine = (work: Pick<Work, 'actor'>, id: string): Prisma.Sql => {
  const { ownerId } = ownedBy(work.actor)
  return Prisma.sql`"Fact"."id" = ${id} ${ownerId === undefined ? Prisma.empty : Prisma.sql`AND "Fact"."ownerId" = ${ownerId}`}`
}

/** The fact as it is, if it is the actor's to change, and held to the end of the transaction. */
export async function factHold(work: Work, id: string): Promise<FactValues> {
  const [row] = await work.rows<Record<string, unknown>>(
    Prisma.sql`SELECT ${factValues(work)} FROM "Fact" WHERE ${factMine(work, id)} ${work.sql.forUpdateOf('Fact')}`,
  )
  if (!row) throw new NotFound('Fact', ['input', 'id'])
  return toFactValues(row)
}

/** Where facts come from, by inner ids. */
export interface Source {
  taskId?: string | null | undefined
  messageId?: string | null | undefined
}

const SOURCES = [
  ['taskId', 'Task', tasksKeep],
  ['messageId', 'Message', messagesKeep],
] as const

/** Of each source what is not there for this owner; what is there stays to the end of the transaction. */
export async function sourcesMissing(work: Work, ownerId: string, sources: readonly Source[]): Promise<NotFound[][]> {
  const missing: NotFound[][] = sources.map(() => [])
  for (const [field, type, keep] of SOURCES) {
    const ids = [...new Set(sources.flatMap((source) => source[field] ?? []))].sort()
    if (!ids.length) continue
    const there = await keep(work, ownerId, ids)
    for (const [index, source] of sources.entries())
      if (source[field] != null && !there.has(source[field])) missing[index]!.push(new NotFound(type, ['input', field]))
  }
  return missing
}

/** The same of one: throws what is missing. */
export async function sourceRequire(work: Work, ownerId: string, source: Source): Promise<void> {
  const [missing] = (await sourcesMissing(work, ownerId, [source])).flat()
  if (missing) throw missing
}
