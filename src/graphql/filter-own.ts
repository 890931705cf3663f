/** Filters by what things belong to. */
import { ownedBy } from '../core/actor.ts'
import type { Filter } from '../core/filter.ts'
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'

/** A UUIDv7 that nothing has. */
const NOTHING = '00000000-0000-7000-8000-000000000000'

/**
 * The filter with nothing's id in the place of ids of what is not the actor's: rows that belong to such a thing are none of the actor's, but
 * the database would go through them one by one, and the time of the answer would tell that they are there. `tables`: of each of its fields
 * that are ids, what they are ids of. The filter must be checked for its size.
 */
export async function filterOwn<F extends object>(
  { actor, rows }: Pick<Work, 'actor' | 'rows'>,
  filter: F | null | undefined,
  tables: Record<string, string>,
): Promise<F | null | undefined> {
  const { ownerId } = ownedBy(actor)
  if (!filter || ownerId === undefined) return filter
  const asked = new Map<string, Set<string>>()
  visit(filter, tables, (globalId, table) => {
    asked.set(table, (asked.get(table) ?? new Set()).add(bare(globalId)))
    return globalId
  })
  const own = new Map<string, Set<string>>()
  for (const [table, ids] of asked) {
    if (table === 'User') own.set(table, new Set([ownerId]))
    else {
      const found = await rows<{ id: string }>(
        Prisma.sql`SELECT "id" FROM ${Prisma.raw(`"${table}"`)} WHERE "id" IN (${Prisma.join([...ids])}) AND "ownerId" = ${ownerId}`,
      )
      own.set(table, new Set(found.map(({ id }) => id)))
    }
  }
  return visit(filter, tables, (globalId, table) => (own.get(table)!.has(bare(globalId)) ? globalId : `${table}:${NOTHING}`)) as F
}

const bare = (globalId: string): string => globalId.slice(globalId.indexOf(':') + 1)

/** A copy with other ids where a field is, or is one of. */
function visit(filter: object, tables: Record<string, string>, change: (globalId: string, table: string) => string): Filter {
  return Object.fromEntries(
    Object.entries(filter).map(([name, condition]) => {
      if (condition === null || condition === undefined) return [name, condition]
      if (name === 'and' || name === 'or') return [name, (condition as object[]).map((part) => visit(part, tables, change))]
      if (name === 'not') return [name, visit(condition, tables, change)]
      const table = tables[name]
      if (!table) return [name, condition]
      // What is of another type is nobody's by itself.
      const one = (id: unknown) => (typeof id === 'string' && id.startsWith(`${table}:`) ? change(id, table) : id)
      const { eq, in: among } = condition as { eq?: unknown; in?: unknown[] | null }
      return [name, { ...condition, ...(eq != null && { eq: one(eq) }), ...(among && { in: among.map(one) }) }]
    }),
  ) as Filter
}
