import { requireKnown } from '../core/actor.ts'
import { newId } from '../core/ids.ts'
import type { Work } from '../events/work.ts'
import type { FactValues } from './fact.ts'
import { type Source, sourceRequire } from './fact-access.ts'
import './fact-errors.ts'
import { likenessKeys } from './fact-likeness.ts'
import { factsInsert, type NewFact } from './facts-insert.ts'
import { factsSimilar, type Similar } from './facts-similar.ts'

export interface FactCreation extends Source {
  id?: string | undefined
  text: string
  tags?: readonly string[] | undefined
  metadata?: unknown
}

/** Writes a fact down, and points out which others of the same owner say the same, or nearly. What it comes from must be its owner's. */
export async function factCreate(work: Work, creation: FactCreation): Promise<{ fact: FactValues; similar: Similar[] }> {
  const { userId } = requireKnown(work.actor)
  await sourceRequire(work, userId, creation)
  const fact = toNewFact(userId, creation)
  const [made] = (await factsInsert(work, [fact])) as [FactValues]
  const [similar] = (await factsSimilar(work, [fact])) as [Similar[]]
  return { fact: made, similar }
}

export const toNewFact = (ownerId: string, { id = newId(), text, tags = [], ...rest }: FactCreation): NewFact => ({
  ...rest,
  id,
  ownerId,
  text,
  tags,
  keys: likenessKeys(ownerId, text),
})
