import type { Work } from '../events/work.ts'
import { vectorSetCreate } from '../vectors/vector-set-create.ts'
import { spaceOf } from './collection.ts'
import { collectionKeep } from './collection-hold.ts'
import './collection-items.ts'

/**
 * Lets a model make the vectors of a collection, by a task. Until they are whole, those that are there answer; with the model that made
 * these, nothing is made anew.
 */
export async function collectionEmbed(work: Work, id: string, model: string): Promise<void> {
  const { ownerId } = await collectionKeep(work, id, ['input', 'id'])
  await vectorSetCreate(work, { ownerId, space: spaceOf(id), model })
}
