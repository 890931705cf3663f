import type { Actor } from '../core/actor.ts'
import { actorId } from '../core/actor.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'

/** The same transaction, in the place of the user; who caused what is told in it stays who it is. */
export async function inPlaceOf(work: Work, ownerId: string): Promise<Work> {
  if (actorId(work.actor) === ownerId) return work
  const [owner] = await work.rows<{ role: 'USER' | 'ADMIN' }>(Prisma.sql`SELECT "role" FROM "User" WHERE "id" = ${ownerId}`)
  const actor: Actor = { kind: 'deputy', userId: ownerId, role: owner!.role }
  // Not a copy, for what is read from the work may be made only when it is.
  return Object.create(work, { actor: { value: actor } }) as Work
}
