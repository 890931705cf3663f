import { ownedBy } from '../core/actor.ts'
import { NotFound } from '../core/errors.ts'
import type { Work } from '../events/work.ts'

/** Refuses an id that is no conversation of the actor's. */
export async function conversationRequire(work: Work, id: string, path: string[]): Promise<void> {
  const found = await work.db.conversation.findFirst({ where: { id, ...ownedBy(work.actor) }, select: { id: true } })
  if (!found) throw new NotFound('Conversation', path)
}
