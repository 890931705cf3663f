import { requireKnown } from '../core/actor.ts'
import type { Work } from '../events/work.ts'
import { vectorSetCreate } from '../vectors/vector-set-create.ts'
import { factSpace } from './fact-index.ts'

/** Lets a model make the vectors of the actor's facts, by a task; of those that come later too. Until they are whole, those that are there answer. */
export async function factsEmbed(work: Work, model: string): Promise<void> {
  const { userId } = requireKnown(work.actor)
  await vectorSetCreate(work, { ownerId: userId, space: factSpace(userId), model })
}
