/** Facts in the full-text index, and what tells of them to whoever makes vectors: a space for each owner, in the transaction that writes them. */
import type { Work } from '../events/work.ts'
import { textIndexPut, textIndexRemove } from '../search/text-index.ts'
import { textSpaceOpen } from '../search/text-space.ts'
import { vectorItemsChange } from '../vectors/vector-items-change.ts'
import { vectorItemsRemove } from '../vectors/vector-items-remove.ts'
import type { FactValues } from './fact.ts'
import './fact-items.ts'

export const factSpace = (ownerId: string): string => `facts:${ownerId}`

/** Of other languages' words it only cuts some ends off, the same in a fact and in what is asked. */
const LANGUAGE = 'ENGLISH'

/** A fact is found by its tags too, and rather than by its text. All are of one owner. */
export async function factsIndex(work: Work, facts: readonly Pick<FactValues, 'id' | 'ownerId' | 'text' | 'tags'>[]): Promise<void> {
  const ownerId = facts[0]?.ownerId
  if (ownerId === undefined) return
  const space = await textSpaceOpen(work, factSpace(ownerId), LANGUAGE)
  await textIndexPut(
    work,
    space,
    facts.map(({ id, text, tags }) => ({ id, title: tags.join(', '), content: text })),
  )
}

/** They say something else, or are new: their vectors are made soon. */
export async function factsMeanOther(work: Work, facts: readonly Pick<FactValues, 'id' | 'ownerId'>[]): Promise<void> {
  const ownerId = facts[0]?.ownerId
  if (ownerId === undefined) return
  await vectorItemsChange(
    work,
    factSpace(ownerId),
    facts.map(({ id }) => id),
  )
}

export async function factUnindex(work: Work, { id, ownerId }: Pick<FactValues, 'id' | 'ownerId'>): Promise<void> {
  await textIndexRemove(work, factSpace(ownerId), [id])
  await vectorItemsRemove(work, factSpace(ownerId), [id])
}
