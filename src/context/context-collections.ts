import { NotFound } from '../core/errors.ts'
import type { Work } from '../events/work.ts'
import { spaceOf } from '../search/collection.ts'
import { collectionsOwned } from '../search/collections-owned.ts'
import type { ContextRule } from './context-rule.ts'

/** Refuses what is not there. */
export async function collectionSpaces(work: Pick<Work, 'rows'>, ownerId: string, ids?: readonly string[]): Promise<string[]> {
  const found = await collectionsOwned(work, ownerId, ids)
  if (ids && found.length < new Set(ids).size) throw new NotFound('SearchCollection', ['input', 'collections'])
  return found.map(spaceOf)
}

/** Refuses a rule that names a collection which is not the owner's. One that goes later is passed over. */
export async function contextRuleCheck(work: Work, ownerId: string, rule: ContextRule | null | undefined, path: readonly string[]): Promise<void> {
  const { collections } = rule ?? {}
  if (!collections) return
  const found = new Set(await collectionsOwned(work, ownerId, collections))
  const missing = collections.findIndex((id) => !found.has(id))
  if (missing >= 0) throw new NotFound('SearchCollection', [...path, 'settings', 'context', 'collections', String(missing)])
}
