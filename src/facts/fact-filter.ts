/** What facts can be filtered by: the same to the database and of what an event carries. */

import { BadUserInput } from '../core/errors.ts'
import { type Asked, and, type Comparators, compared, type FilterFields, type Truth } from '../core/filter.ts'
import { idOf } from '../core/ids.ts'
import { allOf, comparedSql } from '../db/filter-sql.ts'
import type { Dialect } from '../db/sql.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import { folded } from './fact-text.ts'
import { heldAt, metadataSql, type Typed } from './metadata-path.ts'

export const MAX_Q = 1000
export const MAX_PATH = 5
const MAX_KEY = 200

const moment = (column: string) => ({ column, required: true, write: (value: unknown) => BigInt((value as Date).getTime()) })
const idIn = (type: string, column: string) => ({ column, write: (value: unknown) => idOf(type, value as string, ['filter', column]) ?? '' })

/** With an owner, only what is theirs is looked at on the way. */
export const factFilterFields = (dialect: Dialect, ownerId: string | undefined): FilterFields => ({
  id: idIn('Fact', 'id'),
  ownerId: { ...idIn('User', 'ownerId'), required: true },
  q: { column: 'folded', asked: qAsked(dialect) },
  tags: { column: 'tags', asked: tagsAsked(ownerId) },
  metadata: { column: 'metadata', asked: metadataAsked(dialect) },
  taskId: idIn('Task', 'taskId'),
  messageId: idIn('Message', 'messageId'),
  createdAt: moment('createdAtMs'),
  updatedAt: moment('updatedAtMs'),
})

const qAsked = (dialect: Dialect): Asked => ({
  size(q) {
    if ((q as string).length > MAX_Q) throw new BadUserInput(`q has at most ${MAX_Q} characters.`, ['filter', 'q'])
    return 1
  },
  // Not by LIKE: there is no pattern in it, and every character stands for itself.
  sql(q) {
    const wanted = folded(q as string)
    return wanted ? Prisma.sql`${Prisma.raw(dialect === 'postgresql' ? 'strpos' : 'instr')}("folded", ${wanted}) > 0` : Prisma.sql`1 = 1`
  },
  test: (q, { text }) => typeof text === 'string' && folded(text).includes(folded(q as string)),
})

export interface TagsCondition {
  any?: readonly string[] | null
  all?: readonly string[] | null
  none?: readonly string[] | null
}

const tagsAsked = (ownerId: string | undefined): Asked => {
  const tagged = (tags: readonly string[]) =>
    Prisma.sql`"id" IN (SELECT "factId" FROM "FactTag" WHERE ${ownerId === undefined ? Prisma.empty : Prisma.sql`"ownerId" = ${ownerId} AND`} "tag" IN (${tags.length ? Prisma.join([...tags]) : Prisma.sql`NULL`}))`
  return {
    size: (condition) => Object.values(condition as TagsCondition).reduce((sum: number, tags: readonly string[] | null) => sum + 1 + (tags?.length ?? 0), 0),
    sql(condition) {
      const { any, all, none } = condition as TagsCondition
      const parts = (all ?? []).map((tag) => tagged([tag]))
      if (any) parts.push(tagged(any))
      if (none?.length) parts.push(Prisma.sql`NOT ${tagged(none)}`)
      return allOf(parts)
    },
    test(condition, values) {
      const { any, all, none } = condition as TagsCondition
      const tags = Array.isArray(values.tags) ? (values.tags as string[]) : []
      return (
        (!any || any.some((tag) => tags.includes(tag))) && (all ?? []).every((tag) => tags.includes(tag)) && !(none ?? []).some((tag) => tags.includes(tag))
      )
    },
  }
}

/** One value in the metadata, and what shall hold of it. */
export interface MetadataCondition {
  path: readonly string[]
  string?: Comparators | null
  number?: Comparators | null
  boolean?: Comparators | null
  isPresent?: boolean | null
}

const TYPES = ['string', 'number', 'boolean'] as const

const metadataAsked = (dialect: Dialect): Asked => ({
  size(conditions) {
    let size = 0
    for (const condition of conditions as MetadataCondition[]) {
      const { path } = condition
      if (path.length < 1 || path.length > MAX_PATH || path.some((key) => key.length > MAX_KEY))
        throw new BadUserInput(`A path has 1 to ${MAX_PATH} keys of at most ${MAX_KEY} characters.`, ['filter', 'metadata', 'path'])
      size += path.length
      for (const type of TYPES) for (const value of Object.values(condition[type] ?? {})) size += 1 + (Array.isArray(value) ? value.length : 0)
    }
    return size
  },
  sql: (conditions) =>
    allOf(
      (conditions as MetadataCondition[]).map(({ path, isPresent, ...typed }) =>
        allOf([
          ...TYPES.flatMap((type) => (typed[type] ? [comparedSql(metadataSql(dialect, path, type), typed[type], writes[type])] : [])),
          ...(isPresent == null ? [] : [Prisma.sql`${metadataSql(dialect, path, 'any')} IS ${isPresent ? Prisma.sql`NOT NULL` : Prisma.sql`NULL`}`]),
        ]),
      ),
    ),
  test: (conditions, { metadata }) =>
    and(
      (conditions as MetadataCondition[]).map(({ path, isPresent, ...typed }): Truth => {
        const held = heldAt(metadata, path)
        return and([
          ...TYPES.flatMap((type) => (typed[type] ? [compared(typeof held === type ? held : null, typed[type])] : [])),
          ...(isPresent == null ? [] : [(held !== null) === isPresent]),
        ])
      }),
    ),
})

/** Both databases compare truths as numbers. */
const writes: Record<Exclude<Typed, 'any'>, ((value: unknown) => unknown) | undefined> = {
  string: undefined,
  number: undefined,
  boolean: (value) => (value ? 1 : 0),
}
