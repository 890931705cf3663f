/** What facts can be filtered by: the same to the database and of what an event carries. */
import { BadUserInput } from '../core/errors.ts'
import { type Asked, type FilterFields, idIn, moment } from '../core/filter.ts'
import { metadataAsked } from '../db/filter-metadata.ts'
import { tagsAsked } from '../db/filter-tags.ts'
import type { Dialect } from '../db/sql.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { folded } from './fact-text.ts'

export const MAX_Q = 1000

/** With an owner, only what is theirs is looked at on the way. */
export const factFilterFields = (dialect: Dialect, ownerId: string | undefined): FilterFields => ({
  id: idIn('Fact', 'id'),
  ownerId: idIn('User', 'ownerId'),
  q: { column: 'folded', asked: qAsked(dialect) },
  tags: { column: 'tags', asked: tagsAsked(tagged(ownerId)) },
  metadata: { column: 'metadata', asked: metadataAsked(dialect) },
  taskId: idIn('Task', 'taskId'),
  messageId: idIn('Message', 'messageId'),
  createdAt: moment('createdAtMs'),
  updatedAt: moment('updatedAtMs'),
})

const qAsked = (dialect: Dialect): Asked => ({
  size(q) {
    if ((q as string).length > MAX_Q) throw new BadUserInput(`q has at most ${MAX_Q} characters.`, ['filter', 'q'])
    return { conditions: 1, values: 0 }
  },
  // Not by LIKE: there is no pattern in it, and every character stands for itself.
  sql(q) {
    const wanted = folded(q as string)
    return wanted ? Prisma.sql`${Prisma.raw(dialect === 'postgresql' ? 'strpos' : 'instr')}("folded", ${wanted}) > 0` : Prisma.sql`1 = 1`
  },
  test: (q, { text }) => typeof text === 'string' && folded(text).includes(folded(q as string)),
})

const tagged = (ownerId: string | undefined) => (tags: readonly string[]) =>
  Prisma.sql`"id" IN (SELECT "factId" FROM "FactTag" WHERE ${ownerId === undefined ? Prisma.empty : Prisma.sql`"ownerId" = ${ownerId} AND`} "tag" IN (${Prisma.join([...tags])}))`
