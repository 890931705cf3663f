/** Who may see what of the trail: an ADMIN all of it, others what they did themselves. */
import { type Actor, actorId, seesAll } from '../core/actor.ts'
import { Prisma } from '../generated/sqlite/client.ts'

/** As a Prisma `where`. A stranger's matches nothing, and nobody's entries are nobody's. */
export const entriesSeenBy = (actor: Actor): { userId?: string } => (seesAll(actor) ? {} : { userId: actorId(actor) ?? '' })

export const entriesSeenBySql = (actor: Actor): Prisma.Sql => (seesAll(actor) ? Prisma.sql`1 = 1` : Prisma.sql`"AuditEntry"."userId" = ${actorId(actor) ?? ''}`)
