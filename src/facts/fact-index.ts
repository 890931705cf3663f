/** Facts in the full-text index: a space for each owner, in the transaction that writes them. */
import type { Work } from '../events/work.ts'
import { textIndexPut, textIndexRemove } from '../search/text-index.ts'
import { textSpaceOpen } from '../search/text-space.ts'
import type { FactValues } from './fact.ts'

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

export const factUnindex = (work: Work, { id, ownerId }: Pick<FactValues, 'id' | 'ownerId'>): Promise<void> => textIndexRemove(work, factSpace(ownerId), [id])
