import { NotFound } from '../core/errors.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { spaceOf } from '../search/collection.ts'
import { MAX_SPACES } from '../search/text-asked.ts'
import type { ContextRule } from './context-rule.ts'

/** Those of the collections that are there and their owner's; where none is named, those that were changed last, as many as are searched at once. */
export async function collectionsOf(work: Pick<Work, 'rows'>, ownerId: string, ids?: readonly string[]): Promise<string[]> {
  if (ids && !ids.length) return []
  const rows = await work.rows<{ id: string }>(Prisma.sql`SELECT "id" FROM "SearchCollection" WHERE "ownerId" = ${ownerId} AND "deletedAtMs" IS NULL
    ${ids ? Prisma.sql`AND "id" IN (${Prisma.join([...ids])})` : Prisma.empty} ORDER BY "updatedAtMs" DESC, "id" DESC LIMIT ${MAX_SPACES}`)
  return rows.map(({ id }) => id)
}

/** Refuses what is not there. */
export async function collectionSpaces(work: Pick<Work, 'rows'>, ownerId: string, ids?: readonly string[]): Promise<string[]> {
  const found = await collectionsOf(work, ownerId, ids)
  if (ids && found.length < new Set(ids).size) throw new NotFound('SearchCollection', ['input', 'collections'])
  return found.map(spaceOf)
}

/** Refuses a rule that names a collection which is not the owner's. One that goes later is passed over. */
export async function contextRuleCheck(work: Work, ownerId: string, rule: ContextRule | null | undefined, path: readonly string[]): Promise<void> {
  const { collections } = rule ?? {}
  if (!collections) return
  const found = new Set(await collectionsOf(work, ownerId, collections))
  const missing = collections.findIndex((id) => !found.has(id))
  if (missing >= 0) throw new NotFound('SearchCollection', [...path, 'settings', 'context', 'collections', String(missing)])
}
